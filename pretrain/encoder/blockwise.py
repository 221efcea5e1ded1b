"""Representations of all nodes of a large graph, layer by layer, in blocks of nodes.

The formula is that of `gcn.build_encoder` or of `linear.build_linear_encoder`, over the full graph:
no sampling, exact degrees, and hidden normalisations with the statistics of all nodes. What is held
at once is, of graph convolutions, one matrix [N, min(width before, width after)] per layer and its
propagated copy, while the states in between are computed again, block by block, when they are
needed; of a linear encoder three matrices [N, D]. NumPy and SciPy alone.

Source of the layer-wise order: Hamilton, Ying and Leskovec 2017, https://arxiv.org/abs/1706.02216,
algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from ...kernels.linalg import unit_rows
from ..graph.adjacency import Adjacency, blocks
from ..graph.data import GraphData
from .weights import EncoderWeights, LinearWeights

_EPSILON = 1e-3  # layers.NormalizedActivation
_BLOCK_ENTRIES = 1 << 23  # 32 MB as float32

States = Callable[[slice], np.ndarray]  # a block of nodes to its states, float32 [rows, width]


def embed_in_blocks(
    weights: EncoderWeights | LinearWeights,
    data: GraphData,
    *,
    adjacency: Adjacency | None = None,
    block_rows: int | None = None,
    quiet: bool = True,
) -> np.ndarray:
    """Representations of the graph as it is.

    Args:
        weights: of the encoder, for as many features as the graph has.
        data: the graph; of memory-mapped features one block is read at a time.
        adjacency: its edges, if they are at hand.
        block_rows: nodes per block; default: as many as make 32 MB of the widest states.
        quiet: no progress bar.

    Returns:
        float32 [N, D], equal to the encoder's output up to rounding.
    """
    if weights.num_features != data.num_features:
        raise ValueError(
            f"weights: expected {data.num_features} features, got {weights.num_features}"
        )
    propagation = _Propagation(adjacency or data.adjacency)
    if isinstance(weights, LinearWeights):
        kernels: tuple[np.ndarray, ...] = (weights.kernel,)
        embed: Callable[..., np.ndarray] = _embed_linear
        passes = len(weights.coefficients)
    else:  # per layer propagation, and statistics or the result; where it widens also the kept sums
        kernels, embed = weights.kernels, _embed_convolutional
        passes = 2 * len(kernels) + sum(map(_widens, kernels))
    block_rows = block_rows or max(1, _BLOCK_ENTRIES // max(max(one.shape) for one in kernels))
    steps = passes * -(-data.num_nodes // block_rows)
    with tqdm(total=steps, desc="embed", unit="block", disable=quiet) as bar:

        def each_block():
            for block in blocks(data.num_nodes, block_rows):
                yield block
                bar.update()

        return embed(weights, data, propagation, each_block)


def _embed_convolutional(weights: EncoderWeights, data, propagation, each_block) -> np.ndarray:
    count, last = data.num_nodes, len(weights.kernels) - 1
    state: States = data.feature_rows
    for layer, kernel in enumerate(weights.kernels):
        state = _propagated(state, kernel, propagation, count, each_block)
        if layer < last:
            state = _normalized(state, weights.normalizations[layer], each_block)
    result = np.empty((count, weights.kernels[-1].shape[1]), np.float32)
    for block in each_block():
        result[block] = state(block) + weights.bias
    return result


def _embed_linear(weights: LinearWeights, data, propagation, each_block) -> np.ndarray:
    """Holds three matrices [N, D]."""
    projected = np.empty((data.num_nodes, weights.kernel.shape[1]), np.float32)
    for block in each_block():
        rows = unit_rows(data.feature_rows(block) * weights.column_weights)
        projected[block] = rows @ weights.kernel
    result, scaled = weights.coefficients[-1] * projected, np.empty_like(projected)
    for coefficient in weights.coefficients[-2::-1]:  # Horner's rule
        np.multiply(result, propagation.scale, out=scaled)
        for block in each_block():
            result[block] = propagation(scaled, block) + coefficient * projected[block]
    result *= weights.scale
    return result


class _Propagation:
    """``D^(-1/2) (adjacency + I) D^(-1/2) H`` in blocks of rows."""

    def __init__(self, adjacency: Adjacency):
        self._adjacency = adjacency
        self.scale = (1 / np.sqrt(1 + adjacency.strengths)).astype(np.float32)[:, np.newaxis]

    def scaled(self, states: np.ndarray, block: slice) -> np.ndarray:
        """Rows of ``D^(-1/2) H``."""
        return states * self.scale[block]

    def __call__(self, scaled: np.ndarray, block: slice) -> np.ndarray:
        """A block of rows of the product, of all rows of ``D^(-1/2) H``."""
        links = self._adjacency.matrix(block)
        return (links @ scaled + scaled[block]) * self.scale[block]


def _propagated(state: States, kernel, propagation: _Propagation, count: int, each_block) -> States:
    """``A H W``, with the narrower of H and H W held for all nodes."""
    narrow = np.empty((count, min(kernel.shape)), np.float32)
    for block in each_block():
        rows = state(block) if _widens(kernel) else state(block) @ kernel
        narrow[block] = propagation.scaled(rows, block)
    if not _widens(kernel):
        return lambda block: propagation(narrow, block)
    # Kept: the products with the kernel are made twice, the sums over neighbours once.
    sums = np.empty_like(narrow)
    for block in each_block():
        sums[block] = propagation(narrow, block)
    return lambda block: sums[block] @ kernel


def _widens(kernel: np.ndarray) -> bool:
    return kernel.shape[0] <= kernel.shape[1]


def _normalized(state: States, parameters, each_block) -> States:
    """``PReLU(normalize(state))`` with the exact mean and variance of all nodes."""
    gamma, beta, slope = parameters
    count, mean, squares = 0, 0.0, 0.0
    for block in each_block():  # Chan, Golub and LeVeque 1979: moments of parts, put together
        rows = state(block).astype(np.float64)
        part_mean = rows.mean(axis=0)
        total = count + len(rows)
        squares = squares + ((rows - part_mean) ** 2).sum(axis=0)
        squares = squares + (part_mean - mean) ** 2 * (count * len(rows) / total)
        mean = mean + (part_mean - mean) * (len(rows) / total)
        count = total
    scale = gamma / np.sqrt(squares / count + _EPSILON)
    scale, shift = scale.astype(np.float32), (beta - mean * scale).astype(np.float32)

    def activated(block: slice) -> np.ndarray:
        values = state(block) * scale + shift
        return np.where(values < 0, slope * values, values)

    return activated
