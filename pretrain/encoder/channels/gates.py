"""How much each channel weighs, from what the features say about nodes and their neighbours.

Labels are not looked at. Why these measures and constants: docs/theory/recipe.md.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse

from ....kernels.keys import derive_key
from ...graph.data import GraphData
from ...graph.held_out import pair_keys
from ..start import are_words, weighted_rows
from .matrices import StepMatrices
from .weights import HOP, LINKS, OUT, OWN, SMOOTH, TWO_HOPS, Channel

# Neighbours this much alike, or more, are smoothed over; between 0 and it in proportion.
SMOOTHED_LIKENESS = 0.1
OWN_WEIGHT = 1.5  # where nothing is smoothed
# Links that the features themselves have drawn, or might have: as between nearest neighbours.
_OF_THE_FEATURES = 0.6

_SMOOTH = 0.8
# What a node's own dense features count for: below the neighbours' where they have a say of their
# own (chameleon 0.52), above where they have not (actor 0.12, wisconsin 0.13).
DENSE_RELIABILITY = 0.25

_DRAWS, _ROWS = 3, 1200
_LEAST_ROWS = 20
_MOST_COLUMNS = 2048  # of the covariances, as many as are compared


@dataclasses.dataclass(frozen=True)
class Measured:
    """What the gates measure.

    Attributes:
        likeness: of neighbours: the regression of the covariance of the features over links on that
            over nodes, off the diagonal, each node counted by its degree. About 0 where neighbours
            have nothing in common.
        own_reliability: how much the similarities of nodes by one half of the columns agree with
            those by the other half; a correlation. None where features are dense: their columns say
            the same in other words, noise included, so halves of them would always agree.
        hop_reliability: the same of one hop: by one half of everybody's links, and by the other.
    """

    likeness: float
    own_reliability: float | None
    hop_reliability: float

    @property
    def trust(self) -> float:
        """In neighbours, in [0, 1].

        0 where they are no more reliable than a node's own features, 1 from one and a half times as
        reliable on. Dense features count as reliable to a quarter.
        """
        own = self.own_reliability
        own = DENSE_RELIABILITY if own is None else max(own, 1e-6)
        return float(np.clip(2 * (self.hop_reliability / own - 1), 0, 1))

    @property
    def smoothing(self) -> float:
        """How far neighbours should be smoothed over, in [0, 1].

        Dense features need twice the likeness: of their noise, which columns share, some is counted
        as likeness.
        """
        likeness = self.likeness / SMOOTHED_LIKENESS
        if self.own_reliability is None:
            return float(np.clip(likeness - 1, 0, 1))
        return self.trust * float(np.clip(likeness, 0, 1))

    @property
    def is_of_the_features(self) -> bool:
        """Whether nodes are linked because their features are alike."""
        return self.likeness >= _OF_THE_FEATURES

    @property
    def is_smooth(self) -> bool:
        """Whether smoothing is all that is worth doing."""
        return self.smoothing >= _SMOOTH

    def weights(self, most_smoothed: float = 1.0) -> dict[str, float]:
        """Of each channel, at least 0, by name; to three digits.

        Args:
            most_smoothed: a bound of the smoothing, in [0, 1]; what it leaves is the node's own.
        """
        hop = self.trust * (1 - self.smoothing)
        smooth = min(self.smoothing, most_smoothed)
        found = {OWN: OWN_WEIGHT * (1 - smooth), HOP: hop, TWO_HOPS: hop, SMOOTH: smooth}
        return {name: round(weight, 3) for name, weight in found.items()}


def measure(data: GraphData, column_weights: tuple[np.ndarray, np.ndarray], seed: int) -> Measured:
    """Measures a graph, to three digits.

    Args:
        data: the graph.
        column_weights: [F] of the likeness, and [F] of the reliabilities.
        seed: of the halves.
    """
    rng = np.random.default_rng(derive_key(seed, "gates"))
    rows, words = weighted_rows(data, column_weights[1]), are_words(data)
    if not words:  # what all have in common would tell of degrees alone
        rows = np.asarray(rows - rows.mean(axis=0))  # CSR that is nearly full: a matrix before
    own, hop = [], []
    for _ in range(_DRAWS):
        chosen = rows[rng.permutation(data.num_nodes)[:_ROWS]]
        half = rng.random(data.num_features) < 0.5
        if words:
            own.append(agreement(chosen[:, half], chosen[:, ~half]))
        found = _halves_of_neighbourhoods(data, rows, rng)
        if found is not None:
            hop.append(agreement(*found))
    likeness = neighbour_likeness(data, column_weights[0], rng)
    return Measured(
        round(likeness, 3),
        round(float(np.mean(own)), 3) if own else None,
        round(float(np.mean(hop)), 3) if hop else 0.0,
    )


def agreement(first, second) -> float:
    """Correlation over pairs of rows of the two centred cosine kernels; 0 where one is constant.

    Args:
        first: [M, K], dense or sparse.
        second: [M, K'].
    """
    kernels = [_centred_cosines(one) for one in (first, second)]
    pairs = np.triu_indices(len(kernels[0]), 1)
    a, b = (one[pairs] - one[pairs].mean() for one in kernels)
    norm = np.sqrt(np.sum(a**2) * np.sum(b**2))
    return float(np.sum(a * b) / norm) if norm > 0 else 0.0


def _centred_cosines(rows) -> np.ndarray:
    product = rows @ rows.T
    kernel = product.toarray() if scipy.sparse.issparse(product) else product
    kernel = _centred(kernel.astype(np.float64))
    diagonal = np.diag(kernel)
    # What is left of rows that equal the mean is rounding.
    length = np.sqrt(np.where(diagonal > 1e-6 * max(diagonal.max(), 1e-12), diagonal, np.inf))
    return _centred(kernel / np.outer(length, length))


def _centred(kernel: np.ndarray) -> np.ndarray:
    kernel = kernel - kernel.mean(axis=0)
    return kernel - kernel.mean(axis=1, keepdims=True)


def _halves_of_neighbourhoods(data: GraphData, rows, rng: np.random.Generator):
    """One hop by one half of the links and by the other, of nodes that have both; or None."""
    links, of_edge = np.unique(pair_keys(data.edge_index, data.num_nodes), return_inverse=True)
    half = (rng.random(len(links)) < 0.5)[of_edge]  # both directions of a link
    channel, power = Channel(HOP, (LINKS + OUT,)), np.array([0, 1], np.float32)
    views = [StepMatrices(data.with_edges(kept)) for kept in (half, ~half)]
    ones = np.ones((data.num_nodes, 1), np.float32)
    both = np.logical_and(*(view.product(channel, power, ones)[:, 0] > 0 for view in views))
    chosen = rng.permutation(np.flatnonzero(both))[:_ROWS]
    if len(chosen) <= _LEAST_ROWS:
        return None
    return [view.matrix(LINKS + OUT)[chosen] @ rows for view in views]


def neighbour_likeness(
    data: GraphData, column_weights: np.ndarray, rng: np.random.Generator
) -> float:
    """See `Measured`; of at most 2,048 columns, drawn at random."""
    adjacency = data.adjacency
    degrees = adjacency.strengths.astype(np.float64)
    if not degrees.sum():
        return 0.0
    features: Any = data.features
    if data.num_features > _MOST_COLUMNS:
        columns = np.sort(rng.permutation(data.num_features)[:_MOST_COLUMNS])
        features, column_weights = features[:, columns], column_weights[columns]
    if not data.is_sparse:  # of a file in any dtype
        features = np.asarray(features, np.float64)
    weighted = scipy.sparse.csr_matrix(features).astype(np.float64)
    weighted = weighted @ scipy.sparse.diags(column_weights.astype(np.float64))
    share = degrees / degrees.sum()
    mean = weighted.T @ share
    both = np.outer(mean, mean)
    nodes, links = (
        (weighted.T @ one @ weighted).toarray() - both
        for one in (scipy.sparse.diags(share), adjacency.matrix() / degrees.sum())
    )
    for one in (nodes, links):
        np.fill_diagonal(one, 0)
    return float((nodes * links).sum() / max((nodes**2).sum(), 1e-300))
