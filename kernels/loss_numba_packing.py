"""Residuals of the Numba backend as plain arrays, for a framework that stores them between passes.

The views are left out: they are the inputs, and `unpack` gets them again. Everything else travels
as bytes, because few rows are computed in float64 whatever the dtype of the views.
"""

from __future__ import annotations

import numpy as np

from .loss_numba import Residuals, prepare_views
from .loss_numba_direct import DirectResiduals
from .loss_numba_gram import GramResiduals

# What `pack` returns: header, rows, numbers, and the bytes of four arrays.
PACKED_DTYPES = (np.int64, np.int64, np.float64, *[np.uint8] * 4)
_CONSTANT, _DIRECT, _GRAM = range(3)
_NO_ROWS = np.zeros(0, np.int64)


def pack(residuals: Residuals) -> tuple[np.ndarray, ...]:
    """Arrays with the dtypes `PACKED_DTYPES` that stand for the residuals."""
    inner = residuals.inner
    if inner is None:
        nothing = np.zeros(0, np.uint8)
        header = np.array([_CONSTANT, 0, 0], np.int64)
        return header, _NO_ROWS, np.zeros(0), *[nothing] * 4
    rows = _NO_ROWS if residuals.rows is None else residuals.rows
    header = np.array(
        [
            _GRAM if isinstance(inner, GramResiduals) else _DIRECT,
            residuals.rows is not None,
            residuals.relative,
        ],
        np.int64,
    )
    if isinstance(inner, GramResiduals):
        numbers = np.array([inner.W, inner.f, inner.lambda_])
        arrays = (inner.w, inner.K, inner.stats, inner.c)
    else:
        numbers = np.zeros(0)
        arrays = (inner.w, inner.H, inner.stats, inner.k)
    return header, rows, numbers, *[_bytes(array) for array in arrays]


def unpack(packed, z_a: np.ndarray, z_b: np.ndarray) -> Residuals:
    """The residuals of ``forward(z_a, z_b, ...)`` from what `pack` made of them.

    Args:
        packed: the result of `pack`.
        z_a: the very view that `forward` was given.
        z_b: likewise.
    """
    (kind, has_rows, relative), rows, numbers, *arrays = packed
    shape, dtype = z_a.shape, z_a.dtype
    if kind == _CONSTANT:
        return Residuals(None, shape, dtype)
    rows = rows if has_rows else None
    A, B = prepare_views(z_a, z_b, rows, bool(relative))
    n, D = A.shape
    w = arrays[0].view(A.dtype)
    if kind == _GRAM:
        K, stats = (array.view(A.dtype) for array in arrays[1:3])
        c = arrays[3].view(np.float64)
        W, f, lambda_ = map(float, numbers)
        inner = GramResiduals(A, B, w, W, f, lambda_, K.reshape(2, n, n), stats.reshape(2, 3, D), c)
    else:
        H, stats, k = (array.view(A.dtype) for array in arrays[1:])
        inner = DirectResiduals(A, B, w, H.reshape(D, D), stats.reshape(5, D), k.reshape(2, D))
    return Residuals(inner, shape, dtype, rows, bool(relative))


def _bytes(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
