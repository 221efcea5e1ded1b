"""The direct path in Numba: splits the work over threads and owns the buffers.

The mathematics and the arithmetic: direct_kernels.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...team import run_parts, shares
from ...validation import VARIANCES
from . import direct_kernels as kernels
from . import memory
from .plan import direct_plan


@dataclass(frozen=True)
class DirectResiduals:
    """What the backward pass of the direct path needs; the views are referred to, not copied."""

    A: np.ndarray
    B: np.ndarray
    w: np.ndarray
    H: np.ndarray
    stats: np.ndarray
    k: np.ndarray


def forward(A, B, w, W, lambda_, standardize, epsilon, ddof):
    """The loss and what `backward` needs.

    Args:
        A: [N, D], C-contiguous float32 or float64, N > 0.
        B: The same.
        w: [N] weights of the same dtype, not all 0.
        W: Their sum.
        lambda_: Weight of the redundancy-reduction term.
        standardize: Whether to standardise; then W - ddof is positive.
        epsilon: Added to the variances.
        ddof: The variances divide by W - ddof.

    Returns:
        The loss as a float, and `DirectResiduals`.
    """
    (n, D), dtype = A.shape, A.dtype
    plan = direct_plan(n, D, dtype.itemsize)
    blocks, P, Q = plan.forward_blocks, plan.row_parts, plan.column_parts
    C = memory.empty((P, D, D), dtype)
    sums = memory.empty((P, 3, D))
    mean_a, mean_b = memory.empty((2, blocks if standardize else 1, D))
    W_b = memory.empty(blocks)
    buffers = memory.empty((P * Q, 2, plan.block_rows(n, blocks), D), dtype)
    anchor = int(w.argmax())
    calls = []
    for p, own_blocks in enumerate(shares(blocks, P)):
        for columns in shares(D, Q):
            results = (buffers[len(calls)], mean_a, mean_b, W_b, sums[p], C[p])
            own = (*own_blocks, *columns)
            calls.append((A, B, w, anchor, blocks, *own, standardize, *results))
    run_parts(kernels.accumulate, calls)

    least, most = VARIANCES[dtype.type]
    stats = memory.empty((5, D), dtype)
    r_c = memory.empty((3, D))
    between = memory.empty((2, len(mean_a), D), dtype)
    if standardize:
        limits = (epsilon, least, most)
        means = (A[anchor], B[anchor], mean_a, mean_b)
        kernels.merge_blocks(*means, W_b, sums, W, W - ddof, limits, between, stats, r_c)
    else:
        mean_squares = sums.sum(axis=0) / W
        stats[:4] = 0
        r_c[:2] = np.where(mean_squares[:2] <= most, 1, np.nan)
        stats[4] = r_c[1]
        r_c[2] = mean_squares[2]

    threads = plan.finish_parts
    q = memory.empty((threads, 2, D))
    terms = memory.empty((threads, 2))
    shared = (between, r_c, stats[4], W, lambda_)
    rows = shares(D, threads)
    run_parts(kernels.finish, [(C, *rows[t], *shared, q[t], terms[t]) for t in range(threads)])

    k = memory.empty((2, D), dtype)
    loss = kernels.conclude(terms, q, r_c, lambda_, W - ddof if standardize else np.inf, k)
    # A view of C would keep the sums of the other parts alive.
    H = C[0] if P == 1 else C[0].copy()
    return loss, DirectResiduals(A, B, w, H, stats, k)


def backward(residuals: DirectResiduals, upstream: float):
    """The gradients with respect to both views, times `upstream`."""
    A, B, w = residuals.A, residuals.B, residuals.w
    (n, D), dtype = A.shape, A.dtype
    plan = direct_plan(n, D, dtype.itemsize)
    blocks, parts = plan.backward_blocks, plan.backward_parts
    grad_a, grad_b = (memory.empty_result((n, D), dtype) for _ in range(2))
    buffers = memory.empty((parts, 2, plan.block_rows(n, blocks), D), dtype)
    k = residuals.k * dtype.type(upstream)
    shared = (residuals.stats, k, residuals.H, float(upstream))
    run_parts(
        kernels.gradients,
        [
            (A, B, w, blocks, *own_blocks, *shared, buffer, grad_a, grad_b)
            for own_blocks, buffer in zip(shares(blocks, parts), buffers, strict=True)
        ],
    )
    return grad_a, grad_b
