"""Sparse rows around their mean, which stays a vector of its own: subtracted it would fill them."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse


@dataclasses.dataclass(frozen=True, eq=False)
class ShiftedRows:
    """Rows ``s_i (x_i - m)`` of sparse x.

    Attributes:
        matrix: s_i x_i, CSR [M, K].
        scale: s [M].
        mean: m [K].
    """

    matrix: scipy.sparse.csr_matrix
    scale: np.ndarray
    mean: np.ndarray

    def __len__(self) -> int:
        return self.matrix.shape[0]

    def times(self, weights: np.ndarray) -> np.ndarray:
        """The rows times [K, classes]."""
        return self.matrix @ weights - np.outer(self.scale, self.mean @ weights)

    def transposed_times(self, values: np.ndarray) -> np.ndarray:
        """The transposed rows times [M, classes]."""
        return self.matrix.T @ values - np.outer(self.mean, self.scale @ values)

    def cosines(self, other: ShiftedRows) -> np.ndarray:
        """The rows times the transposed other ones, of the same mean, [M, M']."""
        product = (self.matrix @ other.matrix.T).toarray()
        product -= np.outer(self.matrix @ self.mean, other.scale)
        product -= np.outer(self.scale, other.matrix @ self.mean)
        return product + np.outer(self.scale, other.scale) * (self.mean @ self.mean)
