"""Column statistics and centring of a block of rows that stays in cache, for both Numba paths.

Precision: a mean is summed in float64 as a shift from one row of the view, so the mean of a
constant feature is that constant exactly. That row is the one of the largest weight: beside a row
that hardly counts, but is 1e10, those that count would be lost. The mean is then kept as a pair
(hi, lo) of the data's dtype, ``mean = hi + lo``: ``(x - hi) - lo`` is exact to the last bit of x
where a single rounded mean would be wrong by half a unit of a value that may be 1e4 standard
deviations large. No function here may be compiled with fastmath: it would fold ``(x - hi) - lo``.

Rows of weight 0 are never read into a sum: they may hold NaN.

Numba's cache does not see changes of the functions that a cached one calls in another file: after
an edit here or in blas.py, delete ``__pycache__``.
"""

from __future__ import annotations

import numpy as np

from ...blas import jit


@jit()
def inverse_root(squares, divisor, standardize, limits):
    """``1 / sqrt(squares / divisor + epsilon)``, or 1 unless `standardize`; NaN out of range.

    Args:
        squares: Weighted sum of squares of a column.
        divisor: W - ddof, positive; W unless `standardize`.
        standardize: Whether to standardise.
        limits: epsilon, and the least and the greatest variance, see validation.py.
    """
    epsilon, least, most = limits
    variance = squares / divisor
    if not standardize:
        return 1.0 if variance <= most else np.nan
    variance += epsilon
    return 1 / np.sqrt(variance) if least <= variance <= most else np.nan


@jit()
def column_means(x, w, anchor, i0, i1, j0, j1, mean):
    """Writes the weighted means of ``x[i0:i1, j0:j1] - x[anchor, j0:j1]``, float64 [j1 - j0].

    They are 0 where all weights are 0. Returns the sum of the weights, float64.
    """
    n = j1 - j0
    for j in range(n):
        mean[j] = 0.0
    x0 = x[anchor, j0:j1]
    total = 0.0
    i = i0
    while i < i1:
        if i + 4 <= i1 and w[i] != 0 and w[i + 1] != 0 and w[i + 2] != 0 and w[i + 3] != 0:
            # Four rows per pass: the accumulators are loaded and stored once for all of them.
            xa = x[i, j0:j1]
            xb = x[i + 1, j0:j1]
            xc = x[i + 2, j0:j1]
            xd = x[i + 3, j0:j1]
            wa = np.float64(w[i])
            wb = np.float64(w[i + 1])
            wc = np.float64(w[i + 2])
            wd = np.float64(w[i + 3])
            for j in range(n):
                s = np.float64(x0[j])
                mean[j] += (wa * (xa[j] - s) + wb * (xb[j] - s)) + (
                    wc * (xc[j] - s) + wd * (xd[j] - s)
                )
            total += (wa + wb) + (wc + wd)
            i += 4
        else:
            if w[i] != 0:
                xa = x[i, j0:j1]
                wa = np.float64(w[i])
                for j in range(n):
                    mean[j] += wa * (xa[j] - np.float64(x0[j]))
                total += wa
            i += 1
    if total > 0:
        for j in range(n):
            mean[j] /= total
    return total


@jit()
def split(row, mean, hi, lo):
    """Writes ``row + mean``, a mean by `column_means`, as ``hi + lo`` in the dtype of `hi`."""
    for j in range(mean.size):
        hi[j] = row[j] + mean[j]
        lo[j] = (np.float64(row[j]) - hi[j]) + mean[j]


@jit()
def centre(x, w, i0, i1, j0, hi, lo, out):
    """Writes ``x[i0:i1, j0:j0+n] - (hi + lo)`` to `out`; rows of weight 0 become 0."""
    n = hi.size
    for i in range(i0, i1):
        row = x[i, j0 : j0 + n]
        to = out[i - i0]
        if w[i] == 0:
            for j in range(n):
                to[j] = 0
        else:
            for j in range(n):
                to[j] = (row[j] - hi[j]) - lo[j]


@jit()
def add_products(a, b, w, i0, rows, n, total):
    """``total[j] += sum_i w[i0 + i] * a[i, j] * b[i, j]`` for the first rows and n columns.

    Four terms are added in the data's dtype, the rest in float64, the dtype of `total`.
    """
    i = 0
    while i + 4 <= rows:
        a0 = a[i, :n]
        a1 = a[i + 1, :n]
        a2 = a[i + 2, :n]
        a3 = a[i + 3, :n]
        b0 = b[i, :n]
        b1 = b[i + 1, :n]
        b2 = b[i + 2, :n]
        b3 = b[i + 3, :n]
        w0 = w[i0 + i]
        w1 = w[i0 + i + 1]
        w2 = w[i0 + i + 2]
        w3 = w[i0 + i + 3]
        for j in range(n):
            total[j] += np.float64(
                (w0 * a0[j] * b0[j] + w1 * a1[j] * b1[j])
                + (w2 * a2[j] * b2[j] + w3 * a3[j] * b3[j])
            )
        i += 4
    while i < rows:
        a0 = a[i, :n]
        b0 = b[i, :n]
        w0 = w[i0 + i]
        for j in range(n):
            total[j] += np.float64(w0 * a0[j] * b0[j])
        i += 1
