"""The linear encoder's forward and backward pass; see `encoder.linear.build_linear_encoder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ....kernels.linalg import unit_rows
from ....kernels.training.features import Features
from .inputs import Inputs, of_each_view, sum_of
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
            np.array(one, dtype, order="C") for one in weights
        )
        self.trained = [kernel]
        self._rows = Features(self._scaled(inputs.matrix))  # of views that drop no entries
        shape = (inputs.matrix.shape[0], kernel.shape[1])
        # Of each view; given back, they would cost page faults anew.
        self._projected = [np.empty(shape, dtype) for _ in range(2)]

    def weights(self) -> list[np.ndarray]:
        """As they were given, W trained; copies."""
        parts = (self.trained[0], self._columns, self._coefficients, self._scale)
        return [np.array(one) for one in parts]

    def forward(
        self, views: Sequence[View], states: Sequence[np.ndarray | None]
    ) -> tuple[list[np.ndarray], Any]:
        """The representations in each view.

        Args:
            views: one or two.
            states: C-contiguous [N, D] that are overwritten, or None, for each view.

        Returns:
            [N, D] for each view, and what `backward` needs.
        """
        kernel = self.trained[0] * self._scale

        def of_one(view, state, memory):
            rows = self._rows
            if view.entries is not None:
                rows = Features(self._scaled(self._inputs.entries(view)))
            propagation = self._inputs.propagation(view)
            projected = rows.times(kernel, view.columns, memory)
            state = propagation.forward(self._coefficients, projected, state)
            return state, (view, rows, propagation)

        pairs = of_each_view(of_one, views, states, self._projected[: len(views)])
        return [state for state, _ in pairs], [kept for _, kept in pairs]

    def backward(self, kept: Any, gradients: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The gradients of what is trained.

        Args:
            kept: see `forward`.
            gradients: of the representations, [N, D] for each view.
        """

        def of_one(kept, gradient, memory):
            view, rows, propagation = kept
            projected = propagation.backward(self._coefficients, gradient, memory)
            return rows.transposed_times(projected, view.columns)

        parts = of_each_view(of_one, kept, gradients, self._projected)
        return [sum_of(parts) * self._scale]

    def _scaled(self, matrix: Any) -> Any:
        """``R X diag(w)``, in the order of the entries of X."""
        if not scipy.sparse.issparse(matrix):
            return np.ascontiguousarray(unit_rows(matrix * self._columns))
        values = matrix.data * self._columns[matrix.indices]
        weighted = scipy.sparse.csr_matrix((values, matrix.indices, matrix.indptr), matrix.shape)
        return unit_rows(weighted)
