"""Training of the linear encoder without steps: one Cholesky factor in place of Adam.

What it computes is defined in reference/closed_form.py, why in docs/theory/derivation.md. NumPy
and SciPy alone.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse

from ...kernels.keys import derive_key
from ..encoder.start import polynomial, start_weights, weighted_rows
from ..graph.adjacency import normalized, with_loops
from ..graph.data import GraphData
from .recipe import Recipe

_DRAWS = 3  # of each view
_RIDGE = 1e-3  # of the mean variance
_ROUNDING = 1e-10  # variance of rows of length 1
# So many columns of the features at most: the covariances have as many rows and columns. Wider
# features are projected on their principal directions first.
_MOST_COLUMNS = 2048


def closed_form_weights(
    data: GraphData, recipe: Recipe, start: list[np.ndarray]
) -> tuple[list[np.ndarray], tuple[float, float]]:
    """The weights ``(Sigma + r I)^-1 K V`` of the linear encoder, spreads as at the start.

    Sigma and K are covariances within a view and across two: over `_DRAWS` graphs with dropped
    edges for each view, and over the masks of columns exactly.

    Args:
        data: the graph.
        recipe: of the views, with the linear encoder.
        start: the untrained encoder's weights, of `start_weights`.

    Returns:
        The weights in the order of `start`; and the loss of the expected correlation before and
        after, as the training by steps reports the loss of single draws.
    """
    kernel, column_weights, coefficients, scale = start
    features = weighted_rows(data, column_weights)
    basis = None
    if data.num_features > _MOST_COLUMNS:
        width = min(_MOST_COLUMNS, data.num_nodes)
        basis = start_weights(data, width, recipe.hops, recipe.seed, scaled=recipe.scale_features)[
            0
        ]
        features = features @ basis
    X = features.toarray() if scipy.sparse.issparse(features) else np.asarray(features, np.float32)
    V = kernel if basis is None else basis.T @ kernel
    rng = np.random.default_rng(derive_key(recipe.seed, "closed form"))

    sigma, sums = np.zeros((X.shape[1],) * 2), []
    for edge_rate, mask_rate in zip(recipe.drop_edges, recipe.mask_features, strict=True):
        within, total = np.zeros_like(sigma), np.zeros_like(X)
        for _ in range(_DRAWS):
            channel = _channel(data, X, coefficients, rng.random(data.num_edges) >= edge_rate)
            within += channel.T @ channel
            total += channel
        within /= _DRAWS * data.num_nodes
        kept = 1 - mask_rate
        sigma += (kept**2 * within + kept * mask_rate * _diagonal(within, basis)) / 2
        sums.append(total * (kept / _DRAWS))
    cross = sums[0].T @ sums[1] / data.num_nodes
    cross = ((cross + cross.T) / 2).astype(np.float64)

    penalty = _RIDGE * np.trace(sigma) / len(sigma)
    if not np.trace(sigma) > _ROUNDING:  # all nodes are alike
        return start, (float(len(scale)),) * 2
    lower = scipy.linalg.cho_factor(sigma + penalty * np.eye(len(sigma)), lower=True)
    W = scipy.linalg.cho_solve(lower, cross @ V)
    losses = (
        expected_loss(sigma, cross, V, recipe.lambda_),
        expected_loss(sigma, cross, W, recipe.lambda_),
    )

    length = np.linalg.norm(W, axis=0)
    W = (W / np.where(length > 0, length, 1)).astype(np.float32)
    channel = _channel(data, X, coefficients)
    before, after = ((channel @ one).std(axis=0) for one in (V, W))
    varies = (before > 0) & (after > 0)
    W = np.where(varies, W, V)
    scale = np.where(varies, scale * before / np.where(varies, after, 1), scale).astype(np.float32)
    kernel = W if basis is None else basis @ W
    return [kernel, column_weights, coefficients, scale], losses


def _channel(data: GraphData, X: np.ndarray, coefficients, kept=slice(None)) -> np.ndarray:
    """``P(A) X`` of the graph with these edges alone, as `linear.MixedPropagation`; centred."""
    # Rows are who receives: the edges of a view are directed.
    operator = normalized(with_loops(data.with_edges(kept).adjacency.matrix().T.tocsr()))
    channel = polynomial(operator, coefficients, X)
    return channel - channel.mean(axis=0)


def _diagonal(covariance: np.ndarray, basis: np.ndarray | None) -> np.ndarray:
    """The variances of the features' own columns as a diagonal matrix, in terms of the basis."""
    if basis is None:
        return np.diag(np.diag(covariance))
    variances = np.einsum("fk,kl,fl->f", basis, covariance, basis, optimize=True)
    return basis.T @ (variances[:, np.newaxis] * basis)


def expected_loss(sigma, cross, W, lambda_: float) -> float:
    """The Barlow Twins loss of the expected cross-correlation."""
    # Of what does not vary, rounding may make a little less than 0.
    spread = np.sqrt(np.maximum(np.einsum("fd,fd->d", W, sigma @ W), 0))
    inverse = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    C = (W.T @ cross @ W) * np.outer(inverse, inverse)
    diagonal = np.diag(C)
    return float(((1 - diagonal) ** 2).sum() + lambda_ * ((C**2).sum() - (diagonal**2).sum()))
