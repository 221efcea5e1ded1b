"""The graph convolutional network's forward and backward pass; see `encoder.gcn.build_encoder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....kernels.training.normalization import Parameters, gradients, normalized_activation
from ....kernels.training.products import product
from ...encoder.weights import EncoderWeights
from .inputs import Inputs
from .views import View

_EPSILON = 1e-3  # encoder.layers.NormalizedActivation
_ONE_HOP = np.array([0.0, 1.0])


class GcnNetwork:
    """``PReLU(normalize(A H W))`` for each hidden layer, and ``A H W + b``.

    Args:
        inputs: of the graph.
        weights: as of `EncoderWeights.to_list`.

    Attributes:
        trained: all weights but b: the loss centres each column, so b has no gradient.
    """

    def __init__(self, inputs: Inputs, weights: Sequence[np.ndarray]):
        self._inputs = inputs
        *self.trained, self._bias = (np.array(one, inputs.matrix.dtype) for one in weights)
        self._layers = len(self.weights_by_layer.kernels)

    @property
    def weights_by_layer(self) -> EncoderWeights:
        """The weights themselves, no copies."""
        return EncoderWeights.from_list([*self.trained, self._bias])

    def weights(self) -> list[np.ndarray]:
        """As they were given, trained; copies."""
        return [np.array(one) for one in (*self.trained, self._bias)]

    def forward(self, view: View, out: np.ndarray | None = None) -> tuple[np.ndarray, Any]:
        """The representations [N, D], and what `backward` needs."""
        weights, propagation = self.weights_by_layer, self._inputs.propagation(view)
        features = self._inputs.features(view)
        first = weights.kernels[0] * view.columns[:, np.newaxis]
        kept: list[Any] = []
        if not features.is_sparse and first.shape[0] < first.shape[1]:
            sums = propagation.forward(_ONE_HOP, features.dense)
            kept.append(sums)
            state = product(sums, first, out if self._layers == 1 else None)
        else:
            state = propagation.forward(
                _ONE_HOP, features.times(first), out if self._layers == 1 else None
            )
            kept.append(features)
        for layer, kernel in enumerate(weights.kernels[1:], 1):
            parameters = Parameters(*weights.normalizations[layer - 1])
            active, moments = normalized_activation(state, parameters, _EPSILON)
            into = out if layer == self._layers - 1 else None
            before = state
            if _widens(kernel):
                active = propagation.forward(_ONE_HOP, active)
                state = product(active, kernel, into)
            else:
                state = propagation.forward(_ONE_HOP, product(active, kernel), into)
            kept.append((before, parameters, moments, active))
        state += self._bias
        return state, (view, propagation, kept)

    def backward(self, kept: Any, gradient: np.ndarray) -> list[np.ndarray]:
        """The gradients of what is trained.

        Args:
            kept: see `forward`.
            gradient: of the representations [N, D]; may be overwritten.
        """
        view, propagation, (first, *layers) = kept
        kernels = self.weights_by_layer.kernels
        found: list[np.ndarray] = []
        for kernel, (state, parameters, moments, active) in zip(
            kernels[:0:-1], reversed(layers), strict=True
        ):
            if not _widens(kernel):
                gradient = propagation.backward(_ONE_HOP, gradient)
            of_kernel = product(active, gradient, transpose_a=True)
            gradient = product(gradient, kernel, transpose_b=True)
            if _widens(kernel):
                gradient = propagation.backward(_ONE_HOP, gradient)
            gradient, of_parameters = gradients(state, parameters, moments, gradient)
            found = [*of_parameters, of_kernel, *found]
        if isinstance(first, np.ndarray):
            of_first = product(first, gradient, transpose_a=True)
        else:
            of_first = first.transposed_times(propagation.backward(_ONE_HOP, gradient))
        return [of_first * view.columns[:, np.newaxis], *found]


def _widens(kernel: np.ndarray) -> bool:
    return kernel.shape[0] < kernel.shape[1]
