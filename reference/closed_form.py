"""Training without steps: the linear encoder's weights in closed form.

Words: a linear encoder gives the representation ``M W`` of a graph, M its channel [N, F] (features
after propagation) and W [F, D]. A view has another channel, because edges are missing or columns
are masked. Sigma is the covariance of the columns of M within a view, K that across two
independent views.

An encoder of channels has several of them side by side, each a block of columns of M; there a view
lacks whole channels.

Source: derived in docs/theory/derivation.md, section "Training in closed form", from the loss of
Zbontar et al. 2021, https://arxiv.org/abs/2103.03230.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def view_covariances(
    channels_a: Sequence[ArrayLike], channels_b: Sequence[ArrayLike]
) -> tuple[np.ndarray, np.ndarray]:
    """Sigma and K from draws of two views, every draw of one against every draw of the other.

    Args:
        channels_a: of view A, float [N, F] each.
        channels_b: of view B, drawn independently.

    Returns:
        float64 [F, F] each, symmetric: Sigma is the mean of the covariances of all channels, K the
        mean over all pairs of ``(cov(a, b) + cov(b, a)) / 2``; covariances are biased.
    """
    centered = [
        [channel - np.mean(channel, axis=0) for channel in np.asarray(channels, np.float64)]
        for channels in (channels_a, channels_b)
    ]
    rows = len(centered[0][0])
    within = [np.mean([M.T @ M for M in channels], axis=0) / rows for channels in centered]
    across = np.mean([a.T @ b for a in centered[0] for b in centered[1]], axis=0) / rows
    return (within[0] + within[1]) / 2, (across + across.T) / 2


def masked_covariance(sigma: ArrayLike, rate: float) -> np.ndarray:
    """The covariance within a view whose columns are masked, in expectation.

    Each column is 0 in all rows with probability `rate`. Of two columns both are left with
    probability (1 - rate)^2, of one with itself 1 - rate.

    Args:
        sigma: [F, F] without masks.
        rate: in [0, 1].
    """
    sigma = np.asarray(sigma, np.float64)
    kept = 1 - rate
    return kept**2 * sigma + kept * rate * np.diag(np.diag(sigma))


def dropped_channels(
    covariance: ArrayLike, widths: Sequence[int], rates: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Sigma and K of views in which every node loses channels at random, in expectation.

    Channels are blocks of columns. In view v a node keeps a channel with probability 1 - rate[v],
    whatever it keeps else, and whatever it keeps in the other view.

    Args:
        covariance: [F, F] of all columns without loss.
        widths: columns of each channel, F in all.
        rates: of the two views, in [0, 1].

    Returns:
        float64 [F, F] each: the mean over the views of the covariance within one; and across both.
    """
    covariance = np.asarray(covariance, np.float64)
    of_channel = np.repeat(np.arange(len(widths)), widths)
    same = of_channel[:, np.newaxis] == of_channel
    kept_a, kept_b = (1 - rate for rate in rates)
    within = [np.where(same, kept, kept**2) * covariance for kept in (kept_a, kept_b)]
    return (within[0] + within[1]) / 2, kept_a * kept_b * covariance


def closed_form(
    sigma: ArrayLike, cross: ArrayLike, start: ArrayLike, *, ridge: float = 1e-3
) -> np.ndarray:
    """``(Sigma + r I)^-1 K V``, r = `ridge` times the mean variance.

    Args:
        sigma: [F, F] within a view.
        cross: K [F, F] across two views.
        start: V [F, D], the weights to begin with.
        ridge: not negative.

    Returns:
        float64 [F, D]. The loss does not see the scale of a column; see `with_spread`.

    >>> sigma, cross = np.diag([1.0, 1.0]), np.diag([0.9, 0.1])
    >>> closed_form(sigma, cross, np.eye(2), ridge=0).tolist()
    [[0.9, 0.0], [0.0, 0.1]]
    """
    sigma = np.asarray(sigma, np.float64)
    penalty = ridge * np.trace(sigma) / len(sigma)
    return np.linalg.solve(sigma + penalty * np.eye(len(sigma)), np.asarray(cross) @ start)


def with_spread(weights: ArrayLike, like: ArrayLike, covariance: ArrayLike) -> np.ndarray:
    """The weights, each column scaled so that its representation varies as much as before.

    Args:
        weights: [F, D].
        like: [F, D], whose spread is kept.
        covariance: [F, F] of the channel of the graph as it is.

    Returns:
        float64 [F, D]; a column without spread stays.
    """

    def spread(W):
        return np.sqrt(np.einsum("fd,fg,gd->d", W, covariance, W))

    weights, like = np.asarray(weights, np.float64), np.asarray(like, np.float64)
    after = spread(weights)
    return weights * np.where(after > 0, spread(like) / np.where(after > 0, after, 1), 1)
