"""Batch normalisation and PReLU in one, forward and backward, by threads that share the columns.

    x = (h - mean) / sqrt(var + epsilon),  y = gamma x + beta,  out = y if y > 0 else slope y

Sources: Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, algorithm 1 and its gradients in
section 3; He et al. 2015, https://arxiv.org/abs/1502.01852, equations 1 and 8.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..blas import jit
from ..linalg import with_columns
from ..team import run_parts, shares, threads_for

_COLUMNS = 64  # of a block that stays in the cache for all passes
_ROWS = 128  # whose sums are exact enough in float32
_WORK = 5e4  # entries that a thread is worth


class Parameters(NamedTuple):
    """Of each column, or their gradients: [D] each."""

    gamma: np.ndarray
    beta: np.ndarray
    slope: np.ndarray


def normalized_activation(
    state: np.ndarray, parameters: Parameters, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """The result, and what `gradients` needs.

    Args:
        state: h, C-contiguous float32 or float64 [N, D].
        parameters: of the dtype of `state`.
        epsilon: added to the biased variances.

    Returns:
        [N, D], and mean and ``1 / sqrt(var + epsilon)``, [2, D].
    """
    given, table = _padded(state), _padded(np.stack(parameters))
    out, moments = np.empty_like(given), np.empty((2, given.shape[1]), state.dtype)
    _by_columns(_forward, given, (given, table, epsilon, out, moments))
    columns = state.shape[1]
    if given is not state:
        out = np.ascontiguousarray(out[:, :columns])
    return out, moments[:, :columns]


def gradients(
    state: np.ndarray, parameters: Parameters, moments: np.ndarray, upstream: np.ndarray
) -> tuple[np.ndarray, Parameters]:
    """Of the state and of the parameters.

    Args:
        state: as of `normalized_activation`.
        parameters: likewise.
        moments: what that returned.
        upstream: gradient of its result, [N, D]; overwritten with that of the state.

    Returns:
        ``upstream``, and those of the parameters.
    """
    columns = state.shape[1]
    given, passed, of_columns = _padded(state), _padded(upstream), _padded(moments)
    table, found = _padded(np.stack(parameters)), np.empty((3, given.shape[1]), state.dtype)
    _by_columns(_backward, given, (given, table, of_columns, passed, found))
    if passed is not upstream:
        upstream[:] = passed[:, :columns]
    return upstream, Parameters(*found[:, :columns])


def _padded(rows: np.ndarray) -> np.ndarray:
    """With columns of zeros up to a whole number of blocks."""
    return with_columns(rows, -(-rows.shape[1] // _COLUMNS) * _COLUMNS)


def _by_columns(kernel, state, arguments) -> None:
    blocks = -(-state.shape[1] // _COLUMNS)
    parts = shares(blocks, threads_for(state.size, _WORK, blocks))
    run_parts(kernel, [(*arguments, *part) for part in parts])


@jit(fastmath={"contract"})
def _forward(state, table, epsilon, out, moments, start, stop):
    """Blocks start:stop of the columns.

    Arrays are flat, places unsigned, and all that belongs to a column lies in one array: else LLVM
    would have to compare too many addresses before it could vectorise, and does not. Sums are of
    the state's dtype over `_ROWS` rows, and of float64 over such chunks.
    """
    rows, columns = state.shape
    stride, wide = np.uint64(columns), np.uint64(_COLUMNS)
    given, found = state.reshape(-1), out.reshape(-1)
    zero = state.dtype.type(0)
    exact, part = np.empty(_COLUMNS), np.empty(_COLUMNS, state.dtype)
    own = np.empty(4 * _COLUMNS, state.dtype)  # centre, scale, shift, slope
    for block in range(start, stop):
        begin = np.uint64(block) * wide
        for j in range(wide):
            own[j] = given[begin + j]
        for moment in range(2):
            exact[:] = 0
            for chunk in range(0, rows, _ROWS):
                part[:] = 0
                for i in range(chunk, min(chunk + _ROWS, rows)):
                    place = np.uint64(i) * stride + begin
                    if moment == 0:
                        for j in range(wide):
                            part[j] += given[place + j] - own[j]
                    else:
                        for j in range(wide):
                            difference = given[place + j] - own[j]
                            part[j] += difference * difference
                for j in range(wide):
                    exact[j] += part[j]
            if moment == 0:
                for j in range(wide):
                    own[j] = own[j] + exact[j] / rows
        for j in range(wide):
            scale = 1 / np.sqrt(exact[j] / rows + epsilon)
            moments[0, begin + j], moments[1, begin + j] = own[j], scale
            own[wide + j] = scale * table[0, begin + j]
            own[2 * wide + j] = table[1, begin + j]
            own[3 * wide + j] = table[2, begin + j]
        for i in range(rows):
            place = np.uint64(i) * stride + begin
            for j in range(wide):
                y = (given[place + j] - own[j]) * own[wide + j] + own[2 * wide + j]
                found[place + j] = y if y > zero else own[3 * wide + j] * y


@jit(fastmath={"contract"})
def _backward(state, table, moments, upstream, found, start, stop):
    """Blocks start:stop of the columns; see `_forward`. `upstream` becomes that of the state."""
    rows, columns = state.shape
    stride, wide = np.uint64(columns), np.uint64(_COLUMNS)
    given, passed = state.reshape(-1), upstream.reshape(-1)
    zero, one = state.dtype.type(0), state.dtype.type(1)
    exact, part = np.empty(3 * _COLUMNS), np.empty(3 * _COLUMNS, state.dtype)
    own = np.empty(7 * _COLUMNS, state.dtype)  # centre, scale, gamma, beta, slope, two means
    for block in range(start, stop):
        begin = np.uint64(block) * wide
        for j in range(wide):
            own[j], own[wide + j] = moments[0, begin + j], moments[1, begin + j]
            for number in range(3):
                own[(2 + number) * _COLUMNS + j] = table[number, begin + j]
        exact[:] = 0
        for chunk in range(0, rows, _ROWS):
            part[:] = 0
            for i in range(chunk, min(chunk + _ROWS, rows)):
                place = np.uint64(i) * stride + begin
                for j in range(wide):
                    x = (given[place + j] - own[j]) * own[wide + j]
                    y = own[2 * wide + j] * x + own[3 * wide + j]
                    gradient = passed[place + j]
                    change = gradient * (one if y > zero else own[4 * wide + j])
                    passed[place + j] = change
                    part[j] += change * x
                    part[wide + j] += change
                    part[2 * wide + j] += gradient * min(y, zero)
            for j in range(3 * wide):
                exact[j] += part[j]
        for j in range(wide):
            for number in range(3):
                found[number, begin + j] = exact[number * _COLUMNS + j]
            own[5 * wide + j] = exact[wide + j] / rows
            own[6 * wide + j] = exact[j] / rows
            own[2 * wide + j] *= own[wide + j]
        for i in range(rows):
            place = np.uint64(i) * stride + begin
            for j in range(wide):
                x = (given[place + j] - own[j]) * own[wide + j]
                mean = own[5 * wide + j] + x * own[6 * wide + j]
                passed[place + j] = own[2 * wide + j] * (passed[place + j] - mean)
