"""Products of the features of nodes, dense or sparse, with a kernel, and their gradients."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import scipy.sparse

from ..blas import IS_COMPILED, jit
from ..team import run_parts, shares
from .products import product

_SERIAL_WORK = 1e5  # entries times columns, below which one thread is as fast


class Features:
    """The matrix X of a view [N, F].

    Args:
        matrix: C-contiguous float32 or float64, dense or CSR.
    """

    def __init__(self, matrix: np.ndarray | scipy.sparse.csr_matrix):
        self._matrix: Any = matrix
        self._transposed: Any = None

    @property
    def is_sparse(self) -> bool:
        """Whether X is a sparse matrix."""
        return scipy.sparse.issparse(self._matrix)

    @property
    def dense(self) -> np.ndarray:
        """X where it is dense."""
        return self._matrix

    def times(self, kernel: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """``X W`` of a kernel [F, D], [N, D]."""
        if self.is_sparse:
            return csr_product(self._matrix, kernel, out)
        return product(self._matrix, kernel, out)

    def transposed_times(self, gradient: np.ndarray) -> np.ndarray:
        """``X^T G`` of a gradient [N, D], that of the kernel [F, D]."""
        if not self.is_sparse:
            return product(self._matrix, gradient, transpose_a=True)
        if self._transposed is None:
            self._transposed = self._matrix.T.tocsr()
        return csr_product(self._transposed, gradient)


def csr_product(
    matrix: scipy.sparse.csr_matrix, dense: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """``S M`` of a sparse matrix [R, C] and a dense one [C, D], by threads that share the rows.

    Args:
        matrix: of the dtype of `dense`.
        dense: C-contiguous float32 or float64.
        out: C-contiguous [R, D]; overwritten.

    Returns:
        ``out``, or a new [R, D]. The number of threads does not change a bit of it.
    """
    if out is None:
        out = np.empty((matrix.shape[0], dense.shape[1]), dense.dtype)
    if not IS_COMPILED:
        out[:] = matrix @ dense
        return out
    work = matrix.nnz * dense.shape[1]
    threads = 1 if work < _SERIAL_WORK else numba.config.NUMBA_NUM_THREADS
    # Parts of equal numbers of entries: a word may be in a hundred rows, or in all of them.
    marks = [matrix.nnz * part // threads for part in range(1, threads)]
    ends = [0, *np.searchsorted(matrix.indptr, marks), matrix.shape[0]]
    parts = (matrix.indptr, matrix.indices, matrix.data, dense, out)
    run_parts(_rows, [(*parts, *ends[part : part + 2]) for part in range(threads)])
    return out


@jit(fastmath={"contract"})
def _rows(indptr, indices, values, dense, out, start, stop):
    """Rows start:stop; places are unsigned as in sparse.py."""
    width = np.uint64(dense.shape[1])
    given, found = dense.reshape(-1), out.reshape(-1)
    for row in range(start, stop):
        own = np.uint64(row) * width
        for j in range(width):
            found[own + j] = 0
        entry, end = indptr[row], indptr[row + 1]
        while entry + 4 <= end:  # each pass over the row reads and writes it once
            v0, v1 = values[entry], values[entry + 1]
            v2, v3 = values[entry + 2], values[entry + 3]
            r0 = np.uint64(indices[entry]) * width
            r1 = np.uint64(indices[entry + 1]) * width
            r2 = np.uint64(indices[entry + 2]) * width
            r3 = np.uint64(indices[entry + 3]) * width
            for j in range(width):
                found[own + j] += (v0 * given[r0 + j] + v1 * given[r1 + j]) + (
                    v2 * given[r2 + j] + v3 * given[r3 + j]
                )
            entry += 4
        while entry < end:
            v0, r0 = values[entry], np.uint64(indices[entry]) * width
            for j in range(width):
                found[own + j] += v0 * given[r0 + j]
            entry += 1
