"""What an encoder of channels makes of a graph; NumPy and SciPy alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from ....kernels.linalg import unit_rows
from ...graph.data import GraphData
from ..start import weighted_rows
from .matrices import StepMatrices
from .weights import Channel, ChannelNumbers, ChannelWeights

# Entries of a node's row before its mean is subtracted: below, it is the rounding of a node that
# has nothing in this channel. Features are rows of length 1 or less, and so are their mixtures.
ABSENT = 1e-6


def embed_channels(weights: ChannelWeights, data: GraphData, *, quiet: bool = True) -> np.ndarray:
    """``H = (Z - m) W``, Z the channels side by side.

    Channel b is ``g unit(((c[0] I + c[1] B + ...) R X diag(w) V - mean) diag(s))``: R scales the
    rows of X diag(w), B is the product of its steps, and the rows get length g. In a channel of one
    relation among several, the row of a node that has no such neighbours is 0.

    Args:
        weights: for as many features as the graph has.
        data: the graph, with the relations that the channels name.
        quiet: no progress bar.

    Returns:
        float32 [N, D]. Beside it one channel is held at a time.
    """
    if weights.num_features != data.num_features:
        raise ValueError(
            f"weights: expected {data.num_features} features, got {weights.num_features}"
        )
    result = np.repeat(-(weights.mean @ weights.rotation)[np.newaxis], data.num_nodes, axis=0)
    start = 0
    total = len(weights.channels)
    for state in tqdm(channel_states(weights, data), "embed", total, unit="channel", disable=quiet):
        stop = start + state.shape[1]
        result += state @ weights.rotation[start:stop]
        start = stop
    return result


def channel_states(weights: ChannelWeights, data: GraphData) -> Iterator[np.ndarray]:
    """Z channel by channel, float32 [N, K] each; see `embed_channels`."""
    matrices = StepMatrices(data)
    for channel, numbers in zip(weights.channels, weights.numbers, strict=True):
        rows = weighted_rows(data, numbers.column_weights, float(numbers.length_prior[0]))
        projected = np.asarray(rows @ numbers.kernel)
        state = matrices.product(channel, numbers.coefficients, projected)
        yield finished(state, channel, numbers)


def finished(state: np.ndarray, channel: Channel, numbers: ChannelNumbers) -> np.ndarray:
    """Centred, with scaled columns and rows of the channel's weight; absent rows are 0."""
    rows = numbers.weight * unit_rows((state - numbers.mean) * numbers.scale)
    return np.where(present(state, channel)[:, np.newaxis], rows, np.float32(0))


def present(state: np.ndarray, channel: Channel) -> np.ndarray:
    """Which rows have something in the channel, bool [N]; see `Channel.can_be_absent`."""
    if not channel.can_be_absent:
        return np.ones(len(state), bool)
    return np.abs(state).max(axis=1) > ABSENT
