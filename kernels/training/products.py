"""Products of matrices by a team of threads, each with a BLAS of one thread.

NumPy's own would wait for each other in a spin, on cores that may be taken.
"""

from __future__ import annotations

import numba
import numpy as np

from ..blas import N as NO
from ..blas import T as TRANSPOSED
from ..blas import gemm, jit, single_threaded_blas
from ..team import run_parts, shares

_SERIAL_WORK = 1e6  # multiplications below which one thread is as fast


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
    work = rows * columns * inner
    threads = 1 if work < _SERIAL_WORK else min(numba.config.NUMBA_NUM_THREADS, rows)
    own = (a, b, transpose_a, transpose_b, out)
    with single_threaded_blas():
        run_parts(_rows, [(*own, *part) for part in shares(rows, max(threads, 1))])
    return out


@jit()
def _rows(a, b, transpose_a, transpose_b, out, start, stop):
    """Rows start:stop of the product."""
    rows, columns = stop - start, out.shape[1]
    inner = a.shape[0] if transpose_a else a.shape[1]
    if rows == 0 or columns == 0:
        return
    if inner == 0:
        out[start:stop] = 0
        return
    # In BLAS' terms, by columns, this is the transposed of the product.
    of_a = a[:, start:] if transpose_a else a[start:]
    gemm(
        TRANSPOSED if transpose_b else NO,
        TRANSPOSED if transpose_a else NO,
        columns,
        rows,
        inner,
        1,
        b,
        b.shape[1],
        of_a,
        a.shape[1],
        0,
        out[start:],
        columns,
    )
