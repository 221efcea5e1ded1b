"""k-nearest-neighbour probe: whether nodes of one class lie together, without fitting anything.

On the splits of the linear probe. What a linear probe can undo (a feature that is weak, but
informative) stays here, so it tells more about the distances in an embedding.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..graph.adjacency import blocks
from ..graph.data import LabelledNodes
from .probe import Accuracies, run_probe
from .rows import Directions, Matrix

NEIGHBOURS = (1, 3, 5, 10, 20, 30)

_FALLBACK_NEIGHBOURS = 5  # where there are no validation nodes
_SEARCH_MEGABYTES = 64  # of the distances that are in memory at a time


_BLOCK_ROWS = 500


@dataclasses.dataclass(frozen=True)
class KnnResult(Accuracies):
    """What the probe found.

    Attributes:
        neighbours: the chosen k of each split.
    """

    neighbours: tuple[int, ...]


def knn_probe(embeddings: Matrix, data: LabelledNodes, **protocol) -> KnnResult:
    """A vote among the k training nodes with the largest cosine similarity.

    k is one of NEIGHBOURS, as far as there are so many training nodes: the best on the validation
    nodes, ties to the smaller. The vote: see `vote`.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR, in the order of the graph's nodes.
        data: the graph, with labels.
        **protocol: split, folds, seeds, seed, max_nodes, center; see `run_probe`, also for errors.
    """
    return run_probe(KnnResult, _Vote, embeddings, data, **protocol)


@dataclasses.dataclass(frozen=True)
class _Vote:
    rows: Directions
    labels: np.ndarray

    def candidates(self, num_train):
        return tuple(k for k in NEIGHBOURS if k <= num_train)

    def fallback(self, num_train):
        return min(_FALLBACK_NEIGHBOURS, num_train)

    def scores(self, train, asked, values, *, keep=None, start=None):
        del keep, start  # nothing is fitted
        return vote(self.rows, self.labels, train, asked, values)

    def confidence(self, scores, truth):
        return 0  # the smaller k


def vote(
    rows: Directions,
    labels: np.ndarray,
    train: np.ndarray,
    asked: np.ndarray,
    neighbours: tuple[int, ...],
) -> np.ndarray:
    """The votes of the nearest training nodes, for several k at once.

    Every neighbour has one vote; among classes with equally many the larger sum of similarities
    wins, then the smaller class. A row of zeros has similarity 0 with all others. Which of several
    training nodes at the same distance come first is left to scikit-learn's search; the same rows
    give the same order.

    Multi-label, each label is such a vote of its own, of those that have it and those that lack it.

    Args:
        rows: [N, K].
        labels: [N] classes, known for `train`; or [N, C] of 0 and 1.
        train: [T] nodes that vote.
        asked: [M] nodes to classify.
        neighbours: ascending values of k in [1, T].

    Returns:
        [len(neighbours), M, classes]: votes of k, divided by k; a tie is a fraction of one vote.
        From one half on, the votes for a label outweigh those against it; one that all training
        nodes have, or none, has 1 or 0.
    """
    from sklearn import config_context
    from sklearn.neighbors import NearestNeighbors

    if rows.stays_sparse:
        similarity, nearest = _nearest(rows, train, asked, neighbours[-1])
    else:
        search = NearestNeighbors(metric="cosine", algorithm="brute").fit(rows[train])
        with config_context(working_memory=_SEARCH_MEGABYTES):
            distance, nearest = search.kneighbors(rows[asked], neighbours[-1])
        similarity = 1 - distance
    several = labels.ndim == 2
    # For the class of a node; multi-label for or against each label.
    ballots = np.where(labels[train] == 1, 1.0, -1.0) if several else labels[train]
    everyone = np.arange(len(asked))
    count = np.zeros((len(asked), labels.shape[1] if several else labels.max() + 1))
    closeness = np.zeros_like(count)
    scores = []
    for place in range(neighbours[-1]):
        cast = ballots[nearest[:, place]]
        if several:
            count += cast
            closeness += cast * similarity[:, [place]]
        else:
            count[everyone, cast] += 1
            closeness[everyone, cast] += similarity[:, place]
        k = place + 1
        if k in neighbours:
            # Similarities are within [-1, 1], so these quotients differ by less than one vote.
            scores.append((count + closeness / (2 * k + 1)) / k)
    if not several:
        return np.array(scores)
    # How close the votes were says nothing of a label that all voters have, or none.
    share = labels[train].mean(axis=0)
    return np.where((share == 0) | (share == 1), share, (1 + np.array(scores)) / 2)


def _nearest(rows: Directions, train: np.ndarray, asked: np.ndarray, count: int):
    """Similarities and places in `train` of the nearest ones, [M, count], largest first."""
    voters = rows.shifted(train)
    similarity = np.empty((len(asked), count))
    nearest = np.empty((len(asked), count), np.int64)
    for block in blocks(len(asked), _BLOCK_ROWS):
        cosines = rows.shifted(asked[block]).cosines(voters)
        nearest[block] = _largest(cosines, count)
        similarity[block] = np.take_along_axis(cosines, nearest[block], axis=1)
    return similarity, nearest


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Places of the largest values of each row, [M, count], of equal ones the first first."""
    least = np.partition(values, -count, axis=1)[:, [-count]]
    # By partition alone, who of equals is among them would depend on the others.
    rows, places = np.nonzero(values >= least)
    order = np.lexsort((-values[rows, places], rows))
    begins = np.searchsorted(rows, np.arange(len(values)))
    return places[order[begins[:, np.newaxis] + np.arange(count)]]
