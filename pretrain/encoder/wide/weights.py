"""The wide encoder in NumPy and SciPy alone: its numbers, where they start, what it computes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.sparse

from ....kernels.keys import derive_key
from ...graph.adjacency import blocks
from ...graph.data import GraphData
from ..named_arrays import NamedArrays

SLOPE = 0.25  # below 0, as a PReLU starts
_BLOCK_ROWS = 1 << 14


@dataclasses.dataclass(frozen=True, eq=False)
class WideWeights(NamedArrays):
    """``H = PReLU(S K + b)``, S [N, 5 F + 2] the statistics of `statistics`.

    Attributes:
        center: [F], subtracted from the features.
        spread: [F], what they are divided by then.
        kernel: K [5 F + 2, D].
        bias: b [D].
    """

    center: np.ndarray
    spread: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def from_list(cls, arrays: Sequence[np.ndarray]) -> WideWeights:
        """The inverse of `to_list`.

        Raises:
            ValueError: if number or shapes are not those of such an encoder.
        """
        shapes = [tuple(one.shape) for one in arrays]
        fits = [len(shape) for shape in shapes] == [1, 1, 2, 1]
        if fits:
            (width,), spread, kernel, bias = shapes
            fits = spread == (width,) and kernel == (5 * width + 2, *bias)
        if not fits:
            raise ValueError(f"weights: the shapes {shapes} are not those of a wide encoder")
        return cls(*arrays)

    @property
    def num_features(self) -> int:
        """F, the width of the input."""
        return len(self.center)


def start_wide(data: GraphData, width: int, seed: int) -> WideWeights:
    """Random directions of the statistics, each of mean 0 and variance 1 over the graph.

    Args:
        data: the graph; labels are not used.
        width: D.
        seed: of the directions.
    """
    features = data.feature_rows(slice(None)).astype(np.float64)
    center, spread = features.mean(axis=0), _spread(features)
    found = statistics(data, *(one.astype(np.float32) for one in (center, spread)))
    found = found.astype(np.float64)
    mean, spreads = found.mean(axis=0), _spread(found)
    rng = np.random.default_rng(derive_key(seed, "wide layer"))
    kernel = rng.standard_normal((found.shape[1], width)) / spreads[:, np.newaxis]
    bias = -mean @ kernel
    covariance = np.cov(found, rowvar=False, bias=True).reshape(kernel.shape[0], -1)
    deviation = np.sqrt(np.maximum(np.einsum("pd,pd->d", kernel, covariance @ kernel), 0))
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 1e-9)
    arrays = (center, spread, kernel * scale, bias * scale)
    return WideWeights(*(np.asarray(one, np.float32) for one in arrays))


def embed_wide(weights: WideWeights, data: GraphData) -> np.ndarray:
    """Representations of the nodes, float32 [N, D]."""
    if weights.num_features != data.num_features:
        raise ValueError(
            f"weights: expected {data.num_features} features, got {weights.num_features}"
        )
    found = statistics(data, weights.center, weights.spread)
    result = np.empty((data.num_nodes, len(weights.bias)), np.float32)
    for rows in blocks(data.num_nodes, _BLOCK_ROWS):
        state = found[rows] @ weights.kernel + weights.bias
        result[rows] = np.where(state < 0, SLOPE * state, state)
    return result


def statistics(data: GraphData, center: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """What a node and its neighbours have, float32 [N, 5 F + 2].

    Side by side: the features X, (x - center) / spread; their mean M over the neighbours; their
    standard deviation S over them; the mean of M over the neighbours, two hops away; the logarithm
    d of one plus the degree; the means of S and of d over the neighbours. Where links have weights,
    means go by them, and the degree is their sum. A node without neighbours has 0 in the place of
    each mean.
    """
    features = (data.feature_rows(slice(None)) - center) / spread
    adjacency = data.adjacency
    strengths = adjacency.strengths
    shares = np.divide(1, strengths, out=np.zeros(data.num_nodes), where=strengths > 0)
    mean_of = scipy.sparse.diags(shares.astype(np.float32)) @ adjacency.matrix()
    mean = mean_of @ features
    deviations = np.sqrt(np.maximum(mean_of @ features**2 - mean**2, 0))
    degree = np.log1p(strengths, dtype=np.float32)[:, np.newaxis]
    parts = [features, mean, deviations, mean_of @ mean, degree]
    return np.hstack([*parts, mean_of @ deviations, mean_of @ degree])


def _spread(columns: np.ndarray) -> np.ndarray:
    """Standard deviations; 1 of a column that does not vary but by rounding."""
    found = columns.std(axis=0)
    return np.where(found > 1e-6 * np.abs(columns).max(axis=0, initial=0), found, 1)
