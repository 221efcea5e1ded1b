"""Rows of length 1: what every measure compares, so that it sees directions alone."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse

Matrix: TypeAlias = np.ndarray | scipy.sparse.csr_matrix


def unit_rows(rows: Matrix) -> Any:
    """Each row divided by its length, however short it is; rows of zeros stay.

    scikit-learn's `normalize`, which by itself leaves rows that are shorter than about 1e-6 as they
    are. So each row is first brought to a largest entry in [0.5, 1) by a power of two: that is
    exact, and other rows come out as from `normalize`, to the last bit.

    Args:
        rows: [N, K] finite numbers, dense or CSR.

    Returns:
        The same form; float32 of float32, otherwise float64.
    """
    from sklearn.preprocessing import normalize

    if not rows.shape[0]:
        return rows
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if scipy.sparse.issparse(rows):
        _, exponents = np.frexp(abs(rows).max(axis=1).toarray().ravel())
        scaled: Any = rows.copy()
        scaled.data = np.ldexp(scaled.data, -np.repeat(exponents, np.diff(scaled.indptr)))
    else:
        _, exponents = np.frexp(np.abs(rows).max(axis=1, keepdims=True))
        scaled = np.ldexp(rows, -exponents)
    return normalize(scaled, copy=False)
