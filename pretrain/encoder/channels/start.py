"""Where an encoder of channels starts: principal directions of each, and of all side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from ....kernels.keys import derive_key
from ....kernels.linalg import leading_directions, oriented
from ...graph.data import GraphData
from ..start import column_weights, weighted_rows
from .apply import finished, present
from .matrices import StepMatrices
from .plan import Planned
from .weights import ChannelNumbers, ChannelWeights

# Twice as many rounds gave the same accuracies (docs/theory/recipe.md) in twice the time.
_POWER_ITERATIONS = 2
_SMALLEST_VALUE = 1e-4  # of the largest: below is the rounding of float32
_ROUNDING = 1e-6  # of sqrt(N), which bounds the singular values of rows of length 1
_SMALLEST_SCALE = 1e-2  # of the largest: directions below count as noise and are not shrunk further


def start_channels(
    data: GraphData, plans: Sequence[Planned], width: int, seed: int, *, quiet: bool = True
) -> tuple[ChannelWeights, np.ndarray]:
    """Each channel's rows in the basis of its principal directions; then PCA of all of them.

    Args:
        data: the graph; labels are not used.
        plans: its channels, at least one.
        width: D at most; fewer if the channels have fewer columns together.
        seed: of the randomised range finder.
        quiet: no progress bar.

    Returns:
        The encoder, and the covariance of its channels side by side, float64 [sum of the widths,
        sum of the widths], which the training takes.
    """
    matrices, numbers, states = StepMatrices(data), [], []
    for number, plan in enumerate(tqdm(plans, "start", unit="channel", disable=quiet)):
        rng = np.random.default_rng(derive_key(seed, f"channel {number}"))
        one, state = _start_channel(data, matrices, plan, rng)
        numbers.append(one)
        states.append(state)
    side_by_side = np.hstack(states)
    mean = side_by_side.mean(axis=0)
    side_by_side -= mean
    scatter = (side_by_side.T @ side_by_side).astype(np.float64)
    vectors = oriented(np.linalg.eigh(scatter)[1][:, ::-1][:, :width])
    channels = tuple(plan.channel for plan in plans)
    weights = ChannelWeights(channels, tuple(numbers), mean, vectors.astype(np.float32))
    return weights, scatter / data.num_nodes


def _start_channel(
    data: GraphData, matrices: StepMatrices, plan: Planned, rng: np.random.Generator
) -> tuple[ChannelNumbers, np.ndarray]:
    weights = column_weights(data.features, plan.prior or 1.0, scaled=plan.is_scaled)
    prior = plan.prior * _square_of_a_word(data, weights)
    rows = weighted_rows(data, weights, prior)
    coefficients = plan.coefficients

    def forward(directions):
        state = matrices.product(plan.channel, coefficients, np.asarray(rows @ directions))
        return state - state.mean(axis=0)

    def backward(state):
        state = state - state.mean(axis=0)
        state = matrices.product(plan.channel, coefficients, state, transposed=True)
        return np.asarray(rows.T @ state)

    kernel, values = principal_directions(forward, backward, rows.shape, plan.width, rng)
    state = matrices.product(plan.channel, coefficients, np.asarray(rows @ kernel))
    there = present(state, plan.channel)
    mean = state[there].mean(axis=0) if there.any() else np.zeros(state.shape[1])
    scale = np.ones(len(values))
    if plan.is_sharpened:
        scale = np.maximum(values / max(values.max(), 1e-30), _SMALLEST_SCALE)
    scale = np.where(values > 0, scale, 0)  # all nodes are alike: no direction, not a random one
    one = ChannelNumbers(
        *(
            np.asarray(part, np.float32)
            for part in (weights, [prior], coefficients, kernel, mean, scale, [plan.weight])
        )
    )
    return one, finished(state, plan.channel, one)


def _square_of_a_word(data: GraphData, weights: np.ndarray) -> float:
    """Mean square of the weighted entries that are not zero."""
    rows: Any = data.features if data.is_sparse else data.feature_rows(slice(None))
    squares = rows.multiply(rows) if data.is_sparse else rows**2
    entries = int(squares.nnz if data.is_sparse else np.count_nonzero(squares))
    return float((squares @ weights.astype(np.float64) ** 2).sum()) / max(entries, 1)


def principal_directions(
    forward: Callable[[np.ndarray], np.ndarray],
    backward: Callable[[np.ndarray], np.ndarray],
    shape: tuple[int, int],
    width: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """`leading_directions`, as many as there are.

    Args:
        forward: M times [F, k].
        backward: the transposed M times [N, k].
        shape: N, F.
        width: as many as asked for, at most min(N, F).
        rng: of the range finder.

    Returns:
        float32 [F, K] and [K] singular values, largest first. Those below 1e-4 of the largest are
        left out; of a matrix that is 0 but for rounding one direction is left, with the value 0.
    """
    found = leading_directions(forward, backward, shape, width, rng, _POWER_ITERATIONS)
    directions, values = found
    used = values > max(_SMALLEST_VALUE * values[0], _ROUNDING * np.sqrt(shape[0]))
    if not used.any():
        return directions[:, :1], np.zeros(1)
    return directions[:, used], values[used]
