"""Products of matrices by a team of threads, each with a BLAS of one thread.

NumPy's own would wait for each other in a spin, on cores that may be taken.
"""

from __future__ import annotations

import numpy as np

from ..blas import N as NO
from ..blas import T as TRANSPOSED
from ..blas import gemm, jit, single_threaded_blas
from ..team import run_parts, shares, threads_for

_WORK = 5e5  # multiplications that a thread is worth


def product(
    a: np.ndarray,
    b: np.ndarray,
    out: np.ndarray | None = None,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
) -> np.ndarray:
    """``op(A) op(B)``, where op may transpose.

    Args:
        a: C-contiguous float32 or float64 [M, K], transposed [K, M].
        b: the same dtype [K, N], transposed [N, K].
        out: C-contiguous [M, N]; overwritten.
        transpose_a: see above.
        transpose_b: see above.

    Returns:
        ``out``, or a new [M, N].
    """
    rows, inner = a.shape[::-1] if transpose_a else a.shape
    columns = b.shape[0] if transpose_b else b.shape[1]
    if out is None:
        out = np.empty((rows, columns), a.dtype)
    along = max(rows, columns)
    parts = shares(along, threads_for(rows * columns * inner, _WORK, along))
    own = (a, b, transpose_a, transpose_b, out)
    if rows >= columns:
        calls = [(*own, *part, 0, columns) for part in parts]
    else:
        calls = [(*own, 0, rows, *part) for part in parts]
    with single_threaded_blas():
        run_parts(_part, calls)
    return out


@jit()
def _part(a, b, transpose_a, transpose_b, out, i0, i1, j0, j1):
    """Rows i0:i1 and columns j0:j1 of the product."""
    inner = a.shape[0] if transpose_a else a.shape[1]
    if i0 == i1 or j0 == j1:
        return
    if inner == 0:
        out[i0:i1, j0:j1] = 0
        return
    # In BLAS' terms, by columns, this is the transposed of the product.
    of_a = a[:, i0:] if transpose_a else a[i0:]
    of_b = b[j0:] if transpose_b else b[:, j0:]
    gemm(
        TRANSPOSED if transpose_b else NO,
        TRANSPOSED if transpose_a else NO,
        j1 - j0,
        i1 - i0,
        inner,
        1,
        of_b,
        b.shape[1],
        of_a,
        a.shape[1],
        0,
        out[i0:, j0:],
        out.shape[1],
    )
