"""The gram path in Numba: never forms the D x D matrix C, for N < D.

Columns are independent until the very end, so a thread takes a panel of columns that fits its
cache, standardises it (mean, variance and c_j = C_jj need nothing but that panel) and adds to its
own N x N sums

    Ka = Za Za^T        Kb = Zb Zb^T        (one triangle each)

With c = diag(C), W = sum(w) and the two matrices

    ||C||_F^2 = sum_ij w_i w_j Ka_ij Kb_ij / W^2
    loss      = sum_j (1 - c_j)^2 + lambda * (||C||_F^2 - sum_j c_j^2)

The backward pass standardises each panel again and needs one product per view: with
U = Kb diag(w) Za, V = Ka diag(w) Zb, h = 2 (1 - lambda) c - 2, f = W / (W - ddof),

    Zb G^T = (2 lambda / W) U + Zb * h
    q_A    = c * h + (2 lambda / W^2) colsum(diag(w) Za * U)
    dA     = (diag(w) / W) * r_A * (Zb G^T - f * Za * q_A)

and with A and B, U and V exchanged for dB.
"""

from __future__ import annotations

import numpy as np

from ...blas import N as NO
from ...blas import gemm, jit, syrk
from . import columns

column_means, split, centre = columns.column_means, columns.split, columns.centre
add_products, inverse_root = columns.add_products, columns.inverse_root


@jit()
def _panel(buffer, rows, n):
    """The beginning of a buffer as a matrix [rows, n]."""
    return buffer.reshape(-1)[: rows * n].reshape((rows, n))


@jit()
def _weigh(z, w, out):
    """``out = diag(w) z``; returns whether that differs from z at all."""
    rows, n = z.shape
    plain = True
    for i in range(rows):
        plain = plain and w[i] == 1
    if plain:
        return False
    for i in range(rows):
        row = z[i]
        to = out[i]
        weight = w[i]
        for j in range(n):
            to[j] = row[j] * weight
    return True


@jit()
def _standardize_panel(x, w, options, j0, j1, stats, z):
    """Writes the standardised columns j0:j1 to z [N, n]; their mean as (hi, lo), and r, to stats.

    The options are the heaviest row, and what `columns.inverse_root` takes after the squares.
    Unless `standardize`, z is a copy, cleared where the weight is 0.
    """
    anchor, divisor, standardize, limits = options
    N, n = z.shape
    stats[:2] = 0
    if standardize:
        mean = np.empty(n)
        column_means(x, w, anchor, 0, N, j0, j1, mean)
        split(x[anchor, j0:j1], mean, stats[0], stats[1])
    centre(x, w, 0, N, j0, stats[0], stats[1], z)
    squares = np.zeros(n)
    add_products(z, z, w, 0, N, n, squares)
    for j in range(n):
        stats[2, j] = inverse_root(squares[j], divisor, standardize, limits)
    r = stats[2]
    for i in range(N):
        row = z[i]
        for j in range(n):
            row[j] *= r[j]


@jit()
def _standardize_again(x, w, j0, stats, z):
    """`_standardize_panel` with the statistics known."""
    hi, lo, r = stats[0], stats[1], stats[2]
    for i in range(z.shape[0]):
        row = x[i, j0 : j0 + r.size]
        to = z[i]
        if w[i] == 0:
            to[:] = 0
        else:
            for j in range(r.size):
                to[j] = ((row[j] - hi[j]) - lo[j]) * r[j]


@jit()
def accumulate(A, B, w, W, edges, p0, p1, options, buffers, stats, c, K):
    """Adds the panels p0:p1 to ``K = (Ka, Kb)`` (lower triangles); writes statistics and c.

    Options: what `_standardize_panel` takes after w.
    """
    N = A.shape[0]
    K[:] = 0
    for p in range(p0, p1):
        j0, j1 = edges[p], edges[p + 1]
        n = j1 - j0
        za, zb = _panel(buffers[0], N, n), _panel(buffers[1], N, n)
        _standardize_panel(A, w, options, j0, j1, stats[0, :, j0:j1], za)
        _standardize_panel(B, w, options, j0, j1, stats[1, :, j0:j1], zb)
        c[j0:j1] = 0
        add_products(za, zb, w, 0, N, n, c[j0:j1])
        for j in range(j0, j1):  # not /=, see direct_kernels.py
            c[j] /= W
        syrk(N, n, za, n, K[0], N)
        syrk(N, n, zb, n, K[1], N)


@jit(fastmath={"reassoc", "contract"})
def _weighted_dot(a, b, w):
    total = 0.0
    for j in range(a.size):
        total += np.float64(a[j]) * np.float64(b[j]) * np.float64(w[j])
    return total


@jit()
def finish(K, i0, i1, w, total):
    """Adds the parts' sums up in part 0, mirrors its rows i0:i1, ``total[0] = W^2 ||C||_F^2``.

    The share of the rows i0:i1 in the total, that is.
    """
    total[0] = 0.0
    for i in range(i0, i1):
        for side in range(2):
            row = K[0, side, i, : i + 1]
            for p in range(1, K.shape[0]):
                other = K[p, side, i, : i + 1]
                for j in range(i + 1):
                    row[j] += other[j]
            # Reads stay in this thread's rows, writes in elements no other thread touches.
            for j in range(i):
                K[0, side, j, i] = row[j]
        Ka, Kb = K[0, 0, i], K[0, 1, i]
        half = _weighted_dot(Ka[:i], Kb[:i], w[:i])
        diagonal = np.float64(Ka[i]) * np.float64(Kb[i]) * np.float64(w[i])
        total[0] += np.float64(w[i]) * (2 * half + diagonal)


@jit()
def _gradient_panel(z, other, u, w, W, f, lambda_, upstream, c, r, j0, gradient):
    """Writes the columns j0:j0+n of one gradient; z, other and u are [N, n] panels.

    Args:
        z: Za (for dA).
        other: Zb.
        u: ``Kb diag(w) Za``.
        w: [N] weights.
        W: Their sum.
        f: W / (W - ddof), or 0 without standardisation.
        lambda_: Weight of the redundancy-reduction term.
        upstream: Factor of the gradient.
        c: float64 [n], diagonal of C.
        r: [n], 1 / sqrt(var + epsilon).
        j0: First column.
        gradient: [N, D], columns j0:j0+n are written.
    """
    N, n = z.shape
    q = np.zeros(n)  # colsum(diag(w) Za * U)
    if f != 0:
        add_products(z, u, w, 0, N, n, q)
    factors = np.empty((3, n), z.dtype)
    for j in range(n):
        h = 2 * (1 - lambda_) * c[j] - 2
        q_j = c[j] * h + 2 * lambda_ / (W * W) * q[j]
        factor = upstream * r[j] / W
        factors[0, j] = factor * 2 * lambda_ / W
        factors[1, j] = factor * h
        factors[2, j] = factor * f * q_j
    f0, f1, f2 = factors[0], factors[1], factors[2]
    for i in range(N):
        to = gradient[i, j0 : j0 + n]
        if w[i] == 0:
            for j in range(n):
                to[j] = 0
        else:
            z_i, other_i, u_i, weight = z[i], other[i], u[i], w[i]
            for j in range(n):
                to[j] = weight * ((u_i[j] * f0[j] + other_i[j] * f1[j]) - z_i[j] * f2[j])


@jit()
def gradients(A, B, w, W, f, lambda_, upstream, edges, p0, p1, stats, c, K, buffers, dA, dB):
    """Writes the columns of the panels p0:p1 of both gradients."""
    N = A.shape[0]
    for p in range(p0, p1):
        j0, j1 = edges[p], edges[p + 1]
        n = j1 - j0
        za, zb = _panel(buffers[0], N, n), _panel(buffers[1], N, n)
        zw, u = _panel(buffers[2], N, n), _panel(buffers[3], N, n)
        panel = stats[:, :, j0:j1]
        _standardize_again(A, w, j0, panel[0], za)
        _standardize_again(B, w, j0, panel[1], zb)
        for side in range(2):
            z, other = (za, zb) if side == 0 else (zb, za)
            gradient = dA if side == 0 else dB
            weighted = zw if _weigh(z, w, zw) else z
            # Not beta = 0: for vectors, some BLAS multiply what they find, and NaN * 0 is NaN.
            u[:] = 0
            gemm(NO, NO, n, N, N, 1, weighted, n, K[1 - side], N, 1, u, n)
            c_panel, r = c[j0:j1], panel[side, 2]
            _gradient_panel(z, other, u, w, W, f, lambda_, upstream, c_panel, r, j0, gradient)
