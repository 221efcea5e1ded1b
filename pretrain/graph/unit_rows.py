"""Rows of length 1, dense or CSR. `encoder_linear.RowProjection` has them in TensorFlow."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from ...reference.metrics import formulas as metrics


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
    if not scipy.sparse.issparse(matrix):
        return metrics.unit_rows(matrix)
    # As there, by the largest entry first: squares of small ones would be 0.
    entries = np.diff(matrix.indptr)
    largest = np.repeat(abs(matrix).max(axis=1).toarray().ravel(), entries)
    scaled = _quotient(matrix.data, largest)
    squares = scipy.sparse.csr_matrix((scaled**2, matrix.indices, matrix.indptr), matrix.shape)
    lengths = np.sqrt(np.asarray(squares.sum(axis=1)).ravel())
    values = _quotient(scaled, np.repeat(lengths, entries)).astype(matrix.dtype)
    return scipy.sparse.csr_matrix((values, matrix.indices, matrix.indptr), matrix.shape)


def _quotient(values: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    """``values / divisors``, and 0 where the divisor is 0."""
    return np.divide(values, divisors, out=np.zeros_like(values), where=divisors > 0)
