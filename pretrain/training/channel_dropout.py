"""Training of an encoder of channels without steps: how its channels are put together.

In a view every node lacks some of its channels, as where its links of one kind are not known. What
is trained is the matrix W behind the channels: for views whose covariances are Sigma within a view
and K across two it is ``(Sigma + r I)^-1 K V``, V the principal directions. Both are exact: the
dropping is taken in expectation. Definition: reference/closed_form.py; why:
docs/theory/derivation.md. NumPy and SciPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg

from ..encoder.channels.weights import ChannelWeights
from .closed_form import expected_loss
from .recipe import Recipe

_RIDGE = 1e-3  # of the mean variance
_ROUNDING = 1e-10  # variance of rows of length about 1


def train_channels(
    covariance: np.ndarray, recipe: Recipe, start: ChannelWeights
) -> tuple[ChannelWeights, tuple[float, float]]:
    """The trained encoder; spreads of its columns are those of the untrained one.

    Args:
        covariance: of the channels of the graph as it is, see `start_channels`.
        recipe: of the views.
        start: the untrained encoder.

    Returns:
        The weights; and the loss of the expected correlation before and after, as the training by
        steps reports the loss of single draws.
    """
    widths = [one.kernel.shape[1] for one in start.numbers]
    sigma, cross = dropped_channels(covariance, widths, recipe.drop_channels)
    V = start.rotation.astype(np.float64)
    if not np.trace(sigma) > _ROUNDING:  # all nodes are alike
        return start, (float(V.shape[1]),) * 2
    if len(widths) == 1:  # W is V but for rounding, which a probe would take for a difference
        return start, (expected_loss(sigma, cross, V, recipe.lambda_),) * 2
    penalty = _RIDGE * np.trace(sigma) / len(sigma)
    factor = scipy.linalg.cho_factor(sigma + penalty * np.eye(len(sigma)), lower=True)
    W = scipy.linalg.cho_solve(factor, cross @ V)
    loss_before, loss_after = (expected_loss(sigma, cross, one, recipe.lambda_) for one in (V, W))
    before, after = (
        np.sqrt(np.maximum(np.einsum("fd,fd->d", one, covariance @ one), 0)) for one in (V, W)
    )
    varies = (before > 0) & (after > 0)
    W = np.where(varies, W * np.divide(before, after, out=np.zeros_like(after), where=varies), V)
    return start.with_rotation(W), (loss_before, loss_after)


def dropped_channels(
    covariance: np.ndarray, widths: Sequence[int], rates: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Covariances within and across views in which every node loses each channel at a rate.

    A channel is left with probability q = 1 - rate, two of them with q^2; those of two views with
    the product of theirs.
    """
    kept = [1 - rate for rate in rates]
    apart, together = (np.mean([q**power for q in kept]) for power in (2, 1))
    factors = np.full(covariance.shape, apart)
    start = 0
    for width in widths:
        factors[start : start + width, start : start + width] = together
        start += width
    return covariance * factors, covariance * (kept[0] * kept[1])
