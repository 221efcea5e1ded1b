"""The graph convolutional network's forward and backward pass; see `encoder.gcn.build_encoder`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....kernels.training.normalization import Parameters, gradients, normalized_activation
from ....kernels.training.products import product
from ...encoder.weights import EncoderWeights
from .inputs import Inputs, of_each_view, sum_of
from .views import View

_EPSILON = 1e-3  # encoder.layers.NormalizedActivation


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
        *self.trained, self._bias = (
            np.array(one, inputs.matrix.dtype, order="C") for one in weights
        )
        self._layers = len(self.weights_by_layer.kernels)

    @property
    def weights_by_layer(self) -> EncoderWeights:
        """The weights themselves, no copies."""
        return EncoderWeights.from_list([*self.trained, self._bias])

    def weights(self) -> list[np.ndarray]:
        """As they were given, trained; copies."""
        return [np.array(one) for one in (*self.trained, self._bias)]

    def forward(
        self, views: Sequence[View], states: Sequence[np.ndarray | None]
    ) -> tuple[list[np.ndarray], Any]:
        """The representations in each view; see `LinearNetwork`."""
        pairs = of_each_view(self._forward, views, states)
        return [state for state, _ in pairs], [kept for _, kept in pairs]

    def backward(self, kept: Any, gradients: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The gradients of what is trained; see `LinearNetwork`."""
        of_views = of_each_view(self._backward, kept, gradients)
        return [sum_of(list(parts)) for parts in zip(*of_views, strict=True)]

    def _forward(self, view: View, out: np.ndarray | None) -> tuple[np.ndarray, Any]:
        weights, propagation = self.weights_by_layer, self._inputs.propagation(view)
        features, (first, *kernels) = self._inputs.features(view), weights.kernels
        kept: list[Any] = []
        into = None if kernels else out
        if not features.is_sparse and _widens(first):
            sums = propagation.forward(None, features.dense)
            kept.append(sums)
            state = product(sums, first * view.columns[:, np.newaxis], into)
        else:
            kept.append(features)
            state = propagation.forward(None, features.times(first, view.columns), into)
        for layer, kernel in enumerate(kernels):
            parameters = Parameters(*weights.normalizations[layer])
            active, moments = normalized_activation(state, parameters, _EPSILON)
            into, before = out if layer == len(kernels) - 1 else None, state
            if _widens(kernel):
                active = propagation.forward(None, active)
                state = product(active, kernel, into)
            else:
                state = propagation.forward(None, product(active, kernel), into)
            kept.append((before, parameters, moments, active))
        if self._bias.any():
            state += self._bias
        return state, (view, propagation, kept)

    def _backward(self, kept: Any, gradient: np.ndarray) -> list[np.ndarray]:
        view, propagation, (first, *layers) = kept
        kernels = self.weights_by_layer.kernels
        found: list[np.ndarray] = []
        pairs = zip(kernels[:0:-1], reversed(layers), strict=True)
        for kernel, (state, parameters, moments, active) in pairs:
            if not _widens(kernel):
                gradient = propagation.backward(None, gradient)
            of_kernel = product(active, gradient, transpose_a=True)
            gradient = product(gradient, kernel, transpose_b=True)
            if _widens(kernel):
                gradient = propagation.backward(None, gradient)
            gradient, of_parameters = gradients(state, parameters, moments, gradient)
            found = [*of_parameters, of_kernel, *found]
        if isinstance(first, np.ndarray):
            of_first = product(first, gradient, transpose_a=True)
            of_first[~view.columns] = 0
        else:
            gradient = propagation.backward(None, gradient)
            of_first = first.transposed_times(gradient, view.columns)
        return [of_first, *found]


def _widens(kernel: np.ndarray) -> bool:
    return kernel.shape[0] < kernel.shape[1]
