"""Quality of a representation without labels, from its singular values; in float64.

Notation: the representation X is ``[N, D]``, its singular values ``sigma_1 >= ... >= sigma_m``
with ``m = min(N, D)``, its left singular vectors U ``[N, m]``. A singular value counts as zero
when it is at most ``sigma_1 * max(N, D) * eps``, with eps of float64. None of the metrics depends
on the scale of X.

Weights ``w >= 0``, one per row: rows of weight 0 are removed, whatever they hold, and N counts the
others. The metrics of singular values are then those of ``diag(sqrt(w)) X``, so an integer weight
counts for as many copies of the row; `self_clustering` weights its pairs of rows. Only ratios of
weights matter.

Every metric is NaN where an entry is NaN or infinite, and where there is no row or no feature.

Source: Tsitsulin, Munkhoeva, Perozzi, "Unsupervised embedding quality evaluation" (2023);
RankMe: Garrido et al. (2022), equation 3.
"""

import numpy as np
from numpy.typing import ArrayLike

_RANKME_EPSILON = 1e-12


def rankme(representations: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Exponential of the entropy of the normalised singular values; in [1, `rankme_cap`].

        p_k = sigma_k / sum(sigma) + 1e-12        rankme = exp(-sum_k p_k log p_k)

    All-zero representations give 1.

    >>> round(rankme(np.eye(3)), 6)
    3.0
    """
    sigma = _singular_values(representations, sample_weight)
    total = sigma.sum()
    p = (sigma / total if total != 0 else np.zeros_like(sigma)) + _RANKME_EPSILON
    return float(np.exp(-np.sum(p * np.log(p))))


def rankme_cap(representations: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """``m = min(N, D)``, the value that RankMe cannot exceed: 64 of 64 is not 64 of 512.

    >>> rankme_cap(np.ones((8, 3)), sample_weight=[1, 1, 0, 0, 0, 0, 0, 0])
    2.0
    """
    X = _weighted_rows(representations, sample_weight)
    return float(min(X.shape)) if X.size and np.all(np.isfinite(X)) else np.nan


def numerical_rank(representations: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """``sum(sigma^2) / sigma_1^2``, the stable rank; in [1, min(N, D)], 0 for all-zero input.

    >>> numerical_rank(np.diag([2.0, 1.0]))
    1.25
    """
    sigma = _singular_values(representations, sample_weight)
    return float(np.sum(sigma**2) / sigma[0] ** 2) if sigma[0] != 0 else 0.0


def pseudo_condition_number(
    representations: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> float:
    """``sigma_1 / sigma_m``, at least 1; 0 where ``sigma_m`` is zero, that is without full rank.

    >>> pseudo_condition_number(np.diag([2.0, 1.0]))
    2.0
    """
    sigma = _singular_values(representations, sample_weight)
    return float(sigma[0] / sigma[-1]) if sigma[-1] != 0 else 0.0


def coherence(representations: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """``N / m * max_i |U_i|^2``, the largest leverage score; in [1, N / m].

    U has m orthonormal columns. Those that belong to zero singular values are free, and the worst
    choice always puts one row of U at length 1; representations without full rank therefore have
    the largest coherence, N / m. With weights, U and N are those of ``diag(sqrt(w)) X``.

    >>> round(coherence(np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])), 6)
    1.0
    """
    X = _weighted_rows(representations, sample_weight)
    sigma = _singular_values(X, None)
    if np.isnan(sigma[0]):
        return np.nan
    if sigma[-1] == 0:
        return len(X) / min(X.shape)
    U, _, _ = np.linalg.svd(X / np.max(np.abs(X)), full_matrices=False)
    return float(len(X) / min(X.shape) * np.max(np.sum(U**2, axis=1)))


def self_clustering(
    representations: ArrayLike, *,
    subtract_mean: bool = False, sample_weight: ArrayLike | None = None,
) -> float:  # fmt: skip
    """How far the directions of the rows are from being spread evenly; in [-1 / (D - 1), 1].

    With rows x of unit length, ``actual = sum_ij w_i w_j (x_i . x_j)^2`` and, with
    ``S = sum_i w_i^2`` and ``W = sum_i w_i``, its expectation for uniform directions
    ``expected = S + (W^2 - S) / D``: ``(actual - expected) / (W^2 - expected)``. About 0 for
    directions at random, 1 when all rows are parallel, -1 / (D - 1) when all are orthogonal.
    (Without weights S = W = N.) With the mean m of ``(x_i . x_j)^2`` over pairs of different rows
    that is ``(m - 1 / D) / (1 - 1 / D)``.

    A row of zeros has no direction and is left out. Where at most one row remains, or D = 1, all
    directions agree: 1.

    >>> round(self_clustering(np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])), 6)
    -0.333333
    """
    X, w = rows_and_weights(representations, sample_weight)
    if not X.size or not np.all(np.isfinite(X)):
        return np.nan
    w = w / w.max()
    if subtract_mean:
        scale = max(np.max(np.abs(X)), np.finfo(np.float64).tiny)
        X = X / scale
        X = X - X[w.argmax()]  # the mean of large numbers is itself rounded
        X = X - w @ X / w.sum()
    X = unit_rows(X)
    some = np.any(X != 0, axis=1)
    X, w = X[some], w[some]
    if len(X) <= 1 or X.shape[1] == 1:
        return 1.0
    # Over pairs of different rows: their share is lost in W^2 where one row has most of it.
    pairs = np.outer(w, w)
    np.fill_diagonal(pairs, 0.0)
    uniform = 1 / X.shape[1]
    mean = np.sum(pairs * (X @ X.T) ** 2) / pairs.sum()
    return float((mean - uniform) / (1 - uniform))


def rows_and_weights(representations, sample_weight):
    """``(X, w)`` in float64 without the rows of weight 0; w is 1 where no weights are given."""
    X = np.asarray(representations, np.float64)
    if X.ndim != 2:
        raise ValueError(f"Expected 2D tensor (got shape {X.shape})")
    w = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if w.shape != X.shape[:1]:
        raise ValueError(f"expected sample_weight of shape [{len(X)}] (got {w.shape})")
    if not np.all((w >= 0) & (w < np.inf)):
        raise ValueError("sample_weight should be finite and not negative")
    return X[w > 0], w[w > 0]


def unit_rows(X):
    """Rows of length 1; rows of zeros stay. Scaled first: squares of 1e200 are infinite."""
    largest = np.max(np.abs(X), axis=1, keepdims=True, initial=0.0)
    X = np.divide(X, largest, out=np.zeros_like(X), where=largest > 0)
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, length, out=np.zeros_like(X), where=length > 0)


def _weighted_rows(representations, sample_weight):
    X, w = rows_and_weights(representations, sample_weight)
    return X * np.sqrt(w / np.max(w, initial=0.0))[:, None]


def _singular_values(representations, sample_weight):
    """``[m]``, of X scaled to entries of at most 1; a single NaN where the metrics are NaN."""
    X = _weighted_rows(representations, sample_weight)
    if not X.size or not np.all(np.isfinite(X)):
        return np.array([np.nan])
    X = X / (np.max(np.abs(X)) or 1.0)
    sigma = np.linalg.svd(X, compute_uv=False)
    return np.where(sigma > sigma[0] * max(X.shape) * np.finfo(np.float64).eps, sigma, 0.0)
