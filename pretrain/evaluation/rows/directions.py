"""Rows of length 1 around their mean: what every measure compares, so that it sees directions."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse

from ...graph.adjacency import blocks
from .shifted import ShiftedRows

Matrix: TypeAlias = np.ndarray | scipy.sparse.csr_matrix

_BLOCK_ROWS = 1 << 14
_DENSE_ENTRIES = 50_000_000  # 200 MB

# A difference below so many units in the last place of its terms is the rounding of a mean.
_ROUNDING = 16 * np.finfo(np.float64).eps


class Directions:
    """The rows of a matrix, as far as asked for: less their mean, then of length 1.

    An embedding may have one large component that all nodes share; angles between nodes then say
    little. The mean is over all rows, those without labels too.

    Args:
        matrix: [N, K] finite numbers, dense or CSR.
        center: whether the mean is subtracted; without, sparse rows stay sparse.
    """

    def __init__(self, matrix: Matrix, *, center: bool = True):
        self._matrix, self._mean, self._exponent = matrix, None, 0
        if not center or 0 in matrix.shape:
            return
        parts = list(blocks(matrix.shape[0], _BLOCK_ROWS))  # of features that may lie on disk
        # In units of the largest entry: a sum of huge numbers would overflow, and squares of the
        # differences of tiny ones would be 0.
        largest = max(float(abs(matrix[part]).max()) for part in parts)
        self._exponent = int(np.frexp(largest)[1])
        sums = [np.asarray(self._scaled(part).sum(axis=0)).ravel() for part in parts]
        self._mean = np.sum(sums, axis=0) / matrix.shape[0]

    @property
    def width(self) -> int:
        """K."""
        return self._matrix.shape[1]

    def __getitem__(self, nodes: np.ndarray) -> Any:
        """The rows of these nodes, [M, K]: float32 of float32, otherwise float64."""
        if self._mean is None:
            return unit_rows(self._matrix[nodes])
        rows = self._scaled(nodes)
        rows = (rows.toarray() if scipy.sparse.issparse(rows) else rows) - self._mean
        # A column that is the same in all rows leaves nothing, not its rounding.
        rows[abs(rows) <= _ROUNDING * abs(self._mean)] = 0
        dtype = np.float32 if self._matrix.dtype == np.float32 else np.float64
        return unit_rows(rows).astype(dtype, copy=False)

    @property
    def stays_sparse(self) -> bool:
        """Whether the rows have a mean, but are sparse and too large to be made dense."""
        entries = self._matrix.shape[0] * self._matrix.shape[1]
        sparse = scipy.sparse.issparse(self._matrix) and entries > _DENSE_ENTRIES
        return sparse and self._mean is not None

    def shifted(self, nodes: np.ndarray) -> ShiftedRows:
        """The rows of these nodes, of a sparse matrix with a mean, in parts."""
        rows: Any = self._scaled(nodes)
        mean: Any = self._mean
        squares = np.asarray(rows.multiply(rows).sum(axis=1)).ravel() - 2 * (rows @ mean)
        length = np.sqrt(np.maximum(squares + mean @ mean, 0))
        scale = np.divide(1, length, out=np.zeros_like(length), where=length > _ROUNDING)
        matrix = scipy.sparse.csr_matrix(scipy.sparse.diags(scale) @ rows)
        return ShiftedRows(matrix, scale, mean)

    def beside(self, other: Directions) -> Directions:
        """The rows of both: node N + i is node i of the other."""
        return _Both(self, other)

    def _scaled(self, nodes) -> Any:
        """Float64, entries below 1."""
        rows: Any = self._matrix[nodes].astype(np.float64)
        if scipy.sparse.issparse(rows):
            rows.data = np.ldexp(rows.data, -self._exponent)
            return rows
        return np.ldexp(rows, -self._exponent)


class _Both(Directions):
    """Rows of two matrices, each around a mean of its own; of one of them at a time."""

    def __init__(self, first: Directions, second: Directions):
        self._matrix, self._mean, self._parts = first._matrix, None, (first, second)

    def __getitem__(self, nodes: np.ndarray) -> Any:
        count = self._matrix.shape[0]
        second = int(len(nodes) > 0 and nodes[0] >= count)
        return self._parts[second][nodes - count * second]


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

    if 0 in rows.shape:
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
