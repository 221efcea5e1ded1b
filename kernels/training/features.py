"""Products of the features of nodes, dense or sparse, with a kernel, and their gradients."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import scipy.sparse

from ..sparse import csr_product
from .products import product


class Features:
    """The matrix X of a view [N, F].

    Args:
        matrix: C-contiguous float32 or float64, dense or CSR.
    """

    def __init__(self, matrix: np.ndarray | scipy.sparse.csr_matrix):
        self._matrix: Any = matrix
        self._transposed: Any = None
        self._lock = threading.Lock()

    @property
    def is_sparse(self) -> bool:
        """Whether X is a sparse matrix."""
        return scipy.sparse.issparse(self._matrix)

    @property
    def dense(self) -> np.ndarray:
        """X where it is dense."""
        return self._matrix

    def times(
        self, kernel: np.ndarray, kept: np.ndarray, out: np.ndarray | None = None
    ) -> np.ndarray:
        """``X diag(m) W`` of a kernel [F, D], [N, D].

        Args:
            kernel: W.
            kept: m, bool [F].
            out: C-contiguous [N, D]; overwritten.
        """
        if not self.is_sparse:
            return product(self._matrix, kernel * kept[:, np.newaxis], out)
        matrix = self._matrix
        values = matrix.data * kept[matrix.indices]
        return csr_product(matrix.indptr, matrix.indices, values, kernel, out)

    def transposed_times(self, gradient: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """``diag(m) X^T G`` of a gradient [N, D], that of the kernel [F, D]."""
        if not self.is_sparse:
            found = product(self._matrix, gradient, transpose_a=True)
        else:
            with self._lock:  # two views may ask for it at the same time
                if self._transposed is None:
                    self._transposed = self._matrix.T.tocsr()
            transposed = self._transposed
            found = csr_product(transposed.indptr, transposed.indices, transposed.data, gradient)
        found[~kept] = 0
        return found
