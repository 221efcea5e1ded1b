"""The direct path in Numba: forms C = Za^T diag(w) Zb / W, for N >= D.

Forward, one pass over the data. A thread takes a block of rows that fits its cache, centres it
around the mean *of the block* (Ac, Bc) and adds ``Ac^T diag(w) Bc`` to its own D x D sum by one
gemm. What is missing to the total is what the block means contribute, with W_b the weight of
block b:

    sum_i w_i (A_i - mean_A)^T (B_i - mean_B)
        = sum_blocks Ac^T diag(w) Bc + sum_b W_b (mean_A,b - mean_A)^T (mean_B,b - mean_B)

one more gemm with as many rows as there are blocks; variances and the diagonal likewise. So the
centring is exact (nothing is subtracted that was not small), and no pass for the means is needed.

The scales r_A, r_B come last, as factors on C. In the backward pass they, the 1 / W and the
upstream gradient move into one matrix:

    H_ij = r_A,i G_ij r_B,j / W            k_A = r_A^2 q_A / (W - ddof)
    dA   = diag(w) (Bc H^T - Ac * k_A)     dB = diag(w) (Ac H - Bc * k_B)

with Ac, Bc centred around the mean, so blocks need no scaling. ``- w Ac * k_A`` is written to the
output while the block is centred, and the gemm adds to it.
"""

from __future__ import annotations

import numpy as np

from ...blas import N as NO
from ...blas import T as TRANSPOSED
from ...blas import gemm, jit
from . import columns

# Loops over elements, no arithmetic of whole arrays: that compiles NumPy's rules of broadcasting
# and the texts of its errors along, for 10 of 26 seconds in all.

column_means, split, centre = columns.column_means, columns.split, columns.centre
add_products, inverse_root = columns.add_products, columns.inverse_root


@jit()
def accumulate(
    A, B, w, anchor, blocks, b0, b1, j0, j1, standardize, buffers, mean_a, mean_b, W_b, sums, C
):
    """Adds b0:b1 of the blocks to the columns j0:j1 of C; writes their means and column sums.

    Means are relative to the row `anchor`.

    ``sums[0]``: sum w a^2, ``sums[1]``: sum w b^2, ``sums[2]``: sum w a b (of columns j0:j1).
    """
    N, D = A.shape
    n = j1 - j0
    mean = np.empty(D)
    shifts = np.empty((4, D), A.dtype)
    buffer_a = buffers[0]
    buffer_b = buffers[1].reshape(-1)[: buffers.shape[1] * n].reshape((-1, n))
    C[:, j0:j1] = 0
    sums[:, j0:j1] = 0
    for b in range(b0, b1):
        i0, i1 = b * N // blocks, (b + 1) * N // blocks
        rows = i1 - i0
        shifts[:] = 0
        if standardize:
            # Every column part centres all of A, and reports the means of its own columns: no two
            # threads write to the same place.
            weight = column_means(A, w, anchor, i0, i1, 0, D, mean)
            split(A[anchor], mean, shifts[0], shifts[1])
            for j in range(j0, j1):
                mean_a[b, j] = mean[j]
            if j0 == 0:
                W_b[b] = weight
            column_means(B, w, anchor, i0, i1, j0, j1, mean_b[b, j0:j1])
            split(B[anchor, j0:j1], mean_b[b, j0:j1], shifts[2, :n], shifts[3, :n])
        centre(A, w, i0, i1, 0, shifts[0], shifts[1], buffer_a)
        centre(B, w, i0, i1, j0, shifts[2, :n], shifts[3, :n], buffer_b)
        own_a = buffer_a[:, j0:j1]
        add_products(own_a, own_a, w, i0, rows, n, sums[0, j0:j1])
        add_products(buffer_b, buffer_b, w, i0, rows, n, sums[1, j0:j1])
        add_products(own_a, buffer_b, w, i0, rows, n, sums[2, j0:j1])
        for i in range(rows):
            w_i = w[i0 + i]
            if w_i != 1:
                for j in range(n):
                    buffer_b[i, j] *= w_i
        gemm(NO, TRANSPOSED, n, D, rows, 1, buffer_b, n, buffer_a, D, 1, C[0, j0:], D)


@jit()
def merge_blocks(row_a, row_b, mean_a, mean_b, W_b, sums, W, W_ddof, limits, between, stats, r_c):
    """Global means, 1 / sqrt(var + epsilon) and the diagonal of C, from those of the blocks.

    Args:
        row_a: The row of A that its means are relative to.
        row_b: The same of B.
        mean_a: float64 [blocks, D] block means of A.
        mean_b: The same of B.
        W_b: float64 [blocks] weights of the blocks.
        sums: float64 [row parts, 3, D] of `accumulate`.
        W: Sum of the weights.
        W_ddof: W - ddof, positive.
        limits: See `columns.inverse_root`.
        between: [2, blocks, D], written: centred block means, those of B times W_b.
        stats: [5, D], written: means of A as (hi, lo), means of B as (hi, lo), r_B.
        r_c: float64 [3, D], written: r_A, r_B and diag(C).
    """
    blocks, D = mean_a.shape
    means = np.empty((2, D))
    for j in range(D):
        squares_a, squares_b, products = 0.0, 0.0, 0.0  # sum w (A - mean_A)^2, of B, of A and B
        for p in range(sums.shape[0]):
            squares_a += sums[p, 0, j]
            squares_b += sums[p, 1, j]
            products += sums[p, 2, j]
        total_a, total_b = 0.0, 0.0
        for block in range(blocks):
            total_a += W_b[block] * mean_a[block, j]
            total_b += W_b[block] * mean_b[block, j]
        means[0, j] = total_a / W
        means[1, j] = total_b / W
        for block in range(blocks):
            weight = W_b[block]
            a, b = mean_a[block, j] - means[0, j], mean_b[block, j] - means[1, j]
            squares_a += weight * a * a
            squares_b += weight * b * b
            products += weight * a * b
            between[0, block, j] = a
            between[1, block, j] = weight * b
        r_a = inverse_root(squares_a, W_ddof, True, limits)
        r_b = inverse_root(squares_b, W_ddof, True, limits)
        r_c[0, j], r_c[1, j], r_c[2, j] = r_a, r_b, products * r_a * r_b / W
        stats[4, j] = r_b
    split(row_a, means[0], stats[0], stats[1])
    split(row_b, means[1], stats[2], stats[3])


# Reassociation lets the float64 sums run in vector registers. NaN and infinity keep their meaning.
@jit(fastmath={"reassoc", "contract"})
def _row_square(c, factor, r_b, scale, columns_square):
    """One row of C off its diagonal: adds c_j^2 to the column sums, returns the row sum.

    `c` becomes ``scale * factor * C_j * r_b_j``, the row of H.
    """
    total = 0.0
    for j in range(c.size):
        value = c[j] * (factor * r_b[j])
        square = np.float64(value) * np.float64(value)
        total += square
        columns_square[j] += square
        c[j] = value * (scale * r_b[j])
    return total


@jit()
def finish(C, i0, i1, between, r_c, r_b, W, lambda_, q, terms):
    """Turns the rows i0:i1 of the sums into rows of H, and adds up the loss and q.

    Args:
        C: [row parts, D, D]; part 0 becomes H.
        i0: First row.
        i1: Last row + 1.
        between: [2, blocks, D] of `merge_blocks`.
        r_c: float64 [3, D] of `merge_blocks`.
        r_b: [D], r_B in the data's dtype.
        W: Sum of the weights.
        lambda_: Weight of the redundancy-reduction term.
        q: float64 [2, D], written: the share of these rows in q_A, and in q_B without its diagonal.
        terms: float64 [2], written: sum (1 - C_ii)^2 and sum_{i != j} C_ij^2 of these rows.
    """
    D = C.shape[1]
    blocks = between.shape[1]
    q[:] = 0
    terms[:] = 0
    if i1 == i0:
        return
    if blocks > 1:
        mean_a, mean_b = between[0, 0, i0:], between[1]
        gemm(NO, TRANSPOSED, D, i1 - i0, blocks, 1, mean_b, D, mean_a, D, 1, C[0, i0], D)
    scale = 2 * lambda_ / W
    for i in range(i0, i1):
        row = C[0, i]
        for p in range(1, C.shape[0]):
            other = C[p, i]
            for j in range(D):
                row[j] += other[j]
        r_a = r_c[0, i]
        c_ii = r_c[2, i]
        row[i] = 0
        square = _row_square(row, row.dtype.type(r_a / W), r_b, row.dtype.type(scale * r_a), q[1])
        row[i] = 2 * (c_ii - 1) * r_a * r_c[1, i] / W
        q[0, i] = 2 * lambda_ * square + 2 * c_ii * (c_ii - 1)
        terms[0] += (1 - c_ii) * (1 - c_ii)
        terms[1] += square


@jit()
def conclude(terms, q, r_c, lambda_, W_ddof, k):
    """Returns the loss; writes ``k = r^2 q / W_ddof``, [2, D]."""
    for j in range(k.shape[1]):
        q_a, q_b = 0.0, 0.0
        for t in range(q.shape[0]):
            q_a += q[t, 0, j]
            q_b += q[t, 1, j]
        r_a, r_b, c = r_c[0, j], r_c[1, j], r_c[2, j]
        k[0, j] = r_a * r_a * q_a / W_ddof
        k[1, j] = r_b * r_b * (2 * lambda_ * q_b + 2 * c * (c - 1)) / W_ddof
    loss = 0.0
    for t in range(terms.shape[0]):
        loss += terms[t, 0] + lambda_ * terms[t, 1]
    return loss


@jit()
def _centre_and_start(x, w, i0, i1, hi, lo, k, out, gradient):
    """Writes ``out = w (x - mean)`` and ``gradient = -out * k`` for the rows i0:i1."""
    for i in range(i0, i1):
        row = x[i]
        to = out[i - i0]
        start = gradient[i]
        weight = w[i]
        if weight == 0:
            to[:] = 0
            start[:] = 0
        else:
            for j in range(hi.size):
                value = ((row[j] - hi[j]) - lo[j]) * weight
                to[j] = value
                start[j] = -value * k[j]


@jit()
def gradients(A, B, w, blocks, b0, b1, stats, k, H, upstream, buffers, grad_a, grad_b):
    """Writes the gradients of the rows in b0:b1 of the blocks."""
    N, D = A.shape
    for b in range(b0, b1):
        i0, i1 = b * N // blocks, (b + 1) * N // blocks
        rows = i1 - i0
        if rows == 0:
            continue
        _centre_and_start(A, w, i0, i1, stats[0], stats[1], k[0], buffers[0], grad_a)
        _centre_and_start(B, w, i0, i1, stats[2], stats[3], k[1], buffers[1], grad_b)
        # Row-major H is the column-major H^T.
        gemm(TRANSPOSED, NO, D, rows, D, upstream, H, D, buffers[1], D, 1, grad_a[i0], D)
        gemm(NO, NO, D, rows, D, upstream, H, D, buffers[0], D, 1, grad_b[i0], D)
