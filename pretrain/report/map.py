"""A planar map of embeddings by t-SNE, exact and small: seconds for up to 3,000 rows.

scikit-learn's Barnes-Hut t-SNE takes several times as long at these sizes. Here the attraction
runs over the nearest neighbours (a sparse matrix) and the repulsion over all pairs, in Numba.

Source: van der Maaten and Hinton, "Visualizing data using t-SNE" (2008); start from principal
components and learning rate N / exaggeration: Kobak and Berens, "The art of using t-SNE for
single-cell transcriptomics" (2019), Belkina et al. (2019).
"""

from __future__ import annotations

import numba
import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

from ...kernels.blas import IS_COMPILED, jit
from ...kernels.team import run_parts, shares

PERPLEXITY = 20.0
ITERATIONS = 250
MINIMUM_ROWS = 16  # with fewer the descent may diverge, and neighbourhoods mean little
_EXAGGERATION, _EXAGGERATED_ITERATIONS = 12.0, 80
_BISECTIONS = 40
_ROWS = 128  # of NumPy's fallback, at a time
_SERIAL_ROWS = 300  # below which one thread is as fast


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
    for iteration in range(ITERATIONS):
        early = iteration < _EXAGGERATED_ITERATIONS
        pull, push = _forces(P, Y)
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


def _forces(P: scipy.sparse.csr_matrix, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``sum_j p_ij (y_i - y_j) / (1 + |y_i - y_j|^2)``, and the same with q_ij; float32 [n, 2]."""
    if not IS_COMPILED:
        return _forces_in_blocks(P, Y)
    n, (x, y) = len(Y), Y.T.copy()
    pull, push, totals = np.empty_like(Y), np.empty_like(Y), np.empty(n, np.float32)
    parts = shares(n, 1 if n < _SERIAL_ROWS else numba.config.NUMBA_NUM_THREADS)
    run_parts(_attraction, [(P.indptr, P.indices, P.data, x, y, *one, pull) for one in parts])
    run_parts(_repulsion, [(x, y, *one, push, totals) for one in parts])
    total = max(totals.sum(dtype=np.float64), np.finfo(np.float32).tiny)
    return pull, push / np.float32(total)


def _forces_in_blocks(P, Y):
    """The same in NumPy, some rows at a time."""
    pull, push, total = np.empty_like(Y), np.empty_like(Y), -float(len(Y))
    for start in range(0, len(Y), _ROWS):
        rows = slice(start, start + _ROWS)
        apart = Y[rows, None] - Y
        near = 1 / (1 + np.sum(apart**2, axis=2))
        weights = P[rows].toarray() * near
        pull[rows] = np.einsum("ij,ijk->ik", weights, apart)
        push[rows] = np.einsum("ij,ijk->ik", near**2, apart)
        total += near.sum(dtype=np.float64)
    return pull, push / np.float32(max(total, np.finfo(np.float32).tiny))


# Divisions as NumPy's: Python's check for zero is a branch that keeps the loop from being
# vectorised, and makes it four times as slow.
@jit(fastmath=True, error_model="numpy")
def _attraction(indptr, indices, values, x, y, start, stop, found):
    """``sum_j p_ij (y_i - y_j) / (1 + |y_i - y_j|^2)`` of the rows start:stop."""
    for i in range(start, stop):
        along_x = along_y = np.float32(0)
        for entry in range(indptr[i], indptr[i + 1]):
            j = indices[entry]
            dx, dy = x[i] - x[j], y[i] - y[j]
            weight = values[entry] / (np.float32(1) + dx * dx + dy * dy)
            along_x += weight * dx
            along_y += weight * dy
        found[i, 0], found[i, 1] = along_x, along_y


@jit(fastmath=True, error_model="numpy")
def _repulsion(x, y, start, stop, found, totals):
    """``sum_j (y_i - y_j) / (1 + |y_i - y_j|^2)^2`` of the rows, and the sums of 1 / (1 + ...)."""
    for i in range(start, stop):
        along_x = along_y = total = np.float32(0)
        here_x, here_y = x[i], y[i]
        for j in range(np.uint64(len(x))):
            dx, dy = here_x - x[j], here_y - y[j]
            near = np.float32(1) / (np.float32(1) + dx * dx + dy * dy)
            total += near
            near *= near
            along_x += near * dx
            along_y += near * dy
        found[i, 0], found[i, 1] = along_x, along_y
        totals[i] = total - np.float32(1)  # a row is not its own pair
