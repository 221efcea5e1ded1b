"""The Barlow Twins loss and its gradients, in float64.

Words: a view is a float array ``[N, D]``, N rows (nodes or graphs of a batch) of D features.
Weights ``w >= 0`` are given per row, ``W = sum(w)``; without them ``w = 1`` and ``W = N``. A row of
weight 0 is padding: it takes no part, whatever it holds, even NaN.

Only ratios of weights matter: all are divided by the largest one first, and so is ddof.

**Range.** What comes out is right, or not finite. With v = var + epsilon of a feature, or its mean
square without standardisation,

    2^-832 <= v <= 2^720

has to hold of every feature (without standardisation: the second half). Otherwise the loss is NaN,
for squares of larger numbers are infinite and of smaller ones 0. kernels/ has the same rule; where
it computes in float32, the range is 2^-104 (5e-32) to 2^90 (1e27).

Source: Zbontar et al., "Barlow Twins: self-supervised learning via redundancy reduction" (2021),
equations 1 and 2; docs/theory/derivation.md derives the gradients.
"""

import numpy as np
from numpy.typing import ArrayLike

VARIANCES = (2.0**-832, 2.0**720)


def standardize(
    z: ArrayLike, *, sample_weight: ArrayLike | None = None, epsilon: float = 1e-6, ddof: float = 0
) -> np.ndarray:
    """Centres each feature and scales it to unit variance.

        mean = sum_i w_i z_i / W
        var  = sum_i w_i (z_i - mean)^2 / (W - ddof)
        out  = (z - mean) / sqrt(var + epsilon)

    A constant feature has variance 0 and becomes 0. So does everything where W is 0, or where
    ``W - ddof`` is not positive.

    Args:
        z: float ``[N, D]``.
        sample_weight: optional float ``[N]``, not negative.
        epsilon: added to the variance; positive.
        ddof: 0 for the biased variance (batch normalisation), 1 for the unbiased one.

    Returns:
        float64 ``[N, D]``; rows of weight 0 are 0.

    >>> standardize(np.array([[1.0], [3.0]]), epsilon=1e-12).round(6).tolist()
    [[-1.0], [1.0]]
    """
    view, w, unit = _as_float64(z, sample_weight)
    return _standardize(view, w, epsilon, ddof / unit)[0]


def cross_correlation(
    z_a: ArrayLike, z_b: ArrayLike, *, normalize_batch: bool = True,
    sample_weight: ArrayLike | None = None, epsilon: float = 1e-6, ddof: float = 0,
) -> np.ndarray:  # fmt: skip
    """``C = Za^T diag(w) Zb / W``, float64 ``[D, D]``; row i of C belongs to feature i of view A.

    Za and Zb are the standardised views (`standardize`), or with ``normalize_batch=False`` the
    views as they are. With W = 0, C is 0. Arguments as for `barlow_twins_loss`.
    """
    options = dict(normalize_batch=normalize_batch, epsilon=epsilon, ddof=ddof)
    return _forward(z_a, z_b, sample_weight, **options)[0]


def barlow_twins_loss(
    z_a: ArrayLike, z_b: ArrayLike, *, lambda_: float | None = None, normalize_batch: bool = True,
    sample_weight: ArrayLike | None = None, epsilon: float = 1e-6, ddof: float = 0,
) -> float:  # fmt: skip
    """Distance of the cross-correlation of two views from the identity.

        loss = sum_i (1 - C_ii)^2  +  lambda * sum_{i != j} C_ij^2

    The first sum is the invariance term, the second the redundancy-reduction term. A batch of one
    row has C = 0: its loss is the constant D, with gradients 0.

    Args:
        z_a: float ``[N, D]``, the first view.
        z_b: float ``[N, D]``, the second view.
        lambda_: weight of the redundancy-reduction term; default ``1 / D``.
        normalize_batch: whether to standardise the features of each view over the batch.
        sample_weight: optional float ``[N]``, not negative.
        epsilon: added to the variances; positive.
        ddof: the variances divide by ``W - ddof``.

    Returns:
        The loss, a Python float.

    Raises:
        ValueError: if the views are not two matrices of one shape, the weights not of shape
            ``[N]`` or negative, or epsilon not positive.

    >>> z = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> round(barlow_twins_loss(z, z), 6), round(barlow_twins_loss(z, -z), 6)
    (0.0, 7.999992)
    """
    options = dict(normalize_batch=normalize_batch, epsilon=epsilon, ddof=ddof)
    return _loss(_forward(z_a, z_b, sample_weight, **options)[0], lambda_)[0]


def barlow_twins_loss_and_gradients(
    z_a: ArrayLike, z_b: ArrayLike, *, lambda_: float | None = None, normalize_batch: bool = True,
    sample_weight: ArrayLike | None = None, epsilon: float = 1e-6, ddof: float = 0,
) -> tuple[float, np.ndarray, np.ndarray]:  # fmt: skip
    """The loss and its gradients with respect to both views.

    With G = dloss/dC, q_A = rowsum(C * G), q_B = colsum(C * G), f = W / (W - ddof):

        G_ij = 2 lambda C_ij  (i != j)        G_ii = 2 (C_ii - 1)
        dA_i = (w_i / W) * r_A * (Zb_i G^T - f * Za_i * q_A)
        dB_i = (w_i / W) * r_B * (Za_i G   - f * Zb_i * q_B)

    where ``r = 1 / sqrt(var + epsilon)``; without standardisation r = 1 and the q terms are absent.

    Args: as for `barlow_twins_loss`.

    Returns:
        ``(loss, grad_a, grad_b)``: a Python float and two float64 ``[N, D]``.
    """
    options = dict(normalize_batch=normalize_batch, epsilon=epsilon, ddof=ddof)
    C, w, ddof, (Za, r_a), (Zb, r_b) = _forward(z_a, z_b, sample_weight, **options)
    loss, G = _loss(C, lambda_)
    W = w.sum()
    share = w[:, None] / W if W > 0 else w[:, None]
    grad_a, grad_b = Zb @ G.T, Za @ G
    if normalize_batch:
        f = W / (W - ddof) if W - ddof > 0 else 0.0
        grad_a = r_a * (grad_a - f * Za * np.sum(C * G, axis=1))
        grad_b = r_b * (grad_b - f * Zb * np.sum(C * G, axis=0))
    return loss, share * grad_a, share * grad_b


def _loss(C, lambda_):
    """The loss and G = dloss/dC."""
    D = len(C)
    lambda_ = 1 / D if lambda_ is None else lambda_
    difference = C - np.eye(D)
    weight = np.where(np.eye(D, dtype=bool), 1.0, lambda_)
    return float(np.sum(weight * difference**2)), 2 * weight * difference


def _forward(z_a, z_b, sample_weight, *, normalize_batch, epsilon, ddof):
    """``(C, w, ddof, (Za, r_a), (Zb, r_b))``, w and ddof in units of the largest weight."""
    if np.shape(z_a) != np.shape(z_b):
        raise ValueError(f"expected two views of one shape (got {np.shape(z_a)}, {np.shape(z_b)})")
    views = []
    for z in (z_a, z_b):
        z, w, unit = _as_float64(z, sample_weight)
        standard = _standardize(z, w, epsilon, ddof / unit) if normalize_batch else _in_range(z, w)
        views.append(standard)
    (Za, _), (Zb, _) = views
    W = w.sum()
    C = (Za * w[:, None]).T @ Zb / W if W > 0 else np.zeros((Za.shape[1],) * 2)
    return C, w, ddof / unit, *views


def _standardize(z, w, epsilon, ddof):
    """``(Z, r)``: the standardised view and 1 / sqrt(var + epsilon)."""
    if not epsilon > 0:
        raise ValueError(f"epsilon should be positive (got {epsilon})")
    W = w.sum()
    centred = z
    if W > 0:
        # Relative to a row, the heaviest, first: the mean of a large constant is itself rounded,
        # and the remainder would be blown up by 1 / sqrt(epsilon).
        centred = np.where(w[:, None] > 0, z - z[w.argmax()], 0.0)
        centred = np.where(w[:, None] > 0, centred - w @ centred / W, 0.0)
    var = w @ centred**2 / (W - ddof) if W - ddof > 0 else np.zeros(z.shape[1])
    least, most = VARIANCES
    var = var + epsilon
    r = 1 / np.sqrt(np.where((least <= var) & (var <= most), var, np.nan))
    return (centred * r if W - ddof > 0 else np.zeros_like(z)), r


def _in_range(z, w):
    """``(z, 1)``, NaN for a feature that is out of range."""
    mean_square = w @ z**2 / (w.sum() or 1.0)
    r = np.where(mean_square <= VARIANCES[1], 1.0, np.nan)
    return z * r, r


def _as_float64(z, sample_weight):
    """``(view, w, unit)``: rows of weight 0 cleared, weights in units of the largest.

    Without weights all are 1.
    """
    z = np.asarray(z, np.float64)
    if z.ndim != 2:
        raise ValueError(f"expected a view of shape [N, D] (got shape {z.shape})")
    w = np.ones(len(z)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if w.shape != z.shape[:1]:
        raise ValueError(f"expected sample_weight of shape [{len(z)}] (got {w.shape})")
    bad = w[~((w >= 0) & (w < np.inf))]
    if bad.size:
        raise ValueError(f"sample_weight should be finite and not negative (got {bad[0]})")
    unit = float(w.max(initial=0.0)) or 1.0
    return np.where(w[:, None] > 0, z, 0.0), w / unit, unit
