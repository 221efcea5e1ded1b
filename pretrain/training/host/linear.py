"""The linear encoder's forward and backward pass; see `encoder.linear.build_linear_encoder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ....kernels.linalg import unit_rows
from ....kernels.training.features import Features
from .inputs import Inputs
from .views import View


class LinearNetwork:
    """``H = P(A) R X diag(w) diag(m) W diag(s)``.

    Args:
        inputs: of the graph.
        weights: W [F, D], w [F], the coefficients of P [K + 1] and s [D].

    Attributes:
        trained: W alone.
    """

    def __init__(self, inputs: Inputs, weights: Sequence[np.ndarray]):
        dtype = inputs.matrix.dtype
        self._inputs = inputs
        kernel, self._columns, self._coefficients, self._scale = (
            np.array(one, dtype) for one in weights
        )
        self.trained = [kernel]
        self._rows = self._scaled(inputs.matrix)  # of views that drop no entries
        shape = (inputs.matrix.shape[0], kernel.shape[1])
        self._projected = np.empty(shape, dtype)  # given back, it would cost page faults anew

    def weights(self) -> list[np.ndarray]:
        """As they were given, W trained; copies."""
        parts = (self.trained[0], self._columns, self._coefficients, self._scale)
        return [np.array(one) for one in parts]

    def forward(self, view: View, out: np.ndarray | None = None) -> tuple[np.ndarray, Any]:
        """The representations [N, D], and what `backward` needs."""
        rows = self._rows
        if view.entries is not None:
            rows = self._scaled(self._inputs.entries(view))
        propagation = self._inputs.propagation(view)
        kernel = self.trained[0] * self._factors(view)
        projected = rows.times(kernel, self._projected)
        return propagation.forward(self._coefficients, projected, out), (view, rows, propagation)

    def backward(self, kept: Any, gradient: np.ndarray) -> list[np.ndarray]:
        """The gradients of what is trained.

        Args:
            kept: see `forward`.
            gradient: of the representations [N, D]; overwritten.
        """
        view, rows, propagation = kept
        projected = propagation.backward(self._coefficients, gradient, self._projected)
        found = rows.transposed_times(projected)
        found *= self._factors(view)
        return [found]

    def _factors(self, view: View) -> np.ndarray:
        return view.columns[:, np.newaxis] * self._scale

    def _scaled(self, matrix: Any) -> Features:
        """``R X diag(w)``, in the order of the entries of X."""
        if not scipy.sparse.issparse(matrix):
            return Features(np.ascontiguousarray(unit_rows(matrix * self._columns)))
        values = matrix.data * self._columns[matrix.indices]
        weighted = scipy.sparse.csr_matrix((values, matrix.indices, matrix.indptr), matrix.shape)
        return Features(unit_rows(weighted))
