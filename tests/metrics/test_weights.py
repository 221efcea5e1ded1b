"""Sample weights of the metrics: rows of weight 0 do not count, others in proportion."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf

from tests.metrics.measures import MODES, ONE, TWO, measures, measuring, without_host
from tests.tolerances import metric_tolerance

SHAPES = ((12, 5), (5, 12), (8, 8), (40, 3), (300, 4))
KINDS = ("padding", "fractions", "both")


def make_views(shape, seed=0):
    rng = np.random.default_rng([seed, *shape])
    first = rng.normal(size=shape) + 0.3
    return first, first + 0.5 * rng.normal(size=shape)


def make_weights(rows, kind, seed=0):
    rng = np.random.default_rng([seed, rows])
    if kind == "padding":
        return np.where(np.arange(rows) % 3 == 1, 0.0, 1.0)
    if kind == "fractions":
        return rng.uniform(0.1, 3.0, size=rows)
    return rng.integers(0, 4, size=rows).astype(float) * 0.5  # both


def ours(views, w=None, mode="graph", **options):
    """All metrics by name, as floats."""
    tensors = [tf.constant(x) for x in (*views, *([] if w is None else [w]))]
    call = measuring(mode, tensors[0].dtype.name, w is not None, **options)
    return {name: float(value) for name, value in call(*tensors).items()}


def assert_equal(found, expected, rtol=1e-9, atol=1e-12):
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol, atol, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", MODES)
def test_like_reference(mode, dtype):
    for i, shape in enumerate(SHAPES):
        for kind in KINDS if mode == "graph" else [KINDS[i % 3]]:
            a, b, w = (x.astype(dtype) for x in (*make_views(shape), make_weights(shape[0], kind)))
            expected = measures(reference, a, b, w)
            assert_equal(ours((a, b), w, mode), expected, 10 * metric_tolerance(dtype), 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES[:2])
def test_compiled_like_reference(shape):
    views, w = make_views(shape), make_weights(shape[0], "both")
    found = ours(views, w, "xla", shape=shape)
    assert_equal(found, measures(reference, *views, w), 10 * metric_tolerance("float64"), 1e-6)


@pytest.mark.parametrize("padding", [0.0, 1e30, np.nan, np.inf])
@pytest.mark.parametrize("mode", ["graph", "plain ops"])
def test_padding_rows_count_no_more_than_removed_rows(padding, mode):
    """Also where N > D with the padding and N < D without it."""
    for shape in ((12, 5), (5, 12), (7, 6)):
        views, w = make_views(shape), make_weights(shape[0], "padding")
        removed = [view[w > 0] for view in views]
        padded = [np.where(w[:, np.newaxis] > 0, view, padding) for view in views]
        assert_equal(ours(padded, w, mode), ours(removed, mode=mode))
        assert_equal(measures(reference, *padded, w), measures(reference, *removed))


def test_zeros_of_padding_have_no_share_in_rankme():
    """Epsilon makes every zero among the singular values count; those of padding are no values."""
    view, _ = make_views((9, 12))
    w = make_weights(9, "padding")
    expected = tfgnn_task.rankme(tf.constant(view[w > 0]), epsilon=1e-3)
    found = tfgnn_task.rankme(view, sample_weight=w, epsilon=1e-3)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    with without_host():
        found = tfgnn_task.rankme(view, sample_weight=w, epsilon=1e-3)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_only_ratios_of_weights_matter():
    for shape in SHAPES[:4]:
        views, w = make_views(shape), make_weights(shape[0], "both")
        assert_equal(ours(views, 7.5 * w), ours(views, w))
        assert_equal(measures(reference, *views, 7.5 * w), measures(reference, *views, w))


def test_an_integer_weight_is_as_many_rows():
    views = make_views((12, 5))
    w = np.array([1.0, 2, 3, 1, 0, 1, 2, 1, 1, 4, 1, 1])
    repeated = measures(reference, *(np.repeat(view, w.astype(int), axis=0) for view in views))
    for found in (ours(views, w), measures(reference, *views, w)):
        for name in ("rankme", "numerical_rank", "pseudo_condition_number", "alignment"):
            np.testing.assert_allclose(found[name], repeated[name], rtol=1e-9)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_that_are_no_weights_give_nan(weight):
    views, w = make_views((8, 3)), np.ones(8)
    w[2] = weight
    for mode in ("graph", "plain ops"):
        for name, value in ours(views, w, mode).items():
            assert np.isnan(value), (mode, name)
    for name in (*ONE, *TWO):
        given = views if name in TWO else views[:1]
        with pytest.raises(ValueError, match="finite and not negative"):
            getattr(reference, name)(*given, sample_weight=w)


@pytest.mark.parametrize("name", ONE + TWO)
def test_weights_of_another_shape_are_refused(name):
    views = make_views((8, 3))[: 2 if name in TWO else 1]
    for module in (tfgnn_task, reference):
        with pytest.raises(ValueError, match=r"expected sample_weight of shape \[8\]"):
            getattr(module, name)(*views, sample_weight=np.ones(7))


def test_weights_may_be_a_column():
    views, w = make_views((8, 3)), make_weights(8, "fractions")
    column = measures(tfgnn_task, *views, w[:, np.newaxis])
    assert_equal(column, ours(views, w, "eager"), rtol=0, atol=0)


def test_given_singular_values_are_those_of_the_weighted_rows():
    view, _ = make_views((12, 5))
    w = make_weights(12, "both")
    u, sigma, _ = np.linalg.svd((view * np.sqrt(w)[:, np.newaxis])[w > 0], full_matrices=False)
    for name in ("rankme", "numerical_rank", "pseudo_condition_number", "coherence"):
        given = float(getattr(tfgnn_task, name)(view, sigma=sigma, u=u, sample_weight=w))
        expected = getattr(reference, name)(view, sample_weight=w)
        np.testing.assert_allclose(given, expected, rtol=1e-9)
