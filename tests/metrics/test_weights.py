"""Sample weights of the metrics: rows of weight 0 do not count, others in proportion."""

from functools import cache, partial

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.metrics import formulas as kernels

from tests.tolerances import metric_tolerance

SVD_NAMES = ("rankme", "rankme_cap", "numerical_rank", "pseudo_condition_number", "coherence")
ONE = (*SVD_NAMES, "self_clustering", "uniformity")
TWO = ("alignment", "cross_correlation_metrics")
SHAPES = ((12, 5), (5, 12), (8, 8), (40, 3), (600, 4))


@pytest.fixture(params=["eager", "graph", "plain ops"])
def mode(request, monkeypatch):
    if request.param == "plain ops":
        monkeypatch.setattr(kernels, "can_call_host", lambda: False)
    return request.param


def arguments(name, shape, seed=0):
    rng = np.random.default_rng([seed, *shape])
    first = rng.normal(size=shape) + 0.3
    return (first,) if name in ONE else (first, first + 0.5 * rng.normal(size=shape))


def values_of(found):
    return list(found.values()) if isinstance(found, dict) else [found]


def values(module, name, views, **options):
    return np.array([float(x) for x in values_of(getattr(module, name)(*views, **options))])


@cache
def traced(name, mode, dtype):
    """One trace per metric, way and dtype: tracing takes longer than all the rest."""

    def call(*tensors):
        *views, w = tensors
        return values_of(getattr(tfgnn_task, name)(*views, sample_weight=w))

    if mode == "eager":
        return call
    view = tf.TensorSpec([None, None], dtype)
    views = [view] * (1 if name in ONE else 2)
    return tf.function(call, input_signature=[*views, tf.TensorSpec([None], dtype)])


def ours(name, views, weights, mode="eager"):
    tensors = [tf.constant(x) for x in (*views, weights)]
    return np.array([float(x) for x in traced(name, mode, tensors[0].dtype)(*tensors)])


def make_weights(rows, kind, seed=0):
    rng = np.random.default_rng([seed, rows])
    if kind == "padding":
        return np.where(np.arange(rows) % 3 == 1, 0.0, 1.0)
    if kind == "fractions":
        return rng.uniform(0.1, 3.0, size=rows)
    return rng.integers(0, 4, size=rows).astype(float) * 0.5  # both


def close(actual, expected, dtype):
    np.testing.assert_allclose(actual, expected, rtol=10 * metric_tolerance(dtype), atol=1e-6)


@pytest.mark.parametrize("kind", ["padding", "fractions", "both"])
@pytest.mark.parametrize("name", ONE + TWO)
def test_like_reference(name, kind, mode):
    for shape in SHAPES:
        weights = make_weights(shape[0], kind)
        for dtype in ("float32", "float64"):
            views = [view.astype(dtype) for view in arguments(name, shape)]
            w = weights.astype(dtype)
            close(
                ours(name, views, w, mode), values(reference, name, views, sample_weight=w), dtype
            )


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_compiled_like_reference(shape):
    w = make_weights(shape[0], "both")

    @partial(tf.function, jit_compile=True)
    def call(w):
        return [
            values_of(getattr(tfgnn_task, n)(*arguments(n, shape), sample_weight=w))
            for n in ONE + TWO
        ]

    for name, actual in zip(ONE + TWO, call(tf.constant(w)), strict=True):
        expected = values(reference, name, arguments(name, shape), sample_weight=w)
        close(np.array([float(x) for x in actual]), expected, "float64")


@pytest.mark.parametrize("padding", [0.0, 1e30, np.nan, np.inf])
@pytest.mark.parametrize("name", ONE + TWO)
def test_padding_rows_count_no_more_than_removed_rows(name, padding, mode):
    """Also where N > D with the padding and N < D without it."""
    for shape in (*SHAPES, (7, 6)):
        views = arguments(name, shape)
        w = make_weights(shape[0], "padding")
        removed = [view[w > 0] for view in views]
        padded = [np.where(w[:, np.newaxis] > 0, view, padding) for view in views]
        expected = values(tfgnn_task, name, [tf.constant(view) for view in removed])
        np.testing.assert_allclose(ours(name, padded, w, mode), expected, rtol=1e-9, atol=1e-12)
        found = values(reference, name, padded, sample_weight=w)
        np.testing.assert_allclose(found, values(reference, name, removed), rtol=1e-9, atol=1e-12)


def test_zeros_of_padding_have_no_share_in_rankme(mode):
    """Epsilon makes every zero among the singular values count; those of padding are no values."""
    (view,) = arguments("rankme", (9, 12))
    w = make_weights(9, "padding")

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float64)])
    def rankme(view):
        return tfgnn_task.rankme(view, sample_weight=w, epsilon=1e-3)

    expected = tfgnn_task.rankme(tf.constant(view[w > 0]), epsilon=1e-3)
    np.testing.assert_allclose(rankme(tf.constant(view)), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ONE + TWO)
def test_only_ratios_of_weights_matter(name):
    for shape in SHAPES:
        views, w = arguments(name, shape), make_weights(shape[0], "both")
        expected = ours(name, views, w)
        np.testing.assert_allclose(ours(name, views, 7.5 * w), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["rankme", "numerical_rank", "pseudo_condition_number"])
def test_an_integer_weight_is_as_many_rows(name):
    (view,) = arguments(name, (12, 5))
    w = np.array([1.0, 2, 3, 1, 0, 1, 2, 1, 1, 4, 1, 1])
    repeated = np.repeat(view, w.astype(int), axis=0)
    np.testing.assert_allclose(
        ours(name, (view,), w), values(reference, name, (repeated,)), rtol=1e-9
    )


@pytest.mark.parametrize("name", ONE + TWO)
@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_are_no_weights_give_nan(name, weight, mode):
    views = arguments(name, (8, 3))
    w = np.ones(8)
    w[2] = weight
    assert np.isnan(ours(name, views, w, mode)).all()
    with pytest.raises(ValueError, match="finite and not negative"):
        getattr(reference, name)(*views, sample_weight=w)


@pytest.mark.parametrize("name", ONE + TWO)
def test_weights_of_another_shape_are_refused(name):
    views = arguments(name, (8, 3))
    for module in (tfgnn_task, reference):
        with pytest.raises(ValueError, match=r"expected sample_weight of shape \[8\]"):
            getattr(module, name)(*views, sample_weight=np.ones(7))
    column = values(tfgnn_task, name, views, sample_weight=np.full([8, 1], 2.0))
    np.testing.assert_array_equal(column, values(tfgnn_task, name, views, sample_weight=[2] * 8))


def test_given_singular_values_are_those_of_the_weighted_rows():
    (view,) = arguments("rankme", (12, 5))
    w = make_weights(12, "both")
    u, sigma, _ = np.linalg.svd((view * np.sqrt(w)[:, np.newaxis])[w > 0], full_matrices=False)
    for name in ("rankme", "numerical_rank", "pseudo_condition_number", "coherence"):
        given = float(getattr(tfgnn_task, name)(view, sigma=sigma, u=u, sample_weight=w))
        expected = getattr(reference, name)(view, sample_weight=w)
        np.testing.assert_allclose(given, expected, rtol=1e-9)
