"""The products behind the spectrum, in Numba: each thread has a part of the rows, and waits asleep.

Two threads of a BLAS would be as fast on a quiet machine. But they wait for each other in a spin,
many times in one call, and beside other work that costs several times what the second one brings.
"""

from __future__ import annotations

import numba
import numpy as np

from ..blas import N, T, gemm, jit, single_threaded_blas, syrk
from ..team import run_parts, shares

_PANEL = 64  # columns: of a triangle, this much is computed in vain beside the diagonal
_BLOCK = 256  # rows whose products stay in the cache
_SERIAL_WORK = 3e7  # operations below which one thread is as fast as several


def smaller_gram(X: np.ndarray) -> np.ndarray:
    """The lower triangle of X^T X or X X^T, whichever is smaller; above it is anything.

    Args:
        X: float64 [N, D], C-contiguous, with entries.
    """
    n, d = X.shape
    kernel, length = (_add_columns, n) if n > d else (_add_rows, d)
    parts = _parts(length, X.size * min(n, d))
    grams = np.zeros((len(parts), min(n, d), min(n, d)))
    with single_threaded_blas():
        run_parts(kernel, [(X, *part, G) for part, G in zip(parts, grams, strict=True)])
    return grams[0] if len(grams) == 1 else grams.sum(axis=0)


def squared_lengths(X: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """``|L^-1 x_i|^2`` of all rows, [N].

    Args:
        X: float32 or float64 [N, D], C-contiguous.
        inverse: L^-1, lower triangular [D, D] of the same dtype, C-contiguous.
    """
    parts = _parts(len(X), X.size * X.shape[1])
    lengths = np.zeros(len(X), X.dtype)
    buffers = np.empty((len(parts), _BLOCK * _PANEL), X.dtype)
    calls = [(X, inverse, *part, own, lengths) for part, own in zip(parts, buffers, strict=True)]
    with single_threaded_blas():
        run_parts(_add_squares, calls)
    return lengths


def _parts(length: int, work: float) -> list[tuple[int, int]]:
    threads = 1 if work < _SERIAL_WORK else numba.config.NUMBA_NUM_THREADS
    return shares(length, threads)


@jit()
def _add_columns(X, start, stop, G):
    """``G += X^T X`` of the rows start:stop, lower triangle by panels."""
    d = X.shape[1]
    x, g = X.reshape(-1), G.reshape(-1)
    for j in range(0, d, _PANEL):
        end = min(j + _PANEL, d)
        rows = x[start * d :]
        gemm(N, T, end, end - j, stop - start, 1.0, rows, d, rows[j:], d, 1.0, g[j * d :], d)


@jit()
def _add_rows(X, start, stop, G):
    """``G += X X^T`` of the columns start:stop, lower triangle."""
    n, d = X.shape
    syrk(n, stop - start, X.reshape(-1)[start:], d, G.reshape(-1), n)


@jit()
def _add_squares(X, inverse, start, stop, buffer, lengths):
    """Adds ``|L^-1 x|^2`` of the rows start:stop to their lengths."""
    d = X.shape[1]
    x, triangle = X.reshape(-1), inverse.reshape(-1)
    for begin in range(start, stop, _BLOCK):
        rows = min(_BLOCK, stop - begin)
        for j in range(0, d, _PANEL):
            width = min(_PANEL, d - j)
            used = j + width  # columns of L^-1 that are not 0 in these rows
            gemm(
                T,
                N,
                width,
                rows,
                used,
                1.0,
                triangle[j * d :],
                d,
                x[begin * d :],
                d,
                0.0,
                buffer,
                width,
            )
            for i in range(rows):
                total = lengths[begin + i]
                for k in range(i * width, (i + 1) * width):
                    total += buffer[k] * buffer[k]
                lengths[begin + i] = total
