"""Linear algebra on NumPy and SciPy matrices that several folders need; no TensorFlow, no Numba."""

from __future__ import annotations

import numpy as np
import scipy.sparse

_BLOCK_ROWS = 1 << 14


def unit_rows(
    matrix: np.ndarray | scipy.sparse.csr_matrix,
) -> np.ndarray | scipy.sparse.csr_matrix:
    """Each row divided by its length; rows of zeros stay.

    Not scikit-learn's `normalize`, which leaves rows that are shorter than about 1e-6 as they are.

    Args:
        matrix: floating [N, F], dense or CSR.

    Returns:
        The same form and dtype.
    """
    # By the largest entry first: squares of small entries would be 0, of large ones infinite.
    if not scipy.sparse.issparse(matrix):
        largest = np.max(np.abs(matrix), axis=1, keepdims=True, initial=0.0)
        scaled = _quotient(matrix, largest)
        return _quotient(scaled, np.linalg.norm(scaled, axis=1, keepdims=True))
    entries = np.diff(matrix.indptr)
    largest = np.repeat(abs(matrix).max(axis=1).toarray().ravel(), entries)
    scaled = _quotient(matrix.data, largest)
    squares = scipy.sparse.csr_matrix((scaled**2, matrix.indices, matrix.indptr), matrix.shape)
    lengths = np.sqrt(np.asarray(squares.sum(axis=1)).ravel())
    values = _quotient(scaled, np.repeat(lengths, entries)).astype(matrix.dtype)
    return scipy.sparse.csr_matrix((values, matrix.indices, matrix.indptr), matrix.shape)


def gram_matrix(matrix: np.ndarray) -> np.ndarray:
    """``X^T X`` of a tall matrix [N, D], float64 [D, D], summed up over blocks of rows."""
    gram = np.zeros((matrix.shape[1], matrix.shape[1]))
    for start in range(0, len(matrix), _BLOCK_ROWS):
        rows = matrix[start : start + _BLOCK_ROWS].astype(np.float64)
        gram += rows.T @ rows
    return gram


def singular_values(matrix: np.ndarray) -> np.ndarray:
    """Singular values of a matrix [N, D], float64 [min(N, D)], largest first.

    The roots of the eigenvalues of the smaller Gram matrix: those below about 1e-8 of the largest
    are noise.
    """
    smaller = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    return np.sqrt(np.maximum(np.linalg.eigvalsh(gram_matrix(smaller))[::-1], 0))


def _quotient(values: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    """``values / divisors``, and 0 where the divisor is 0."""
    return np.divide(values, divisors, out=np.zeros_like(values), where=divisors > 0)
