"""A planar map of embeddings by t-SNE, exact and small: seconds for up to 3,000 rows.

scikit-learn's Barnes-Hut t-SNE takes several times as long at these sizes. Here the attraction
runs over the nearest neighbours (a sparse matrix) and the repulsion over all pairs, in blocks that
stay in the cache.

Source: van der Maaten and Hinton, "Visualizing data using t-SNE" (2008); start from principal
components and learning rate N / exaggeration: Kobak and Berens, "The art of using t-SNE for
single-cell transcriptomics" (2019), Belkina et al. (2019).
"""

from __future__ import annotations

import os
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

from ..graph.adjacency import blocks

PERPLEXITY = 20.0
ITERATIONS = 250
MINIMUM_ROWS = 16  # with fewer the descent may diverge, and neighbourhoods mean little
_EXAGGERATION, _EXAGGERATED_ITERATIONS = 12.0, 80
_BISECTIONS = 40
_BLOCK_ROWS = 192  # of a block of pairs; at 3,000 rows it takes 2 MB


@threadpool_limits.wrap(limits=1)  # sums have one order
def tsne(points: np.ndarray) -> np.ndarray:
    """Places rows with similar neighbours side by side in the plane, the same each time.

    There are no random draws: it starts from the first two principal components.

    Args:
        points: finite floats [n, d], n >= MINIMUM_ROWS; compared by Euclidean distance.

    Returns:
        float32 [n, 2].
    """
    n = len(points)
    P = _similarities(np.asarray(points, np.float64))
    start = principal_components(points, 2)
    Y = np.zeros((n, 2), np.float32)
    Y[:, : start.shape[1]] = start / (np.std(start[:, 0]) or 1.0) * 1e-2
    if not Y[:, 1].any():  # on a line the second coordinate would keep a gradient of zero
        Y[:, 1] = 1e-4 * np.cos(np.arange(n))
    velocity, gain = np.zeros_like(Y), np.ones_like(Y)
    rate = max(n / _EXAGGERATION, 20.0)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for iteration in range(ITERATIONS):
            early = iteration < _EXAGGERATED_ITERATIONS
            pull, push = _attraction(P, Y), _repulsion(Y, pool)
            gradient = 4 * ((_EXAGGERATION if early else 1.0) * pull - push)
            gain = np.where(gradient * velocity < 0, gain + 0.2, gain * 0.8)
            gain = np.maximum(gain, 0.01)
            velocity = (0.5 if early else 0.8) * velocity - rate * gain * gradient
            Y += velocity
            Y -= Y.mean(axis=0)
    return Y


def principal_components(points: np.ndarray, count: int) -> np.ndarray:
    """The first principal components, float32 [n, min(count, d)]; signs are fixed.

    Of each axis the entry of largest magnitude is positive: an eigenvector's sign is arbitrary.
    """
    X = np.asarray(points, np.float64)
    X = X - X.mean(axis=0)
    axes = np.linalg.eigh(X.T @ X)[1][:, ::-1][:, :count]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return (X @ (axes * np.where(largest < 0, -1, 1))).astype(np.float32)


def _similarities(X: np.ndarray) -> scipy.sparse.csr_matrix:
    """P of equation 1 and the line below it, symmetric and of sum 1, over nearest neighbours."""
    n, tiny = len(X), np.finfo(float).tiny
    perplexity = min(PERPLEXITY, (n - 1) / 3)
    k = min(n - 1, int(3 * perplexity) + 1)
    squares = np.sum(X**2, axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * X @ X.T, 0)
    np.fill_diagonal(distances, np.inf)
    neighbours = np.argpartition(distances, k - 1, axis=1)[:, :k]
    distances = np.take_along_axis(distances, neighbours, axis=1)
    distances -= distances.min(axis=1, keepdims=True)
    # Scaled per row, so that the bisection over the precision starts in the right decade.
    distances /= np.maximum(distances.mean(axis=1, keepdims=True), tiny)
    low, high = np.full((n, 1), 1e-3), np.full((n, 1), 1e4)
    for _ in range(_BISECTIONS):
        precision = np.sqrt(low * high)
        p = np.exp(-precision * distances)
        p /= p.sum(axis=1, keepdims=True)
        too_wide = -np.sum(p * np.log(np.maximum(p, tiny)), axis=1, keepdims=True) > np.log(
            perplexity
        )
        low, high = np.where(too_wide, precision, low), np.where(too_wide, high, precision)
    P = scipy.sparse.csr_matrix(
        (p.ravel(), (np.repeat(np.arange(n), k), neighbours.ravel())), (n, n)
    )
    return ((P + P.T) / (2 * n)).astype(np.float32).tocsr()


def _attraction(P: scipy.sparse.csr_matrix, Y: np.ndarray) -> np.ndarray:
    """``sum_j p_ij (y_i - y_j) / (1 + |y_i - y_j|^2)``, float32 [n, 2]."""
    rows = np.repeat(np.arange(len(Y)), np.diff(P.indptr))
    dx, dy = (y[rows] - y[P.indices] for y in Y.T.copy())
    weights = P.data / (1 + dx * dx + dy * dy)
    W = scipy.sparse.csr_matrix((weights, P.indices, P.indptr), shape=P.shape)
    sums = W @ np.column_stack([Y, np.ones(len(Y), np.float32)])
    return sums[:, 2:] * Y - sums[:, :2]


def _repulsion(Y: np.ndarray, pool: Executor) -> np.ndarray:
    """``sum_j q_ij (y_i - y_j) / (1 + |y_i - y_j|^2)``, over all pairs; float32 [n, 2].

    The pool's threads take blocks of rows; every block has one sum, and these are added in order.
    """
    n = len(Y)
    squares, ones = np.sum(Y**2, axis=1), np.ones(n, np.float32)
    # One product gives 1 + |y_i - y_j|^2, another one the sums over j.
    left = np.column_stack([-2 * Y, squares + 1, ones])
    right = np.column_stack([Y, ones, squares]).T.copy()
    targets = *Y.T.copy(), ones
    sums = np.empty((n, 3), np.float32)

    def add_up(block):
        kernel = left[block] @ right
        # At least 1 but for rounding. In a map thousands of units wide it could be 0, and the map
        # be lost; maps end within two hundred.
        np.reciprocal(np.abs(kernel, out=kernel), out=kernel)
        total = float(np.sum(kernel @ ones))
        np.multiply(kernel, kernel, out=kernel)
        for column, target in enumerate(targets):  # faster than one product with three columns
            sums[block, column] = kernel @ target
        return total

    total = sum(pool.map(add_up, blocks(n, _BLOCK_ROWS))) - n  # a row is not its own pair
    return (sums[:, 2:] * Y - sums[:, :2]) / np.float32(max(total, np.finfo(np.float32).tiny))
