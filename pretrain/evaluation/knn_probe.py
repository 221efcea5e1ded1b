"""k-nearest-neighbour probe: whether nodes of one class lie together, without fitting anything.

On the splits of the linear probe. What a linear probe can undo (a feature that is weak, but
informative) stays here, so it tells more about the distances in an embedding.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

from .linear_probe import check_embeddings
from .splits import MAX_NODES, PUBLIC_SPLIT, LabelledGraph, draw_splits, plan_probe

NEIGHBOURS = (1, 3, 5, 10, 20, 30)

_FALLBACK_NEIGHBOURS = 5  # where there are no validation nodes
_BLOCK_ENTRIES = 2**22  # of the similarities that are in memory at a time


@dataclasses.dataclass(frozen=True)
class KnnResult:
    """What the probe found.

    Attributes:
        accuracy: in [0, 1]; of the test nodes, or the mean over the splits.
        std: standard deviation over the splits (biased); None for the public split.
        protocol: as of `ProbeResult`.
        neighbours: the chosen k of each split.
        fold_accuracies: the accuracy of each split.
    """

    accuracy: float
    std: float | None
    protocol: str
    neighbours: tuple[int, ...]
    fold_accuracies: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)


def knn_probe(
    embeddings: np.ndarray | scipy.sparse.csr_matrix,
    data: LabelledGraph,
    *,
    folds: int = 10,
    seed: int = 0,
    split: str | None = None,
    seeds: int = 10,
    max_nodes: int = MAX_NODES,
) -> KnnResult:
    """Accuracy of a vote among the k training nodes with the largest cosine similarity.

    k is one of NEIGHBOURS, as far as there are so many training nodes: the one with the best
    accuracy on the validation nodes, ties to the smaller. Every neighbour has one vote; among
    classes with equally many the larger sum of similarities wins. A row of zeros has similarity 0
    with all others.

    Args and errors: as of `linear_probe`.
    """
    check_embeddings(embeddings, data)
    plan = plan_probe(data, folds=folds, split=split, seeds=seeds, max_nodes=max_nodes)
    if plan is None:
        raise ValueError(f"{data.name}: a kNN probe needs labels, and there are none")
    accuracies, chosen = [], []
    with threadpool_limits(1, user_api="blas"):  # as in linear_probe
        for one in draw_splits(data, plan, seed=seed, max_nodes=max_nodes):
            k = _choose_neighbours(embeddings, data, one.inner, one.validation)
            predicted = nearest_class(embeddings, data.labels, one.train, one.test, (k,))[0]
            accuracies.append(float(np.mean(predicted == data.labels[one.test])))
            chosen.append(k)
    return KnnResult(
        accuracy=float(np.mean(accuracies)),
        std=None if plan.protocol == PUBLIC_SPLIT else float(np.std(accuracies)),
        protocol=plan.protocol,
        neighbours=tuple(chosen),
        fold_accuracies=tuple(accuracies),
    )


def nearest_class(
    embeddings: np.ndarray | scipy.sparse.csr_matrix,
    labels: np.ndarray,
    train: np.ndarray,
    asked: np.ndarray,
    neighbours: tuple[int, ...],
) -> np.ndarray:
    """The vote of the nearest training nodes, for several k at once.

    Args:
        embeddings: [N, K].
        labels: [N] classes, known for `train`.
        train: [T] nodes that vote.
        asked: [M] nodes to classify.
        neighbours: values of k in [1, T].

    Returns:
        int64 [len(neighbours), M].
    """
    from sklearn.preprocessing import normalize

    known = normalize(embeddings[train])
    votes_of = np.eye(labels[train].max() + 1)[labels[train]]
    most = max(neighbours)
    predicted = np.empty((len(neighbours), len(asked)), np.int64)
    block = max(1, _BLOCK_ENTRIES // max(len(train), most * votes_of.shape[1]))
    for start in range(0, len(asked), block):
        part = slice(start, start + block)
        similarity = normalize(embeddings[asked[part]]) @ known.T
        if scipy.sparse.issparse(similarity):
            similarity = similarity.toarray()
        nearest = _largest(similarity, most)
        weight = np.take_along_axis(similarity, nearest, axis=1)
        votes = votes_of[nearest]  # [M, most, classes]
        for row, k in enumerate(neighbours):
            count = votes[:, :k].sum(axis=1)
            # Similarities are within [-1, 1], so these sums differ by less than one vote.
            closeness = (votes[:, :k] * weight[:, :k, None]).sum(axis=1) / (2 * k + 1)
            predicted[row, part] = (count + closeness).argmax(axis=1)
    return predicted


def _choose_neighbours(embeddings, data: LabelledGraph, train, validation) -> int:
    candidates = tuple(k for k in NEIGHBOURS if k <= len(train))
    if len(validation) == 0:
        return min(_FALLBACK_NEIGHBOURS, len(train))
    predicted = nearest_class(embeddings, data.labels, train, validation, candidates)
    return candidates[int((predicted == data.labels[validation]).mean(axis=1).argmax())]


def _largest(similarity: np.ndarray, count: int) -> np.ndarray:
    """Columns of the `count` largest entries of each row, the largest first."""
    columns = np.arange(similarity.shape[1])[None].repeat(len(similarity), axis=0)
    if count < similarity.shape[1]:
        columns = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(similarity, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
