"""The metrics of two views: reference by hand, parity, behaviour in collapse, errors."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import kernels

from tests.tolerances import metric_tolerance
from tests.views import DTYPES, make_views

SQUARE = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
SHAPES = ((9, 4), (4, 9), (20, 30), (3, 40), (2, 2), (1, 5), (5, 1), (600, 3))


def test_cross_correlation_by_hand():
    views = SQUARE, SQUARE @ np.array([[1.0, 0.0], [1.0, -1.0]])  # features x + y and -y
    found = reference.cross_correlation_metrics(*views, epsilon=1e-12)
    # C = [[1/sqrt(2), 0], [1/sqrt(2), -1]]
    np.testing.assert_allclose(found["correlation_diagonal"], (np.sqrt(0.5) - 1) / 2)
    np.testing.assert_allclose(found["correlation_off_diagonal"], np.sqrt(0.5 / 2))


def test_alignment_and_uniformity_by_hand():
    A, B = np.eye(2) * 3, np.array([[0.0, 2.0], [0.0, 0.1]])
    np.testing.assert_allclose(reference.alignment(A, B), 1.0)  # squares 2 and 0
    np.testing.assert_allclose(reference.alignment(A, B, alpha=1), np.sqrt(2) / 2)
    np.testing.assert_allclose(reference.alignment(A, B, sample_weight=[3, 1]), 1.5)
    # Four pairs of the square's rows at squared distance 2, two at 4.
    expected = np.log((4 * np.exp(-4) + 2 * np.exp(-8)) / 6)
    np.testing.assert_allclose(reference.uniformity(SQUARE), expected)
    # Three pairs remain: squared distances 2, 2 (at right angles) and 4 (opposite).
    expected = np.log((2 * np.exp(-2) + 3 * np.exp(-2) + 6 * np.exp(-4)) / 11)
    weights = [2, 1, 0, 3]
    np.testing.assert_allclose(reference.uniformity(SQUARE, t=1, sample_weight=weights), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_cross_correlation_like_reference(dtype):
    options = {"epsilon": 1e-3, "ddof": 1}
    for shape in SHAPES:
        views = make_views(*shape, dtype)
        for given in ({}, options, {"normalize_batch": False}):
            found = tfgnn_task.cross_correlation_metrics(*views, **given)
            expected = reference.cross_correlation_metrics(*views, **given)
            assert list(found) == list(expected)
            for name, value in found.items():
                assert value.dtype == (tf.float64 if dtype == "float64" else tf.float32)
                np.testing.assert_allclose(
                    value, expected[name], rtol=10 * metric_tolerance(dtype), atol=1e-7
                )


def test_cross_correlation_of_dynamic_shapes():
    """On both paths: through C, and through N x N matrices where D > 2 N."""
    spec = [tf.TensorSpec([None, None], tf.float64)] * 2
    call = tf.function(tfgnn_task.cross_correlation_metrics, input_signature=spec, autograph=False)
    for shape in SHAPES:
        views = make_views(*shape, "float64")
        for name, value in call(*views).items():
            expected = reference.cross_correlation_metrics(*views)[name]
            np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_alignment_and_uniformity_like_reference(dtype):
    for shape in SHAPES:
        views = make_views(*shape, dtype)
        close = {"rtol": 10 * metric_tolerance(dtype), "atol": 10 * metric_tolerance(dtype)}
        for alpha, t in ((2, 2.0), (3.0, 60)):
            found = tfgnn_task.alignment(*views, alpha=alpha)
            np.testing.assert_allclose(found, reference.alignment(*views, alpha=alpha), **close)
            found = tfgnn_task.uniformity(views[0], t=t)
            np.testing.assert_allclose(
                found, reference.uniformity(views[0], t=t), **close | {"atol": t * close["atol"]}
            )


def test_what_collapse_looks_like():
    z = make_views(50, 8, "float64")[0]
    for module in (reference, tfgnn_task):
        found = module.cross_correlation_metrics(z, z)
        np.testing.assert_allclose(found["correlation_diagonal"], 1, rtol=1e-5)
        assert found["correlation_off_diagonal"] < 0.3
        one_feature = np.repeat(z[:, :1], 8, axis=1)
        for value in module.cross_correlation_metrics(one_feature, one_feature).values():
            np.testing.assert_allclose(value, 1, rtol=1e-5)
        one_row = np.repeat(z[:1], 50, axis=0)
        for value in module.cross_correlation_metrics(one_row, one_row).values():
            np.testing.assert_allclose(value, 0, atol=1e-6)
        np.testing.assert_allclose(module.uniformity(one_row), 0, atol=1e-9)
        np.testing.assert_allclose(module.alignment(z, 3 * z), 0, atol=1e-9)
        np.testing.assert_allclose(module.alignment(z, -z), 4, rtol=1e-9)
        zeros = np.zeros_like(z)
        assert float(module.alignment(zeros, zeros)) == float(module.uniformity(zeros)) == 0


@pytest.mark.parametrize("module", [reference, tfgnn_task])
def test_errors(module):
    z = np.ones((4, 3))
    for bad in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="alpha should be positive"):
            module.alignment(z, z, alpha=bad)
        with pytest.raises(ValueError, match="t should be positive"):
            module.uniformity(z, t=bad)
        with pytest.raises(ValueError, match="epsilon should be positive"):
            module.cross_correlation_metrics(z, z, epsilon=bad)
    for function in (module.alignment, module.cross_correlation_metrics):
        with pytest.raises(ValueError, match="two views of one shape"):
            function(z, z[:3])
    with pytest.raises(ValueError, match="Expected 2D tensor"):
        module.uniformity(z[0])


def test_a_rank_that_is_not_known_is_refused_in_plain_words():
    unknown, view = tf.TensorSpec(None), tf.TensorSpec([4, 3])
    for function in (tfgnn_task.alignment, kernels.barlow_twins_loss):
        call = tf.function(
            lambda a, b, f=function: f(a, b), input_signature=[unknown, view], autograph=False
        )
        with pytest.raises(ValueError, match=r"of shape \[N, D\] \(got unknown rank and \(4, 3\)"):
            call(tf.ones([4, 3]), tf.ones([4, 3]))
    call = tf.function(
        lambda z, w: kernels.barlow_twins_loss(z, z, sample_weight=w), autograph=False
    )
    with pytest.raises(ValueError, match=r"sample_weight of shape \[4\] \(got unknown rank\)"):
        call.get_concrete_function(view, unknown)


def test_keras_metrics_take_stacked_views_only():
    classes = tfgnn_task.CrossCorrelationMetrics, tfgnn_task.AlignmentUniformityMetrics
    for metric in (cls() for cls in classes):
        for shape in ([4, 3], [4, 3, 5]):
            with pytest.raises(ValueError, match=r"expected predictions of shape \[N, 2, D\]"):
                metric.update_state(None, tf.ones(shape))
