"""Quality of a representation without labels, from its singular values; in float64.

Notation: the representation X is ``[N, D]``, its singular values ``sigma_1 >= ... >= sigma_m``
with ``m = min(N, D)``, its left singular vectors U ``[N, m]``. A singular value counts as zero
when it is at most ``sigma_1 * max(N, D) * eps``, with eps of float64.

Source: Tsitsulin, Munkhoeva, Perozzi, "Unsupervised embedding quality evaluation" (2023);
RankMe: Garrido et al. (2022), equation 3.
"""

import numpy as np

_RANKME_EPSILON = 1e-12


def rankme(representations):
    """Exponential of the entropy of the normalised singular values; in [1, min(N, D)].

        p_k = sigma_k / sum(sigma) + 1e-12        rankme = exp(-sum_k p_k log p_k)

    All-zero representations give 1.

    >>> round(rankme(np.eye(3)), 6)
    3.0
    """
    sigma = _singular_values(representations)
    total = sigma.sum()
    p = (sigma / total if total > 0 else np.zeros_like(sigma)) + _RANKME_EPSILON
    return float(np.exp(-np.sum(p * np.log(p))))


def numerical_rank(representations):
    """``sum(sigma^2) / sigma_1^2``, the stable rank; in [1, min(N, D)], 0 for all-zero input.

    >>> numerical_rank(np.diag([2.0, 1.0]))
    1.25
    """
    sigma = _singular_values(representations)
    return float(np.sum(sigma**2) / sigma[0] ** 2) if sigma[0] > 0 else 0.0


def pseudo_condition_number(representations):
    """``sigma_1 / sigma_m``; 0 where ``sigma_m`` is zero, that is without full rank.

    >>> pseudo_condition_number(np.diag([2.0, 1.0]))
    2.0
    """
    sigma = _singular_values(representations)
    return float(sigma[0] / sigma[-1]) if sigma[-1] > 0 else 0.0


def coherence(representations):
    """``N / m * max_i |U_i|^2``, the largest leverage score; in [1, N / m].

    U has m orthonormal columns. Those that belong to zero singular values are free, and the worst
    choice always puts one row of U at length 1; representations without full rank therefore have
    the largest coherence, N / m.

    >>> round(coherence(np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])), 6)
    1.0
    """
    X = _matrix(representations)
    U, sigma, _ = np.linalg.svd(X, full_matrices=False)
    if not np.all(_clip(sigma, X.shape) > 0):
        return len(X) / min(X.shape)
    return float(len(X) / min(X.shape) * np.max(np.sum(U**2, axis=1)))


def self_clustering(representations, *, subtract_mean=False):
    """How far the directions of the rows are from being spread evenly; in (-0.5, 1].

    With rows x of unit length, ``actual = sum_ij (x_i . x_j)^2`` and its expectation for uniform
    directions ``expected = N + N (N - 1) / D``: ``(actual - expected) / (N^2 - expected)``. About
    0 for directions at random, 1 when all rows are parallel.

    A row of zeros has no direction and is left out. Where at most one row remains, or D = 1, all
    directions agree: 1.

    >>> round(self_clustering(np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])), 6)
    -0.333333
    """
    X = _matrix(representations)
    if subtract_mean:
        X = X - X.mean(axis=0)
    length = np.linalg.norm(X, axis=1, keepdims=True)
    X = X[length[:, 0] > 0] / length[length[:, 0] > 0]
    N, D = X.shape
    expected = N + N * (N - 1) / D
    if N <= 1 or D == 1:
        return 1.0
    return float((np.sum((X @ X.T) ** 2) - expected) / (N * N - expected))


def _matrix(representations):
    X = np.asarray(representations, np.float64)
    if X.ndim != 2:
        raise ValueError(f"Expected 2D tensor (got shape {X.shape})")
    return X


def _singular_values(representations):
    X = _matrix(representations)
    return _clip(np.linalg.svd(X, compute_uv=False), X.shape)


def _clip(sigma, shape):
    return np.where(sigma > sigma[0] * max(shape) * np.finfo(np.float64).eps, sigma, 0.0)
