"""The gram path in Numba: splits the work over threads and owns the buffers.

The mathematics and the arithmetic: gram_kernels.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...team import run_parts, shares
from ...validation import VARIANCES
from . import gram_kernels as kernels
from . import memory
from .plan import gram_plan


@dataclass(frozen=True)
class GramResiduals:
    """What the backward pass of the gram path needs; the views are referred to, not copied."""

    A: np.ndarray
    B: np.ndarray
    w: np.ndarray
    W: float
    f: float
    lambda_: float
    K: np.ndarray
    stats: np.ndarray
    c: np.ndarray


def _edges(D, panels):
    """Column numbers at which the panels begin, and D."""
    return np.arange(panels + 1) * D // panels


def forward(A, B, w, W, lambda_, standardize, epsilon, ddof):
    """The loss and what `backward` needs; arguments as in direct.py."""
    (N, D), dtype = A.shape, A.dtype
    plan = gram_plan(N, D, dtype.itemsize)
    panels, parts, width = plan
    edges = _edges(D, panels)
    K = memory.empty((parts, 2, N, N), dtype)
    stats = memory.empty((2, 3, D), dtype)
    c = memory.empty(D)
    buffers = memory.empty((parts, 2, N, width), dtype)
    divisor = float(W - ddof if standardize else W)
    options = (int(w.argmax()), divisor, standardize, (epsilon, *VARIANCES[dtype.type]))
    calls = []
    for p, own_panels in enumerate(shares(panels, parts)):
        calls.append((A, B, w, W, edges, *own_panels, options, buffers[p], stats, c, K[p]))
    run_parts(kernels.accumulate, calls)

    total = memory.empty((parts, 1))
    # Row i holds i + 1 elements: equal areas of the triangle, not equal numbers of rows.
    rows = [int(N * (p / parts) ** 0.5) for p in range(parts + 1)]
    run_parts(kernels.finish, [(K, rows[p], rows[p + 1], w, total[p]) for p in range(parts)])

    # Near the optimum the difference is rounding error; the sum that it stands for is not negative.
    redundancy = np.maximum(total.sum() / W**2 - np.dot(c, c), 0)
    loss = np.sum((1 - c) ** 2) + lambda_ * redundancy
    f = W / (W - ddof) if standardize else 0.0
    # A view of K would keep the sums of the other parts alive.
    K = K[0] if parts == 1 else K[0].copy()
    return float(loss), GramResiduals(A, B, w, W, f, lambda_, K, stats, c)


def backward(residuals: GramResiduals, upstream: float):
    """The gradients with respect to both views, times `upstream`."""
    r = residuals
    (N, D), dtype = r.A.shape, r.A.dtype
    panels, parts, width = gram_plan(N, D, dtype.itemsize)
    edges = _edges(D, panels)
    grad_a, grad_b = (memory.empty_result((N, D), dtype) for _ in range(2))
    buffers = memory.empty((parts, 4, N, width), dtype)
    inputs = (r.A, r.B, r.w, r.W, r.f, r.lambda_, float(upstream), edges)
    run_parts(
        kernels.gradients,
        [
            (*inputs, *own_panels, r.stats, r.c, r.K, buffer, grad_a, grad_b)
            for own_panels, buffer in zip(shares(panels, parts), buffers, strict=True)
        ],
    )
    return grad_a, grad_b
