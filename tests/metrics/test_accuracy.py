"""How exact the metrics are, against an SVD in float64: the bounds of docs/theory/metrics.md."""

from contextlib import nullcontext

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.metrics import host_products, spectrum_host

from tests.metrics.measures import without_host
from tests.tolerances import METRIC_ACCURACY


def with_condition(shape, condition, seed=0):
    """Singular values from 1 to 1 / condition, evenly on a logarithmic scale."""
    rng = np.random.default_rng([seed, *shape])
    m = min(shape)
    left, right = (np.linalg.qr(rng.normal(size=(side, m)))[0] for side in shape)
    return left * np.geomspace(1, 1 / condition, m) @ right.T


def with_mean(shape, mean=100.0):
    return mean + np.random.default_rng([1, *shape]).normal(size=shape)


@pytest.mark.parametrize(
    "mode", ["host", *(pytest.param(m, marks=pytest.mark.slow) for m in ("plain ops", "xla"))]
)
def test_accuracy(mode):
    def measure(matrix):
        return {name: getattr(tfgnn_task, name)(matrix) for name in METRIC_ACCURACY}

    shapes = [(100, 30), (30, 100)]
    if mode == "xla":  # which compiles for each shape
        measure = tf.function(measure, jit_compile=True, autograph=False)
    else:
        shapes += [(64, 64), (1024, 128)]
    with without_host() if mode == "plain ops" else nullcontext():
        for shape in shapes:
            assert_accurate(shape, measure)


def assert_accurate(shape, measure):
    for dtype in (np.float32, np.float64):
        for make, value in ((with_condition, 10), (with_condition, 1e6), (with_mean, 100)):
            # Rounded to float32 a matrix has other singular values: the oracle sees the same.
            matrix = make(shape, value).astype(dtype)
            for name, actual in measure(tf.constant(matrix)).items():
                expected = getattr(reference, name)(matrix)
                np.testing.assert_allclose(
                    actual, expected, rtol=METRIC_ACCURACY[name], err_msg=f"{name}, {value}"
                )


def test_reference_is_an_svd():
    """The oracle above is itself NumPy's SVD, by the formulas of upstream."""
    matrix = with_condition((100, 30), 1e6)
    U, sigma, _ = np.linalg.svd(matrix, full_matrices=False)
    p = sigma / sigma.sum()
    np.testing.assert_allclose(reference.rankme(matrix), np.exp(-np.sum(p * np.log(p))), rtol=1e-9)
    np.testing.assert_allclose(reference.numerical_rank(matrix), np.sum(sigma**2), rtol=1e-12)
    np.testing.assert_allclose(
        reference.coherence(matrix), 100 / 30 * np.max(np.sum(U**2, axis=1)), rtol=1e-9
    )


@pytest.mark.parametrize("condition", [3, 100, 1e4, 1e6])
def test_large_batches_find_the_largest_leverage_in_float32_first(condition):
    """Candidates in float32 while the condition allows, their leverage in float64."""
    rows = 2**18 // 20 + 1  # as many entries as it takes
    matrix = with_condition((rows, 20), condition).astype(np.float32)
    matrix[123] *= 100
    matrix[[7, 8, 9]] = matrix[123] * (1 - 1e-7)  # as good as tied
    expected = reference.coherence(matrix)
    actual = spectrum_host.spectrum(matrix).largest_leverage * rows / 20
    # Past a condition of 1000 a second step on orthonormal columns keeps the digits.
    np.testing.assert_allclose(actual, expected, rtol=1e-8)


@pytest.mark.parametrize("shape", [(1000, 40), (150, 120), (40, 1000)])
def test_deficient_batches_count_as_deficient(shape):
    """A column (or row) that repeats others leaves an eigenvalue of rounding error."""
    for matrix in (with_mean(shape), with_condition(shape, 10), with_mean(shape, 0.0)):
        axis = int(shape[0] > shape[1])
        repeated = np.take(matrix, [1], axis) - 2 * np.take(matrix, [2], axis)
        deficient = np.concatenate([matrix, repeated], axis)
        for value in (deficient, deficient.astype(np.float32)[:, :1].repeat(3, 1)):
            found = spectrum_host.spectrum(value)
            assert found.singular_values[-1] == 0
            assert found.largest_leverage == 1
        assert spectrum_host.spectrum(matrix).singular_values[-1] > 0


@pytest.mark.parametrize("found", [0, 1])
def test_leverage_without_a_cholesky_factor(found, monkeypatch):
    """Should rounding ever make a Gram matrix indefinite, an SVD takes over.

    No matrix is known that does, so the factor is taken away, the first or the second one.
    """
    matrix = with_condition((100, 30), 1e5)
    factors = [spectrum_host._inverse_factor] * found
    monkeypatch.setattr(
        spectrum_host, "_inverse_factor", lambda G: factors.pop()(G) if factors else None
    )
    actual = spectrum_host.spectrum(matrix).largest_leverage * 100 / 30
    assert not factors
    np.testing.assert_allclose(actual, reference.coherence(matrix), rtol=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(700, 130), (130, 700), (65, 64), (3, 2)])
def test_any_number_of_threads_computes_the_same_products(shape, threads, monkeypatch):
    """The shapes end in the middle of panels and blocks."""
    monkeypatch.setattr(host_products, "_SERIAL_WORK", 0)
    monkeypatch.setattr(host_products.numba.config, "NUMBA_NUM_THREADS", threads)
    assert len(host_products._parts(shape[0], 1.0)) == threads
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    gram = X.T @ X if shape[0] > shape[1] else X @ X.T
    np.testing.assert_allclose(np.tril(host_products.smaller_gram(X)), np.tril(gram), atol=1e-10)
    inverse = np.tril(rng.normal(size=(shape[1], shape[1])))
    for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-4)):
        found = host_products.squared_lengths(X.astype(dtype), inverse.astype(dtype))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, np.sum((X @ inverse.T) ** 2, axis=1), rtol=rtol)
