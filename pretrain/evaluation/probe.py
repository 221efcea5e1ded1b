"""What the two probes share: nodes to fit on, to choose on and to test on, and what comes of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

from ..graph.data import LabelledNodes
from .rows import Matrix
from .splits import MAX_NODES, PUBLIC_SPLIT, draw_splits, plan_probe


@dataclasses.dataclass(frozen=True)
class Accuracies:
    """What a probe found; each probe adds what it chose for each split.

    Attributes:
        accuracy: in [0, 1]; of the test nodes, or the mean over the splits.
        std: standard deviation over the splits (biased); None for the public split.
        protocol: PUBLIC_SPLIT, RANDOM_SPLITS or K_FOLDS, of splits.py.
        split_accuracies: the accuracy of each split.
        num_train: nodes fitted on (mean over the splits, rounded down).
        num_test: nodes tested on (over all splits together).
    """

    accuracy: float
    std: float | None
    protocol: str
    split_accuracies: tuple[float, ...]
    num_train: int
    num_test: int

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)


Found = TypeVar("Found", bound=Accuracies)


def run_probe(
    result: Callable[..., Found],
    embeddings: Matrix,
    data: LabelledNodes,
    choose: Callable[[np.ndarray, np.ndarray], float],
    predict: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
    *,
    split: str | None = None,
    folds: int = 10,
    seeds: int = 10,
    seed: int = 0,
    max_nodes: int = MAX_NODES,
) -> Found:
    """Accuracy of a classifier of frozen embeddings on each split of the graph's nodes.

    Public and random splits: fitted on train, its hyper-parameter chosen on validation, accuracy on
    test. K folds: fitted on k - 1 folds, tested on the remaining one; the hyper-parameter of each
    fold is chosen on a fifth of its training part, then the whole training part is fitted again.
    Test nodes take part in nothing else. Nodes with unknown labels are left out.

    Args:
        result: takes the fields of `Accuracies`, and last what was chosen for each split.
        embeddings: [N, K] finite numbers, dense or CSR, in the order of the graph's nodes.
        data: the graph, with labels.
        choose: nodes to fit and to validate on (there may be none) -> the hyper-parameter.
        predict: nodes to fit on, nodes [M] to classify, the hyper-parameter -> classes [M].
        split: "public", "random" or "folds"; None: "public" with masks, "folds" without.
        folds: number of folds where they are used; see `plan_probe`.
        seeds: number of random splits.
        seed: of the splits, and of who takes part; the same seed gives every embedding the same.
        max_nodes: so many labelled nodes take part at most; see `draw_splits`.

    Raises:
        ValueError: embeddings of another shape or not finite, or no labels.
        InputError: labels that cannot be probed; see `plan_probe`.
    """
    check_embeddings(embeddings, data)
    plan = plan_probe(data, folds=folds, split=split, seeds=seeds, max_nodes=max_nodes)
    if plan is None:
        raise ValueError(f"{data.name}: a probe needs labels, and there are none")
    splits = draw_splits(data, plan, seed=seed, max_nodes=max_nodes)
    labels: Any = data.labels
    accuracies, chosen = [], []
    # The matrices are small: one thread fits them in milliseconds, while BLAS threads that wait for
    # a busy core (TensorFlow's threads spin too) were measured to take fifty times as long.
    with threadpool_limits(1, user_api="blas"):
        for one in splits:
            chosen.append(choose(one.inner, one.validation))
            predicted = predict(one.train, one.test, chosen[-1])
            accuracies.append(float(np.mean(predicted == labels[one.test])))
    return result(
        float(np.mean(accuracies)),
        None if plan.protocol == PUBLIC_SPLIT else float(np.std(accuracies)),
        plan.protocol,
        tuple(accuracies),
        sum(len(one.train) for one in splits) // len(splits),
        sum(len(one.test) for one in splits),
        tuple(chosen),
    )


def check_embeddings(embeddings: Matrix, data: LabelledNodes) -> None:
    """Raises ValueError unless the embeddings are [N, K] and finite."""
    if embeddings.ndim != 2 or embeddings.shape[0] != data.num_nodes:
        raise ValueError(f"embeddings: expected [{data.num_nodes}, K], got {embeddings.shape}")
    values = embeddings.data if scipy.sparse.issparse(embeddings) else embeddings
    if not np.isfinite(values).all():
        raise ValueError("embeddings: expected finite values; the training may have diverged")
