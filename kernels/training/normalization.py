"""Batch normalisation and PReLU in one, forward and backward, by threads that share the columns.

    x = (h - mean) / sqrt(var + epsilon),  y = gamma x + beta,  out = y if y > 0 else slope y

Sources: Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, algorithm 1 and its gradients in
section 3; He et al. 2015, https://arxiv.org/abs/1502.01852, equations 1 and 8.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from ..blas import jit
from ..team import run_parts, shares

_COLUMNS = 64  # of a block that stays in the cache for all passes
_ROWS = 128  # whose sums are exact enough in float32
_SERIAL_WORK = 1e5  # entries below which one thread is as fast


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
    out, moments = np.empty_like(state), np.empty((2, state.shape[1]), state.dtype)
    _by_columns(_forward, state, (state, *parameters, epsilon, out, moments))
    return out, moments


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
    found = Parameters(*np.empty((3, state.shape[1]), state.dtype))
    _by_columns(_backward, state, (state, *parameters, moments, upstream, *found))
    return upstream, found


def _by_columns(kernel, state, arguments) -> None:
    blocks = -(-state.shape[1] // _COLUMNS)
    serial = state.size < _SERIAL_WORK
    threads = 1 if serial else min(numba.config.NUMBA_NUM_THREADS, blocks)
    parts = shares(blocks, max(threads, 1))
    run_parts(kernel, [(*arguments, *part) for part in parts])


@jit(fastmath={"contract"})
def _forward(state, gamma, beta, slope, epsilon, out, moments, start, stop):
    """Blocks start:stop of the columns.

    Sums are of the state's dtype over `_ROWS` rows, and of float64 over such chunks.
    """
    rows, columns = state.shape
    zero = state.dtype.type(0)
    for block in range(start, stop):
        j0, j1 = block * _COLUMNS, min((block + 1) * _COLUMNS, columns)
        width = j1 - j0
        total, part = np.empty((2, width)), np.empty((2, width), state.dtype)
        mean, square, first = total[0], part[0], state[0, j0:j1].copy()
        mean[:] = 0
        for chunk in range(0, rows, _ROWS):
            square[:] = 0
            for i in range(chunk, min(chunk + _ROWS, rows)):
                row = state[i, j0:j1]
                for j in range(width):
                    square[j] += row[j] - first[j]
            for j in range(width):
                mean[j] += square[j]
        center = part[1]
        for j in range(width):
            center[j] = first[j] + mean[j] / rows
        variance = total[1]
        variance[:] = 0
        for chunk in range(0, rows, _ROWS):
            square[:] = 0
            for i in range(chunk, min(chunk + _ROWS, rows)):
                row = state[i, j0:j1]
                for j in range(width):
                    difference = row[j] - center[j]
                    square[j] += difference * difference
            for j in range(width):
                variance[j] += square[j]
        scale = np.empty(width, state.dtype)
        for j in range(width):
            scale[j] = 1 / np.sqrt(variance[j] / rows + epsilon)
            moments[0, j0 + j], moments[1, j0 + j] = center[j], scale[j]
            scale[j] *= gamma[j0 + j]
        shift, factor = beta[j0:j1].copy(), slope[j0:j1].copy()
        for i in range(rows):
            row, result = state[i, j0:j1], out[i, j0:j1]
            for j in range(width):
                y = (row[j] - center[j]) * scale[j] + shift[j]
                result[j] = y if y > zero else factor[j] * y


@jit(fastmath={"contract"})
def _backward(
    state, gamma, beta, slope, moments, upstream, of_gamma, of_beta, of_slope, start, stop
):
    """Blocks start:stop of the columns; `upstream` becomes the gradient of the state."""
    rows, columns = state.shape
    zero, one = state.dtype.type(0), state.dtype.type(1)
    for block in range(start, stop):
        j0, j1 = block * _COLUMNS, min((block + 1) * _COLUMNS, columns)
        width = j1 - j0
        center, scale = moments[0, j0:j1].copy(), moments[1, j0:j1].copy()
        weight, shift, factor = gamma[j0:j1].copy(), beta[j0:j1].copy(), slope[j0:j1].copy()
        total, part = np.zeros((3, width)), np.empty((3, width), state.dtype)
        changes, products, slopes = part[0], part[1], part[2]
        for chunk in range(0, rows, _ROWS):
            part[:] = 0
            for i in range(chunk, min(chunk + _ROWS, rows)):
                row, given = state[i, j0:j1], upstream[i, j0:j1]
                for j in range(width):
                    x = (row[j] - center[j]) * scale[j]
                    y = weight[j] * x + shift[j]
                    slopes[j] += given[j] * min(y, zero)
                    change = given[j] * (one if y > zero else factor[j])
                    given[j] = change
                    changes[j] += change
                    products[j] += change * x
            for number in range(3):
                for j in range(width):
                    total[number, j] += part[number, j]
        mean, along = part[0], part[1]
        for j in range(width):
            of_beta[j0 + j], of_gamma[j0 + j], of_slope[j0 + j] = total[:, j]
            mean[j], along[j] = total[0, j] / rows, total[1, j] / rows
        for i in range(rows):
            row, given = state[i, j0:j1], upstream[i, j0:j1]
            for j in range(width):
                x = (row[j] - center[j]) * scale[j]
                given[j] = weight[j] * scale[j] * (given[j] - mean[j] - x * along[j])
