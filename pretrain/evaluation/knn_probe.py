"""k-nearest-neighbour probe: whether nodes of one class lie together, without fitting anything.

On the splits of the linear probe. What a linear probe can undo (a feature that is weak, but
informative) stays here, so it tells more about the distances in an embedding.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from ..graph.data import LabelledNodes
from .probe import Accuracies, run_probe
from .rows import Matrix, unit_rows

NEIGHBOURS = (1, 3, 5, 10, 20, 30)

_FALLBACK_NEIGHBOURS = 5  # where there are no validation nodes
_SEARCH_MEGABYTES = 64  # of the distances that are in memory at a time


@dataclasses.dataclass(frozen=True)
class KnnResult(Accuracies):
    """What the probe found.

    Attributes:
        neighbours: the chosen k of each split.
    """

    neighbours: tuple[int, ...]


def knn_probe(embeddings: Matrix, data: LabelledNodes, **protocol) -> KnnResult:
    """Accuracy of a vote among the k training nodes with the largest cosine similarity.

    k is one of NEIGHBOURS, as far as there are so many training nodes: the one with the best
    accuracy on the validation nodes, ties to the smaller. The vote: see `nearest_class`.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR, in the order of the graph's nodes.
        data: the graph, with labels.
        **protocol: split, folds, seeds, seed, max_nodes; see `run_probe`, also for errors.
    """
    labels = data.labels

    def choose(train, validation):
        if len(validation) == 0:
            return min(_FALLBACK_NEIGHBOURS, len(train))
        candidates = tuple(k for k in NEIGHBOURS if k <= len(train))
        predicted = nearest_class(embeddings, labels, train, validation, candidates)
        return candidates[int((predicted == labels[validation]).mean(axis=1).argmax())]

    def predict(train, test, k):
        return nearest_class(embeddings, labels, train, test, (k,))[0]

    return run_probe(KnnResult, embeddings, data, choose, predict, **protocol)


def nearest_class(
    embeddings: Matrix,
    labels: np.ndarray,
    train: np.ndarray,
    asked: np.ndarray,
    neighbours: tuple[int, ...],
) -> np.ndarray:
    """The vote of the nearest training nodes, for several k at once.

    Every neighbour has one vote; among classes with equally many the larger sum of similarities
    wins, then the smaller class. A row of zeros has similarity 0 with all others. Which of several
    training nodes at the same distance come first is left to scikit-learn's search; the same rows
    give the same order.

    Args:
        embeddings: [N, K].
        labels: [N] classes, known for `train`.
        train: [T] nodes that vote.
        asked: [M] nodes to classify.
        neighbours: ascending values of k in [1, T].

    Returns:
        int64 [len(neighbours), M].
    """
    from sklearn import config_context
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(metric="cosine", algorithm="brute").fit(unit_rows(embeddings[train]))
    with config_context(working_memory=_SEARCH_MEGABYTES):
        distance, nearest = search.kneighbors(unit_rows(embeddings[asked]), neighbours[-1])
    voters, similarity = labels[train][nearest], 1 - distance
    everyone = np.arange(len(asked))
    count = np.zeros((len(asked), labels[train].max() + 1))
    closeness = np.zeros_like(count)
    predicted = []
    for place in range(neighbours[-1]):
        count[everyone, voters[:, place]] += 1
        closeness[everyone, voters[:, place]] += similarity[:, place]
        k = place + 1
        if k in neighbours:
            # Similarities are within [-1, 1], so these quotients differ by less than one vote.
            predicted.append((count + closeness / (2 * k + 1)).argmax(axis=1))
    return np.array(predicted)
