"""kernels/linalg: rows of length 1 at any scale, singular values of tall and wide matrices."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.kernels.linalg import gram_matrix, singular_values, unit_rows


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1.0, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unit_rows_at_any_scale(scale, dtype):
    rows = np.array([[3, 0, 4], [0, 0, 0], [0, -2, 0]], dtype) * dtype(scale)
    expected = [[0.6, 0, 0.8], [0, 0, 0], [0, -1, 0]]
    for found in (unit_rows(rows), unit_rows(scipy.sparse.csr_matrix(rows)).toarray()):
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(50, 6), (6, 50), (20_000, 3)])
def test_singular_values(shape):
    rows = np.random.default_rng(0).normal(3, 1, shape).astype(np.float32)
    rows *= np.arange(1, shape[1] + 1, dtype=np.float32)
    expected = np.linalg.svd(rows.astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(singular_values(rows), expected, rtol=1e-9)


def test_a_repeated_column_has_a_singular_value_of_zero():
    rows = np.random.default_rng(0).normal(size=(50, 6))
    rows[:, 1] = rows[:, 0]
    found = singular_values(rows)
    assert found[-1] < 1e-6 * found[0]


def test_gram_matrix_of_float32_rows_is_summed_up_in_float64():
    rows = np.full((40_000, 1), 1e4, np.float32)
    assert gram_matrix(rows)[0, 0] == 4e12
