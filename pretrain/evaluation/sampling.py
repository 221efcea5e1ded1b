"""Draws of nodes in which every class has its share."""

from __future__ import annotations

import numpy as np


def stratified_sample(
    nodes: np.ndarray,
    labels: np.ndarray,
    size: int,
    rng: np.random.Generator,
    *,
    at_least: int = 1,
) -> np.ndarray:
    """Draws nodes, each class in proportion (largest remainders), but no class less than a minimum.

    Args:
        nodes: [n] of which to draw.
        labels: [N] classes of all nodes, known for `nodes`.
        size: how many. All nodes if there are no more; the minimum of every class if that is more.
        rng: the source of the draws.
        at_least: minimum of every class, or all of it if it has no more.

    Returns:
        The chosen nodes, ascending.
    """
    if len(nodes) <= size:
        return nodes
    classes, counts = np.unique(labels[nodes], return_counts=True)
    exact = counts * (size / len(nodes))
    minimum = np.minimum(at_least, counts)
    quota = np.maximum(minimum, exact.astype(np.int64))
    while (quota.sum() < size) or (quota.sum() > size and (quota > minimum).any()):
        excess = quota - exact
        if quota.sum() < size:
            quota[excess.argmin()] += 1
        else:  # rare classes took more than their share; who has most above it gives way
            quota[np.where(quota > minimum, excess, -np.inf).argmax()] -= 1
    chosen = [
        rng.choice(nodes[labels[nodes] == label], take, replace=False)
        for label, take in zip(classes, quota, strict=True)
    ]
    return np.sort(np.concatenate(chosen))
