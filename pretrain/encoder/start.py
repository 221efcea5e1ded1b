"""Where the linear encoder starts: the principal directions of the propagated words.

From a random start the training has to find the directions in which nodes differ at all; that
takes longer than the probe keeps rising. Labels are not looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from ...kernels.linalg import leading_directions, unit_rows
from ...kernels.sparse import sparse_polynomial
from ..config.defaults import WORDS_DENSITY
from ..graph.adjacency import normalized, with_loops
from ..graph.data import GraphData, feature_density

_OWN_SHARE = 0.2  # of a node's own words; the rest goes to its hops in equal parts
_POWER_ITERATIONS = 4
_SMALLEST_SCALE = 1e-2  # of the largest: directions below count as noise and are not shrunk further
# Of sqrt(N), which bounds the singular values: what is left below is rounding.
_ROUNDING = 1e-5
_LARGEST_RATIO, _SAMPLED_ROWS = 100, 20_000  # of the spreads of columns


def hop_coefficients(hops: int) -> np.ndarray:
    """Of A^0 to A^hops in the representation, float32 [hops + 1], of sum 1.

    Source of the mixture and of its first number: Zhu and Koniusz 2021,
    https://openreview.net/forum?id=CYO5T-YjWZV, equation 8.
    """
    if not hops:
        return np.ones(1, np.float32)
    return np.array([_OWN_SHARE] + [(1 - _OWN_SHARE) / hops] * hops, np.float32)


def are_words(data: GraphData) -> bool:
    """Whether the features are taken for bags of words: most entries are 0."""
    return feature_density(data) <= WORDS_DENSITY


def column_weights(
    features: np.ndarray | scipy.sparse.csr_matrix, prior: float = 1.0, *, scaled: bool = False
) -> np.ndarray:
    """Inverse document frequencies of features that are 0 or 1 throughout; else ones.

    ``ln((c + N) / (c + n_f)) + 1`` for a column with n_f ones: rare words tell more than common
    ones. Features with other values are taken to be weighted already.

    Args:
        features: [N, F].
        prior: c, so many nodes more are taken to have each word: where few nodes have it, how rare
            it is is not known.
        scaled: other features than words get the inverse of their spread; see `differ_in_scale`.

    Returns:
        float32 [F].

    Source: Spärck Jones 1972, https://doi.org/10.1108/eb026526, smoothed as scikit-learn does.
    """
    count, width = features.shape
    values = features.data if scipy.sparse.issparse(features) else features
    if not np.all((values == 0) | (values == 1)):
        if scaled:
            return (1 / spreads(features)).astype(np.float32)
        return np.ones(width, np.float32)
    frequencies = np.asarray(features.sum(axis=0, dtype=np.float64)).ravel()
    return (np.log((prior + count) / (prior + frequencies)) + 1).astype(np.float32)


def spreads(features: np.ndarray) -> np.ndarray:
    """How far each dense column spreads, float64 [F]: as far as its middle half says.

    The interquartile range of a normal distribution is 1.349 times its standard deviation, so it is
    divided by that; a few wild values do not matter. Of a column whose middle half does not vary,
    the standard deviation; 1 of one that does not vary at all. Of at most 20,000 rows.
    """
    rows = np.linspace(0, len(features) - 1, min(len(features), _SAMPLED_ROWS)).astype(np.int64)
    sample = np.asarray(features[rows], np.float64)
    low, high = np.percentile(sample, (25, 75), axis=0)
    found = (high - low) / 1.349
    found = np.where(found > 0, found, sample.std(axis=0))
    typical = np.median(np.abs(sample), axis=0)  # what is far below it is rounding
    return np.where(found > 1e-6 * typical, found, 1)


def differ_in_scale(data: GraphData) -> bool:
    """Whether some dense column spreads a hundred times as far as the middle one of them.

    It would drown the others: rows are scaled to length 1.
    """
    if data.is_sparse:
        return False
    found = spreads(data.features)
    return bool(found.max() > _LARGEST_RATIO * np.median(found))


def start_weights(
    data: GraphData, width: int, hops: int, seed: int, *, scaled: bool = False
) -> list[np.ndarray]:
    """The weights of `linear.build_linear_encoder`: W, w, c and s.

    With M = P(A) R X diag(w), its columns centred, W holds the first right singular vectors of M,
    and s its singular values in proportion. So the columns of the first representation M W diag(s)
    are the principal components of the propagated features, each times its own singular value.

    Args:
        data: the graph, undirected; labels are not used.
        width: D. Columns beyond min(N, F) are random directions, with the smallest scale.
        hops: K.
        seed: of the randomised range finder, and of such columns.
        scaled: see `column_weights`.

    Returns:
        float32 [F, width] (columns of length 1), [F], [hops + 1] and [width].
    """
    rng = np.random.default_rng(seed)
    weights = column_weights(data.features, scaled=scaled)
    features = weighted_rows(data, weights)
    coefficients = hop_coefficients(hops)
    operator = normalized(with_loops(data.adjacency.matrix()))  # symmetric
    count, num_features = features.shape

    def propagate(state):
        return polynomial(operator, coefficients, state)

    def forward(directions):  # M times [F, k]
        state = propagate(features @ directions)
        return state - state.mean(axis=0)

    def backward(state):  # transposed M times [N, k]; the operator is symmetric
        return features.T @ propagate(state - state.mean(axis=0))

    rank = min(width, count, num_features)
    directions, values = leading_directions(
        forward, backward, features.shape, rank, rng, _POWER_ITERATIONS
    )
    kernel = _random(rng, num_features, width)
    kernel /= np.linalg.norm(kernel, axis=0)
    kernel[:, :rank] = directions
    scale = np.zeros(width)
    scale[:rank] = values
    largest = scale.max()
    if largest > _ROUNDING * np.sqrt(count):
        # The first column gets the standard deviation sqrt(D), far above the loss' epsilon.
        scale = np.maximum(scale / largest, _SMALLEST_SCALE) * np.sqrt(count * width) / largest
    else:  # all nodes are alike
        scale = np.ones(width)
    return [part.astype(np.float32) for part in (kernel, weights, coefficients, scale)]


def polynomial(operator, coefficients: np.ndarray, state: np.ndarray) -> np.ndarray:
    """``(c[0] I + c[1] A + ... + c[K] A^K) H``, A [N, N] and H [N, k], by Horner's rule."""
    if isinstance(operator, scipy.sparse.csr_matrix) and operator.dtype == state.dtype:
        parts = operator.indptr, operator.indices, operator.data
        return sparse_polynomial(*parts, coefficients, state)
    total = coefficients[-1] * state
    for coefficient in coefficients[-2::-1]:
        total = operator @ total + coefficient * state
    return total


def _random(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return rng.standard_normal((rows, columns), np.float32)


def weighted_rows(data: GraphData, weights: np.ndarray, length_prior: float = 0.0):
    """``R X diag(w)``, float32, dense or CSR as the features are.

    R divides a row y by its length, with a prior by sqrt(|y|^2 + prior).
    """
    weighted: Any = (
        scipy.sparse.csr_matrix(data.features @ scipy.sparse.diags(weights))
        if data.is_sparse
        else data.feature_rows(slice(None)) * weights
    )
    if not length_prior:
        return unit_rows(weighted)
    if data.is_sparse:
        squares = np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel()
    else:
        squares = np.einsum("nf,nf->n", weighted, weighted)
    scale = (1 / np.sqrt(squares + length_prior)).astype(np.float32)
    if data.is_sparse:
        return (scipy.sparse.diags(scale) @ weighted).tocsr()
    return weighted * scale[:, np.newaxis]
