"""kernels/sparse: polynomials of sparse matrices by any number of threads, and CSR of edges."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.kernels import sparse, team

COEFFICIENTS = (0.2, -0.5, 0.3, 1.0)


def matrix(count, entries, dtype, seed=0):
    """Random, with empty rows and rows of many entries."""
    rng = np.random.default_rng(seed)
    rows = np.minimum(rng.integers(0, count, entries), rng.integers(0, count, entries))
    columns = rng.integers(0, count, entries)
    values = rng.standard_normal(entries).astype(dtype)
    found = scipy.sparse.csr_matrix((values, (rows, columns)), (count, count))
    found.data /= abs(found).sum(axis=1).max()
    return found


@pytest.mark.parametrize("width", [1, 63, 64, 65, 130, 300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hops", [0, 1, 3])
def test_polynomial(width, dtype, hops):
    A = matrix(101, 400, dtype)
    H = np.random.default_rng(1).standard_normal((101, width)).astype(dtype)
    c = COEFFICIENTS[: hops + 1]
    expected = sum(
        one * np.linalg.matrix_power(A.toarray().astype(np.float64), k) @ H
        for k, one in enumerate(c)
    )
    found = sparse.sparse_polynomial(A.indptr, A.indices, A.data, np.array(c), H)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol={np.float32: 1e-5, np.float64: 1e-13}[dtype])


def test_number_of_threads_changes_no_bit(monkeypatch):
    A = matrix(500, 3000, np.float32)
    H = np.random.default_rng(1).standard_normal((500, 200)).astype(np.float32)
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(team.numba.config, "NUMBA_NUM_THREADS", threads)
        found.append(sparse.sparse_polynomial(A.indptr, A.indices, A.data, COEFFICIENTS, H))
    assert all(np.array_equal(one, found[0]) for one in found)


def test_views_that_are_not_contiguous():
    A = matrix(80, 300, np.float32)
    H = np.random.default_rng(1).standard_normal((70, 80)).astype(np.float32).T
    found = sparse.sparse_polynomial(A.indptr, A.indices, A.data, COEFFICIENTS[:2], H)
    np.testing.assert_allclose(found, 0.2 * H - 0.5 * (A @ H), atol=1e-5)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_csr_of_edges_in_any_order(index):
    rng = np.random.default_rng(2)
    rows, columns = rng.integers(0, 50, (2, 400)).astype(index)
    weights = rng.uniform(0.1, 2, 400).astype(np.float32)
    found = sparse.normalized_csr(rows, columns, weights, 50)
    A = np.eye(50)
    np.add.at(A, (rows, columns), weights)
    expected = A / np.sqrt(A.sum(axis=1)[:, None] * A.sum(axis=0))
    shown = scipy.sparse.csr_matrix((found[2], found[1], found[0]), (50, 50)).toarray()
    np.testing.assert_allclose(shown, expected, rtol=1e-5)
    assert found[2].dtype == np.float32
