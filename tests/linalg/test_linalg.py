"""kernels/linalg: rows of length 1 at any scale; singular values and what is made of them."""

import graph_barlow_twins.reference as reference
import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.kernels import linalg
from graph_barlow_twins.kernels.linalg import gram_matrix, singular_values, unit_rows


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1.0, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unit_rows_at_any_scale(scale, dtype):
    rows = np.array([[3, 0, 4], [0, 0, 0], [0, -2, 0]], dtype) * dtype(scale)
    expected = [[0.6, 0, 0.8], [0, 0, 0], [0, -1, 0]]
    for found in (unit_rows(rows), unit_rows(scipy.sparse.csr_matrix(rows)).toarray()):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_unit_rows_do_not_hide_nan():
    rows = np.array([[np.nan, 1.0], [3.0, 4.0]])
    for found in (unit_rows(rows), unit_rows(scipy.sparse.csr_matrix(rows)).toarray()):
        assert np.isnan(found[0]).any()
        np.testing.assert_allclose(found[1], [0.6, 0.8])


@pytest.mark.parametrize("shape", [(50, 6), (6, 50), (7, 7), (20_000, 3), (3, 40_000)])
def test_singular_values(shape):
    rows = np.random.default_rng(0).normal(3, 1, shape).astype(np.float32)
    rows *= np.arange(1, shape[1] + 1, dtype=np.float32) % 7 + 1
    expected = np.linalg.svd(rows.astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(singular_values(rows), expected, rtol=1e-12)


def test_small_singular_values_are_exact_and_zeros_stand_out():
    left, right = (np.linalg.qr(np.random.default_rng(0).normal(size=(n, 5)))[0] for n in (90, 5))
    sigma = np.array([1, 1e-3, 1e-6, 1e-9, 0])
    found = singular_values(left * sigma @ right.T)
    np.testing.assert_allclose(found[:4], sigma[:4], rtol=1e-6)
    assert found[4] < 1e-15


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (40, 6), (6, 40), (20_000, 4)])
def test_rankme_like_the_reference(shape):
    rows = np.random.default_rng(1).normal(1, 1, shape) * np.geomspace(1, 1e-7, shape[1])
    for matrix in (rows, rows.astype(np.float32), 0 * rows, np.repeat(rows[:, :1], 3, axis=1)):
        np.testing.assert_allclose(linalg.rankme(matrix), reference.rankme(matrix), rtol=1e-9)
    rows[0, 0] = np.inf
    assert np.isnan(linalg.rankme(rows))
    assert np.isnan(linalg.rankme(rows[:0]))


@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_cross_correlation_like_the_reference(mean):
    rng = np.random.default_rng(2)
    first = rng.normal(mean, 1, (40, 5)).astype(np.float32)
    first[:, 3] = mean  # constant
    second = first + rng.normal(size=(40, 5)) * [0.1, 1, 2, 0, 9]
    for views in ((first, second), (first[:1], second[:1]), (first[:0], second[:0])):
        for options in ({}, {"epsilon": 0.1}):
            found = linalg.cross_correlation(*views, **options)
            expected = reference.cross_correlation(*views, **options)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_gram_matrix_of_float32_rows_is_summed_up_in_float64():
    rows = np.full((40_000, 1), 1e4, np.float32)
    assert gram_matrix(rows)[0, 0] == 4e12


@pytest.mark.parametrize("shape", [(300, 40), (40, 300), (60, 60)])
@pytest.mark.parametrize("width", [5, 40])
def test_leading_directions_are_those_of_a_decomposition(shape, width):
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((n, 40)))[0] for n in shape)
    M = ((left * 0.8 ** np.arange(40)) @ right.T).astype(np.float32)
    found, values = linalg.leading_directions(
        lambda v: M @ v, lambda u: M.T @ u, shape, width, np.random.default_rng(1), 4
    )
    assert found.shape == (shape[1], width)
    np.testing.assert_allclose(values, 0.8 ** np.arange(width), rtol=1e-2, atol=1e-4)
    np.testing.assert_allclose(found.T @ found, np.eye(width), atol=1e-4)
    expected = right[:, :5] @ right[:, :5].T
    np.testing.assert_allclose(found[:, :5] @ found[:, :5].T, expected, atol=2e-3)


def test_leading_directions_of_nothing():
    M = np.zeros((9, 4), np.float32)
    found, values = linalg.leading_directions(
        lambda v: M @ v, lambda u: M.T @ u, M.shape, 2, np.random.default_rng(0), 3
    )
    assert np.isfinite(found).all()
    assert not values.any()
