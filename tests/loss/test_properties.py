"""What holds of the loss whatever the backend: weights, symmetries, derivatives, refusals."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss

from tests.loss.parity import (
    EAGER,
    UPSTREAM_GRADIENT,
    assert_parity,
    loss_and_gradients,
    make_views,
)
from tests.views import PATHS, whitened


def test_one_row_is_constant():
    z_a, z_b = make_views(1, 7)
    loss, grad_a, grad_b = loss_and_gradients(z_a, z_b)
    assert float(loss) == 7 * UPSTREAM_GRADIENT
    assert not np.any(grad_a)
    assert not np.any(grad_b)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", [*EAGER, pytest.param("xla", marks=pytest.mark.slow)])
def test_no_loss_is_negative_at_the_optimum(backend, path):
    for seed in range(12):
        z = tf.constant(whitened(63, 33, seed))
        loss = float(barlow_twins_loss(z, z, epsilon=1e-12, backend=backend, path=path))
        assert 0 <= loss < 1e-6


@pytest.mark.parametrize(
    ("backend", "mode"),
    [("graph", "eager"), ("graph", "graph"), pytest.param("auto", "xla", marks=pytest.mark.slow)],
)
def test_rows_of_weight_zero_take_no_part(backend, mode):
    z_a, z_b = make_views(63, 9)
    # At the beginning as well: the first row is what others are measured by.
    padding = tf.fill([2, 9], np.float32(np.nan))
    weights = np.r_[np.zeros(2), np.ones(63), np.zeros(2)]
    padded = [tf.concat([padding, z, padding], axis=0) for z in (z_a, z_b)]
    result = loss_and_gradients(*padded, mode, sample_weight=weights, backend=backend)
    assert_parity(*padded, result, sample_weight=weights)
    for gradient in result[1:]:
        assert not np.any(gradient[:2])
        assert not np.any(gradient[65:])


def test_weight_two_is_the_row_twice():
    z_a, z_b = make_views(20, 5, "float64")
    weights = np.r_[2.0, np.ones(19)]
    twice = [tf.concat([z[:1], z], axis=0) for z in (z_a, z_b)]
    weighted = barlow_twins_loss(z_a, z_b, sample_weight=weights)
    np.testing.assert_allclose(weighted, barlow_twins_loss(*twice), rtol=1e-13)


@pytest.mark.parametrize("normalize_batch", [True, False])
def test_finite_differences(normalize_batch):
    z_a, z_b = make_views(6, 4, "float64")
    weights = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 3.0])
    options = {"normalize_batch": normalize_batch, "ddof": 1, "sample_weight": weights}
    theoretical, numerical = tf.test.compute_gradient(
        lambda a, b: barlow_twins_loss(a, b, **options), [z_a, z_b], delta=1e-5
    )
    for ours, measured in zip(theoretical, numerical, strict=True):
        np.testing.assert_allclose(ours, measured, atol=1e-8)


@pytest.mark.parametrize(
    ("mode", "backend", "path"),
    [
        ("eager", "graph", "direct"),
        ("eager", "graph", "gram"),
        ("graph", "graph", "gram"),
        *[
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("eager", "xla", "direct"),
                ("eager", "xla", "gram"),
                ("graph", "graph", "direct"),
                ("graph", "xla", "direct"),
                ("graph", "xla", "gram"),
            ]
        ],
    ],
)
def test_second_derivative(mode, backend, path):
    z_a, z_b = make_views(6, 3, "float64")

    def gradient_norm(z):
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = barlow_twins_loss(z, z_b, backend=backend, path=path)
        return tf.reduce_sum(tf.square(tape.gradient(loss, z)))

    function = tf.function(gradient_norm, autograph=False) if mode == "graph" else gradient_norm
    (theoretical,), (numerical,) = tf.test.compute_gradient(function, [z_a], delta=1e-5)
    np.testing.assert_allclose(theoretical, numerical, atol=1e-6)


def test_numba_has_no_second_derivative_and_says_so():
    z_a, z_b = make_views(6, 4)
    with tf.GradientTape() as outer:
        outer.watch(z_a)
        with tf.GradientTape() as inner:
            inner.watch(z_a)
            loss = barlow_twins_loss(z_a, z_b, backend="numba")
        gradient = inner.gradient(loss, z_a)
    with pytest.raises(NotImplementedError, match='backend="graph"'):
        outer.gradient(gradient, z_a)


def test_numba_under_xla_and_tensor_lambda_are_refused():
    z_a, z_b = make_views(6, 4)
    with pytest.raises(ValueError, match="compiled by XLA"):
        tf.function(barlow_twins_loss, jit_compile=True, autograph=False)(z_a, z_b, backend="numba")

    @tf.function(autograph=False)
    def with_lambda(lambda_):
        return barlow_twins_loss(z_a, z_b, lambda_=lambda_, backend="numba")

    with pytest.raises(TypeError, match="lambda_ to be a number"):
        with_lambda(tf.constant(0.5))


def test_numba_reads_lambda_where_its_value_is_known():
    z_a, z_b = make_views(20, 5)
    losses = [
        barlow_twins_loss(z_a, z_b, lambda_=lambda_, backend="numba")
        for lambda_ in (0.5, tf.constant(0.5))
    ]
    assert float(losses[0]) == float(losses[1])


@pytest.mark.parametrize(
    ("backend", "path"), [("auto", "direct"), ("auto", "gram"), ("xla", "gram")]
)
def test_gradient_of_lambda(backend, path):
    z_a, z_b = make_views(20, 5, "float64")
    lambda_ = tf.Variable(0.3, dtype=tf.float64)
    with tf.GradientTape() as tape:
        loss = barlow_twins_loss(z_a, z_b, lambda_=lambda_, backend=backend, path=path)
    c = reference.cross_correlation(z_a.numpy(), z_b.numpy())
    expected = np.sum(c**2) - np.sum(np.diag(c) ** 2)
    np.testing.assert_allclose(tape.gradient(loss, lambda_), expected, rtol=1e-12)


# Metamorphic relations: they hold for the loss itself, whatever the reference says.


def test_swapping_the_views_keeps_the_loss():
    z_a, z_b = make_views(63, 9, "float64")
    np.testing.assert_allclose(barlow_twins_loss(z_a, z_b), barlow_twins_loss(z_b, z_a), rtol=1e-13)


def test_permuting_rows_or_features_keeps_the_loss():
    z_a, z_b = make_views(63, 9, "float64")
    rng = np.random.default_rng(0)
    loss = barlow_twins_loss(z_a, z_b)
    for axis, size in ((0, 63), (1, 9)):
        order = rng.permutation(size)
        permuted = barlow_twins_loss(
            tf.gather(z_a, order, axis=axis), tf.gather(z_b, order, axis=axis)
        )
        np.testing.assert_allclose(permuted, loss, rtol=1e-13)


def test_scaling_and_shifting_a_feature_keeps_the_loss():
    z_a, z_b = make_views(63, 9, "float64")
    scaled = z_a * np.arange(1.0, 10.0) + np.arange(9.0)
    np.testing.assert_allclose(
        barlow_twins_loss(scaled, z_b, epsilon=1e-14), barlow_twins_loss(z_a, z_b, epsilon=1e-14)
    )


Z = np.zeros((3, 2), np.float32)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((Z, Z.astype(int)), {}, TypeError, "float32 and int64"),
        ((Z, Z.astype(float)), {}, TypeError, "float32 and float64"),
        ((Z[0], Z[0]), {}, ValueError, r"\[N, D\]"),
        ((Z, Z[:2]), {}, ValueError, r"\(3, 2\) and \(2, 2\)"),
        ((Z[:, :0], Z[:, :0]), {}, ValueError, "at least one feature"),
        ((Z, Z), {"sample_weight": np.zeros(2)}, ValueError, r"shape \[3\] \(got \(2,\)\)"),
        ((Z[:0], Z[:0]), {"sample_weight": np.zeros(2)}, ValueError, r"shape \[0\]"),
        ((Z, Z), {"sample_weight": [1.0, -1.0, 1.0]}, ValueError, r"not negative \(got -1"),
        ((Z, Z), {"sample_weight": [1.0, np.nan, 1.0]}, ValueError, r"finite .* \(got nan"),
        ((Z, Z), {"sample_weight": [1.0, np.inf, 1.0]}, ValueError, r"finite .* \(got inf"),
        ((Z, Z), {"lambda_": [0.5, 0.2]}, ValueError, "lambda_ to be a scalar"),
        ((Z, Z), {"epsilon": 0.0}, ValueError, "epsilon should be positive"),
        ((Z, Z), {"backend": "fast"}, ValueError, "backend should be one of"),
        ((Z, Z), {"path": "short"}, ValueError, "path should be one of"),
    ],
)
def test_bad_arguments(arguments, options, error, message):
    with pytest.raises(error, match=message):
        barlow_twins_loss(*arguments, **options)


def test_unknown_ranks_are_refused_in_words():
    known, unknown = tf.TensorSpec([None, 2]), tf.TensorSpec(None)
    loss = tf.function(
        lambda a, b, w=None: barlow_twins_loss(a, b, sample_weight=w), autograph=False
    )
    with pytest.raises(ValueError, match=r"shape \[N, D\] \(got unknown rank and \(None, 2\)\)"):
        loss.get_concrete_function(unknown, known)
    with pytest.raises(ValueError, match=r"sample_weight of shape \[N\] \(got unknown rank\)"):
        loss.get_concrete_function(known, known, unknown)
    three, column = tf.TensorSpec([3, 2]), tf.TensorSpec([3, 1])
    with pytest.raises(ValueError, match=r"sample_weight of shape \[3\] \(got \(3, 1\)\)"):
        loss.get_concrete_function(three, three, column)
