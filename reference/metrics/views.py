"""Quality of two views of the same rows: what the loss sees, and where its rows lie; in float64.

All metrics are NaN where an entry is NaN or infinite, and where there is no row or no feature. Rows
of weight 0 are removed, whatever they hold.

Sources: Zbontar et al., "Barlow Twins" (2021), for C; Wang and Isola, "Understanding contrastive
representation learning through alignment and uniformity on the hypersphere" (2020).
"""

import numpy as np
from numpy.typing import ArrayLike

from ..loss import cross_correlation
from .formulas import rows_and_weights, unit_rows


def cross_correlation_metrics(
    z_a: ArrayLike, z_b: ArrayLike, *, normalize_batch: bool = True,
    sample_weight: ArrayLike | None = None, epsilon: float = 1e-6, ddof: float = 0,
) -> dict[str, float]:  # fmt: skip
    """The two numbers that Barlow Twins drives, to 1 and to 0, from the matrix C of the loss.

        correlation_diagonal     = mean_i C_ii
        correlation_off_diagonal = sqrt(sum_{i != j} C_ij^2 / (D (D - 1)))

    The first is in [-1, 1], the second in [0, 1] (with ``normalize_batch=False``: any number, any
    number that is not negative). With D = 1 the second is 0.

    Args: as for `loss.barlow_twins_loss`.

    Returns:
        A dict of two Python floats.

    >>> z = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> {name: round(x, 4) for name, x in cross_correlation_metrics(z, z[:, [0, 0]]).items()}
    {'correlation_diagonal': 0.5, 'correlation_off_diagonal': 0.7071}
    """
    A, B, w = _views(z_a, z_b, sample_weight)
    diagonal = off_diagonal = np.nan
    if _defined(A, B):
        C = cross_correlation(
            A, B, normalize_batch=normalize_batch, sample_weight=w, epsilon=epsilon, ddof=ddof
        )
        D = len(C)
        diagonal = float(np.mean(np.diag(C)))
        squares = np.sum((C - np.diag(np.diag(C))) ** 2)
        off_diagonal = float(np.sqrt(squares / max(D * (D - 1), 1)))
    return {"correlation_diagonal": diagonal, "correlation_off_diagonal": off_diagonal}


def alignment(
    z_a: ArrayLike, z_b: ArrayLike, *, alpha: float = 2.0, sample_weight: ArrayLike | None = None
) -> float:
    """``mean_i |a_i - b_i|^alpha`` over rows of length 1, weighted; in [0, 2^alpha].

    0 where both views of every row agree; 2 is usual for unrelated views (alpha = 2). A row of
    zeros has no direction and stays zero.

    >>> alignment(np.eye(2), 5 * np.eye(2)), round(alignment(np.eye(2), -np.eye(2)), 6)
    (0.0, 4.0)
    """
    A, B, w = _views(z_a, z_b, sample_weight)
    if not alpha > 0:
        raise ValueError(f"alpha should be positive (got {alpha})")
    if not _defined(A, B):
        return np.nan
    distance = np.linalg.norm(unit_rows(A) - unit_rows(B), axis=1)
    return float(np.average(distance**alpha, weights=w / w.max()))


def uniformity(
    representations: ArrayLike, *, t: float = 2.0, sample_weight: ArrayLike | None = None
) -> float:
    """``log mean_{i < j} exp(-t |x_i - x_j|^2)`` over rows of length 1; in [-4 t, 0].

    The mean runs over the pairs of different rows, with weights ``w_i w_j``. 0 where all rows point
    the same way, which is also the value for a single row; about -2 t for many directions at
    random in a high dimension. A row of zeros has no direction and stays zero.

    >>> round(uniformity(np.array([[1.0, 0.0], [-3.0, 0.0]])), 6)
    -8.0
    """
    X, w = rows_and_weights(representations, sample_weight)
    if not t > 0:
        raise ValueError(f"t should be positive (got {t})")
    if not _defined(X):
        return np.nan
    if len(X) == 1:
        return 0.0
    X, w = unit_rows(X), w / w.max()
    i, j = np.triu_indices(len(X), 1)
    exponent = -t * np.sum((X[i] - X[j]) ** 2, axis=1)
    largest = exponent.max()  # exp(-4 t) may underflow
    mean = np.average(np.exp(exponent - largest), weights=w[i] * w[j])
    return float(np.log(mean) + largest)


def _views(z_a, z_b, sample_weight):
    if np.shape(z_a) != np.shape(z_b):
        raise ValueError(f"expected two views of one shape (got {np.shape(z_a)}, {np.shape(z_b)})")
    (A, w), (B, _) = (rows_and_weights(z, sample_weight) for z in (z_a, z_b))
    return A, B, w


def _defined(*views):
    return all(z.size and np.all(np.isfinite(z)) for z in views)
