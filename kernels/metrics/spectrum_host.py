"""Spectrum of a representation on the CPU, in NumPy and SciPy's LAPACK; needs no TensorFlow.

With m = min(N, D) everything comes from the m x m Gram matrix ``G = X^T X`` (or ``X X^T``) in
float64: singular values are the roots of its eigenvalues (no eigenvectors are computed), leverage
scores are the squared lengths of the columns of ``L^-1 X^T`` with the Cholesky factor L of G.

Accuracy. Squaring halves the digits: eigenvalues have an absolute error of a few eps * sigma_1^2.
Those below ``4 sqrt(max(N, D)) eps sigma_1^2`` count as zero (relative to sigma_1: 1.7e-7 for 1000
rows, 9e-7 for a million). Leverage scores lose ``eps * condition^2``; past `_REFINE_BELOW` a second
Cholesky step on ``L^-1 X^T`` itself, which is nearly orthonormal, brings the digits back
("CholeskyQR2", Yamamoto et al. 2015).
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg
from scipy.linalg import blas, lapack

EPS = 2.220446049250313e-16  # float64
# sigma_m / sigma_1 below which leverage scores are refined: eps * 1000^2 is still 2e-10.
_REFINE_BELOW = 1e-3
# Traces of the Gram matrix outside are close to overflow, or have lost digits to underflow.
_SAFE_TRACE = (1e-200, 1e200)
# Inside these, L^-1 X^T can be had in float32 as well.
_FLOAT32_TRACE = (1e-20, 1e20)
_FLOAT32_UNIT = 2.0**-24
# Below so many entries float64 throughout is as fast.
_FLOAT32_ENTRIES = 2**18
# Operations, N D m, below which BLAS is faster in one thread than in several that wake each other,
# and the side of a matrix below which that holds for its eigenvalues.
_SERIAL_WORK = 3e7
_SERIAL_SIDE = 300


class Spectrum(NamedTuple):
    """What the metrics need of a representation ``[N, D]``, in arrays or in tensors.

    Attributes:
        singular_values: float64 ``[max(min(N, D), 1)]``, descending, up to a common factor; zeros
            are exact. All NaN where X or the weights are not finite, or no row or feature is left.
        rows: float64 scalar, the number of rows of positive weight.
        largest_leverage: float64 scalar, max_i |U_i|^2; 1 without full rank.
    """

    singular_values: Any
    rows: Any
    largest_leverage: Any


def zero_threshold(shape) -> float:
    """Eigenvalues of the Gram matrix up to this share of the largest one count as zero."""
    return 4 * np.sqrt(max(shape)) * EPS


def spectrum(X: np.ndarray, sample_weight=None, *, leverage: bool = True) -> Spectrum:
    """The spectrum of ``diag(sqrt(w)) X``, rows of weight 0 removed.

    Args:
        X: floating ``[N, D]``.
        sample_weight: optional floating ``[N]``. Negative or not finite ones make all NaN.
        leverage: whether the largest leverage score is wanted; NaN if not.

    Returns:
        The `Spectrum`; it never raises for what the arrays hold.
    """
    values = np.full(max(min(X.shape), 1), np.nan)
    rows = float(len(X))
    if sample_weight is not None:
        rows = float(np.count_nonzero(sample_weight))
    X64, X32 = _rows(X, sample_weight)
    largest = np.nan
    if X64 is not None and X64.size:
        with _threads(serial=X64.size * min(X64.shape) < _SERIAL_WORK):
            sigma, largest = _decompose(X64, X32, leverage)
        if sigma is not None:
            values[:] = 0.0
            values[: len(sigma)] = sigma
    return Spectrum(values, np.float64(rows), np.float64(largest))


def _rows(X, w):
    """``(X in float64, a copy; X in float32 or None)``; no X where weights are no good."""
    exact = X.dtype != np.float64
    if w is not None:
        w = w.astype(np.float64)
        if not np.all((w >= 0) & (w < np.inf)):
            return None, None
        if not w.all():
            X, w = X[w > 0], w[w > 0]
        if len(w) and w.min() != w.max():
            return X * np.sqrt(w / w.max())[:, np.newaxis], None
    return np.array(X, np.float64, order="C"), X if exact else None


def _decompose(X, X32, leverage):
    """``(singular values, largest leverage)`` of a matrix with entries, which is overwritten."""
    G = _smaller_gram(X)
    trace = np.trace(G)
    if not _SAFE_TRACE[0] < trace < _SAFE_TRACE[1]:
        largest = np.max(np.abs(X))  # NaN if an entry is
        if not np.isfinite(largest):
            return None, np.nan
        if largest == 0:
            return np.zeros(1), 1.0
        X /= largest
        G, X32 = _smaller_gram(X), None
        trace = np.trace(G)
    try:
        with _threads(serial=len(G) < _SERIAL_SIDE):
            eigenvalues = linalg.eigvalsh(G, lower=True, check_finite=False, driver="evd")[::-1]
    except np.linalg.LinAlgError:
        return None, np.nan
    zero = eigenvalues <= eigenvalues[0] * zero_threshold(X.shape)
    sigma = np.sqrt(np.where(zero, 0.0, eigenvalues))
    if not leverage:
        return sigma, np.nan
    if zero[-1] or X.shape[0] <= X.shape[1]:
        # A wide X of full rank has a square orthogonal U: every row has length 1.
        return sigma, 1.0
    if not _FLOAT32_TRACE[0] < trace < _FLOAT32_TRACE[1] or X.size < _FLOAT32_ENTRIES:
        X32 = None
    return sigma, _largest_leverage(X, X32, G, sigma[0] / sigma[-1])


def _smaller_gram(X):
    """The lower triangle of X^T X or X X^T."""
    # BLAS sees the rows of X as columns.
    return blas.dsyrk(1.0, X.T, trans=0 if X.shape[0] > X.shape[1] else 1, lower=1)


def _largest_leverage(X, X32, G, condition):
    """max_i |L^-1 x_i|^2 of a tall X of full rank; X and G are overwritten."""
    inverse = _inverse_factor(G)
    if inverse is None:
        return _leverage_by_svd(X)
    candidates = None if X32 is None else _candidates(X32, inverse, condition)
    if candidates is not None:
        return _largest_square(_times(inverse, X[candidates].T))
    Z = _times(inverse, X.T)
    if condition * _REFINE_BELOW > 1:
        inverse = _inverse_factor(blas.dsyrk(1.0, Z, lower=1))
        if inverse is None:
            return _leverage_by_svd(Z.T)  # of one column space with X: the same scores
        Z = _times(inverse, Z)
    return _largest_square(Z)


def _inverse_factor(G):
    """L^-1 with G = L L^T, or None where rounding has made G indefinite; overwrites G."""
    L, failed = lapack.dpotrf(G, lower=1, clean=0, overwrite_a=1)
    # A product with the inverse threads well, where a triangular solve does not.
    return None if failed else lapack.dtrtri(L, lower=1, overwrite_c=1)[0]


def _times(inverse, columns):
    """L^-1 times the columns, in their place."""
    multiply = blas.strmm if columns.dtype == np.float32 else blas.dtrmm
    return multiply(1.0, inverse, columns, side=0, lower=1, overwrite_b=1)


def _largest_square(Z):
    return np.max(np.einsum("ij,ij->j", Z, Z))


def _candidates(X32, inverse, condition):
    """Rows that may have the largest leverage score, found in float32; None if it cannot tell.

    A product of D terms has the error ``e = (D + 2) u |L^-1| |x|``, and ``|| |L^-1| || |x| <=
    sqrt(D) condition |L^-1 x|``: a bound on the relative error of each row's length. All rows
    whose score could be the largest within it remain, as a rule a handful.
    """
    columns = X32.shape[1]
    error = (columns + 2) * np.sqrt(columns) * _FLOAT32_UNIT * condition
    if error > 0.1:
        return None
    Z = _times(np.asarray(inverse, np.float32, order="F"), np.array(X32, np.float32, order="C").T)
    length = np.sqrt(np.einsum("ij,ij->j", Z, Z))
    return np.flatnonzero(length * (1 + error) >= np.max(length) * (1 - error))


def _leverage_by_svd(X):
    U = np.linalg.svd(X, full_matrices=False)[0]
    return np.max(np.sum(np.square(U), axis=1))


def _threads(serial):
    if not serial:
        return nullcontext()
    from ..blas import single_threaded_blas  # on demand: it loads Numba

    return single_threaded_blas()
