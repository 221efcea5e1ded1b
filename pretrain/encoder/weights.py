"""The numbers of a trained encoder, one class for each kind; no TensorFlow."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ..config.defaults import CHANNELS, GCN, LINEAR, WIDE
from .channels.weights import ChannelWeights
from .named_arrays import NamedArrays
from .wide.weights import WideWeights


@dataclasses.dataclass(frozen=True, eq=False)
class EncoderWeights:
    """The numbers of a graph convolutional network of L layers, see `gcn.build_encoder`.

    Attributes:
        kernels: L matrices [width before, width after].
        normalizations: L - 1 triples (gamma, beta, slope of the PReLU), each [width after].
        bias: [width of the last layer].
    """

    kernels: tuple[np.ndarray, ...]
    normalizations: tuple[tuple[np.ndarray, ...], ...]
    bias: np.ndarray

    @staticmethod
    def names(count: int) -> list[str]:
        """What ``count`` arrays are called in a file, in the order of `from_list`."""
        layers = (count + 2) // 4
        parts = ("kernel", "gamma", "beta", "slope")
        hidden = [f"{part}_{layer}" for layer in range(layers - 1) for part in parts]
        return [*hidden, f"kernel_{layers - 1}", "bias"]

    @classmethod
    def from_list(cls, weights: Sequence[np.ndarray]) -> EncoderWeights:
        """From the order of `build_encoder(...).get_weights()`.

        Raises:
            ValueError: if number or shapes are not those of such an encoder.
        """
        weights = list(weights)
        layers, rest = divmod(len(weights) + 2, 4)
        if rest or not layers:
            raise ValueError(f"weights: expected 4 L - 2 arrays for L layers, got {len(weights)}")
        kernels = tuple(weights[0::4])
        normalizations = tuple(
            tuple(weights[4 * layer + 1 : 4 * layer + 4]) for layer in range(layers - 1)
        )
        width = None
        for layer, kernel in enumerate(kernels):
            if kernel.ndim != 2 or (width is not None and len(kernel) != width):
                raise ValueError(f"weights: kernel {layer} has shape {kernel.shape}")
            width = kernel.shape[1]
            after = normalizations[layer] if layer < layers - 1 else (weights[-1],)
            if any(part.shape != (width,) for part in after):
                raise ValueError(f"weights: layer {layer} expects vectors of {width} numbers")
        return cls(kernels, normalizations, weights[-1])

    @classmethod
    def random(cls, num_features: int, units: Sequence[int], seed: int) -> EncoderWeights:
        """Those of an untrained encoder.

        Args:
            num_features: F.
            units: widths of the layers.
            seed: of the kernels.

        Source: Glorot and Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html, equation
        16, of the kernels; see `layers.NormalizedActivation` for the rest.
        """
        rng, widths = np.random.default_rng(seed), [num_features, *units]
        kernels = []
        for before, after in itertools.pairwise(widths):
            limit = np.sqrt(6 / (before + after))
            kernels.append(rng.uniform(-limit, limit, (before, after)).astype(np.float32))
        normalizations = tuple(
            tuple(np.full(width, value, np.float32) for value in (1.0, 0.0, 0.25))
            for width in units[:-1]
        )
        return cls(tuple(kernels), normalizations, np.zeros(units[-1], np.float32))

    def to_list(self) -> list[np.ndarray]:
        """The inverse of `from_list`."""
        *hidden, last = self.kernels
        pairs = zip(hidden, self.normalizations, strict=True)
        return [part for kernel, after in pairs for part in (kernel, *after)] + [last, self.bias]

    @property
    def num_features(self) -> int:
        """F, the width of the input."""
        return len(self.kernels[0])


@dataclasses.dataclass(frozen=True, eq=False)
class LinearWeights(NamedArrays):
    """The numbers of a linear encoder, see `linear.build_linear_encoder`.

    Attributes:
        kernel: W [F, D].
        column_weights: w [F].
        coefficients: c [K + 1], of the powers of A.
        scale: s [D].
    """

    kernel: np.ndarray
    column_weights: np.ndarray
    coefficients: np.ndarray
    scale: np.ndarray

    @classmethod
    def from_list(cls, weights: Sequence[np.ndarray]) -> LinearWeights:
        """From the order of `build_linear_encoder(...).get_weights()`.

        Raises:
            ValueError: if number or shapes are not those of such an encoder.
        """
        shapes = [one.shape for one in weights]
        if [len(shape) for shape in shapes] != [2, 1, 1, 1]:
            raise ValueError(f"weights: expected a matrix and three vectors, got shapes {shapes}")
        if shapes[0] != shapes[1] + shapes[3] or shapes[2] == (0,):
            raise ValueError(f"weights: the shapes {shapes} do not fit together")
        return cls(*weights)

    @property
    def num_features(self) -> int:
        """F, the width of the input."""
        return len(self.kernel)


AnyWeights: TypeAlias = EncoderWeights | LinearWeights | ChannelWeights | WideWeights
ENCODER_WEIGHTS: dict[str, Any] = {
    LINEAR: LinearWeights,
    GCN: EncoderWeights,
    CHANNELS: ChannelWeights,
    WIDE: WideWeights,
}
