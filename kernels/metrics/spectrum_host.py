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

import numpy as np
from scipy import linalg
from scipy.linalg import blas, lapack

from ..blas import single_threaded_blas
from ..linalg import spread_of
from .host_products import smaller_gram, squared_lengths
from .spectrum import EPS, Spectrum

# sigma_m / sigma_1 below which leverage scores are refined: eps * 1000^2 is still 2e-10.
_REFINE_BELOW = 1e-3
# Traces of the Gram matrix outside are close to overflow, or have lost digits to underflow.
_SAFE_TRACE = (1e-200, 1e200)
# Inside these, L^-1 X^T can be had in float32 as well.
_FLOAT32_TRACE = (1e-20, 1e20)
_FLOAT32_UNIT = 2.0**-24
# Below so many entries float64 throughout is as fast.
_FLOAT32_ENTRIES = 2**18
# The side of a matrix from which on its eigenvalues are worth several threads of LAPACK. They bring
# 1.2x at 1000 and 1.7x at 2000, and lose much more beside a busy core: they wait in a spin.
_THREADED_SIDE = 1500


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
        # Here, so that smaller ones switch once: each time costs a wake-up of the pool.
        with _lapack_threads(min(X64.shape)):
            sigma, largest = _decompose(X64, X32, leverage)
        if sigma is not None:
            values[:] = 0.0
            values[: len(sigma)] = sigma
    return Spectrum(values, np.float64(rows), np.float64(largest))


def svd_metrics(X: np.ndarray, sample_weight=None) -> tuple[np.float64, ...]:
    """numerical_rank, rankme, coherence and rankme_cap, see `formulas.svd_metrics`."""
    found = spectrum(X, sample_weight)
    sigma, cap = found.singular_values, min(found.rows, X.shape[1]) or np.nan
    counted = sigma[: len(sigma) if np.isnan(cap) else int(cap)]
    numbers = (
        np.sum(np.square(sigma / (sigma[0] or 1.0))),
        spread_of(counted),
        found.largest_leverage * found.rows / cap,
        cap,
    )
    return tuple(map(np.float64, numbers))


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
            return np.ascontiguousarray(X * np.sqrt(w / w.max())[:, np.newaxis]), None
    return np.array(X, np.float64, order="C"), X if exact else None


def _decompose(X, X32, leverage):
    """``(singular values, largest leverage)`` of a matrix with entries, which is overwritten."""
    G = smaller_gram(X)
    trace = np.trace(G)
    if not _SAFE_TRACE[0] < trace < _SAFE_TRACE[1]:
        largest = np.max(np.abs(X))  # NaN if an entry is
        if not np.isfinite(largest):
            return None, np.nan
        if largest == 0:
            return np.zeros(1), 1.0
        X /= largest
        G, X32 = smaller_gram(X), None
        trace = np.trace(G)
    try:
        # LAPACK sees the rows of G as columns.
        eigenvalues = linalg.eigvalsh(G.T, lower=False, check_finite=False, driver="evd")[::-1]
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


def _largest_leverage(X, X32, G, condition):
    """max_i |L^-1 x_i|^2 of a tall X of full rank; G is overwritten."""
    inverse = _inverse_factor(G)
    if inverse is None:
        return _leverage_by_svd(X)
    candidates = None if X32 is None else _candidates(X32, inverse, condition)
    if candidates is not None:
        X = X[candidates]
    if candidates is not None or condition * _REFINE_BELOW <= 1:
        return squared_lengths(X, inverse).max()
    Z = np.ascontiguousarray(blas.dtrmm(1.0, inverse, X.T, side=0, lower=1).T)
    inverse = _inverse_factor(smaller_gram(Z))
    if inverse is None:
        return _leverage_by_svd(Z)  # of one column space with X: the same scores
    return squared_lengths(Z, inverse).max()


def _inverse_factor(G):
    """L^-1 of G = L L^T, above it 0; None where rounding has made G indefinite; overwrites G."""
    factor, failed = lapack.dpotrf(G.T, lower=0, clean=1, overwrite_a=1)
    # A product with the inverse can be split by rows, and threads better than a solve.
    return None if failed else lapack.dtrtri(factor, lower=0, overwrite_c=1)[0].T


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
    rows = np.ascontiguousarray(X32, np.float32)
    length = np.sqrt(squared_lengths(rows, inverse.astype(np.float32)))
    return np.flatnonzero(length * (1 + error) >= np.max(length) * (1 - error))


def _leverage_by_svd(X):
    U = np.linalg.svd(X, full_matrices=False)[0]
    return np.max(np.sum(np.square(U), axis=1))


def _lapack_threads(side):
    return nullcontext() if side >= _THREADED_SIDE else single_threaded_blas()
