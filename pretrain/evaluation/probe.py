"""What the two probes share: nodes to fit on, to choose on and to test on, and what comes of it."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

from ..graph.data import LabelledNodes
from .rows import Directions, Matrix
from .scores import JUDGES, judges_of
from .splits import MAX_NODES, PUBLIC_SPLIT, Split, draw_splits, plan_probe

# Entries of the rows fitted on. Of fewer, the interpreter's lock would be in the way.
_WORTH_A_THREAD = 1 << 20


@dataclasses.dataclass(frozen=True)
class Accuracies:
    """What a probe found; each probe adds what it chose for each split.

    Attributes:
        accuracy: in [0, 1]; of the test nodes, or the mean over the splits; see `measure`.
        std: standard deviation over the splits (biased); None for the public split.
        protocol: PUBLIC_SPLIT, RANDOM_SPLITS or K_FOLDS, of splits.py.
        split_accuracies: the accuracy of each split.
        num_train: nodes fitted on (mean over the splits, rounded down).
        num_test: nodes tested on (over all splits together).
        others: the other measures of `scores.judges_of`, by name, one value for each split.
        measure: what all that is called accuracy here is: the first of `scores.judges_of`, of
            multi-label nodes the micro F1.
    """

    accuracy: float
    std: float | None
    protocol: str
    split_accuracies: tuple[float, ...]
    num_train: int
    num_test: int
    others: dict[str, tuple[float, ...]]
    measure: str

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)


class Classifier(Protocol):
    """What a probe fits, of rows of length 1."""

    def candidates(self, num_train: int) -> Sequence[Any]:
        """Values of the hyper-parameter for so many training nodes, those that win ties first."""

    def fallback(self, num_train: int) -> Any:
        """Its value where there are no validation nodes."""

    def scores(
        self,
        train: np.ndarray,
        asked: np.ndarray,
        values: Sequence[Any],
        *,
        keep: dict[Any, Any] | None = None,
        start: Mapping[Any, Any] | None = None,
    ) -> Iterable[np.ndarray]:
        """Fitted on the nodes `train`: for each value scores [asked, classes], see `scores`.

        Args:
            train: nodes.
            asked: nodes.
            values: of the hyper-parameter.
            keep: where it is only to be chosen: takes what is fitted, by value.
            start: what has been kept so, of most of the nodes, to begin with.
        """

    def confidence(self, scores: np.ndarray, truth: np.ndarray) -> float:
        """What decides between values that are equally good on the validation nodes."""


MANY_NODES = 5000  # to fit on: what is chosen among is tried as far as it gets better
Found = TypeVar("Found", bound=Accuracies)
Item = TypeVar("Item")


def run_probe(
    result: Callable[..., Found],
    classifier: Callable[[Directions, np.ndarray], Classifier],
    embeddings: Matrix,
    data: LabelledNodes,
    *,
    split: str | None = None,
    folds: int | None = None,
    seeds: int = 10,
    seed: int = 0,
    max_nodes: int = MAX_NODES,
    center: bool = True,
    asked: Matrix | None = None,
) -> Found:
    """How well a classifier of frozen embeddings does on each split of the graph's nodes.

    Public and random splits: fitted on train, its hyper-parameter chosen on validation, judged on
    test. K folds: fitted on k - 1 folds, tested on the remaining one; the hyper-parameter of each
    fold is chosen on a fifth of its training part, then the whole training part is fitted again.
    Each measure chooses for itself. Test nodes take part in nothing else (but the mean row). Nodes
    with unknown labels are left out.

    Args:
        result: takes the fields of `Accuracies`, and last what was chosen for each split.
        classifier: of the embeddings' `Directions` and the labels [N] or [N, C].
        embeddings: [N, K] finite numbers, dense or CSR, in the order of the graph's nodes.
        data: the graph, with labels.
        split: "public", "random" or "folds"; None: "public" with masks, "folds" without.
        folds: number of folds where they are used; see `plan_probe`.
        seeds: number of random splits.
        seed: of the splits, and of who takes part; the same seed gives every embedding the same.
        max_nodes: so many labelled nodes take part at most; see `draw_splits`.
        center: whether the mean row is subtracted before rows are scaled to length 1.
        asked: other embeddings of the nodes, [N, K], whose rows are those of the test nodes, less
            their own mean.

    Raises:
        ValueError: embeddings of another shape or not finite, or no labels.
        InputError: labels that cannot be probed; see `plan_probe`.
    """
    for matrix in (embeddings,) if asked is None else (embeddings, asked):
        check_embeddings(matrix, data)
    plan = plan_probe(data, folds=folds, split=split, seeds=seeds, max_nodes=max_nodes)
    if plan is None:
        raise ValueError(f"{data.name}: a probe needs labels, and there are none")
    splits = draw_splits(data, plan, seed=seed, max_nodes=max_nodes)
    labels: Any = data.labels
    names = judges_of(labels)
    # The matrices are small: one thread fits them in milliseconds, while BLAS threads that wait for
    # a busy core (TensorFlow's threads spin too) were measured to take fifty times as long.
    with threadpool_limits(1, user_api="blas"):
        rows, offset = Directions(embeddings, center=center), 0
        if asked is not None:
            rows, offset = rows.beside(Directions(asked, center=center)), data.num_nodes
        judge = functools.partial(_judged, classifier(rows, labels), labels, names, offset)
        judged = side_by_side(judge, splits, work=rows.width * len(splits[0].train))
    found = {name: [values[name] for values, _ in judged] for name in names}
    chosen = [best[names[0]] for _, best in judged]
    accuracies = found.pop(names[0])
    return result(
        float(np.mean(accuracies)),
        None if plan.protocol == PUBLIC_SPLIT else float(np.std(accuracies)),
        plan.protocol,
        tuple(accuracies),
        sum(len(one.train) for one in splits) // len(splits),
        sum(len(one.test) for one in splits),
        {name: tuple(values) for name, values in found.items()},
        names[0],
        tuple(chosen),
    )


def side_by_side(
    fit: Callable[[Item], Any], items: Sequence[Item], work: int, most: int | None = None
) -> list:
    """What comes of each item, in order; several at a time where each takes long enough.

    Args:
        fit: keeps to one thread, so that its result does not depend on the others.
        items: splits or seeds.
        work: entries of the matrix that a call works on.
        most: so many at a time, in place of one for each core.
    """
    if work < _WORTH_A_THREAD:
        return [fit(one) for one in items]
    from joblib import cpu_count  # with scikit-learn; knows of affinity and of containers

    with concurrent.futures.ThreadPoolExecutor(min(len(items), most or cpu_count())) as pool:
        return list(pool.map(fit, items))


def _judged(
    fitted: Classifier, labels, names: Sequence[str], offset: int, one: Split
) -> tuple[dict[str, float], dict[str, Any]]:
    """Each measure on the test nodes of a split, and the values chosen for it."""
    kept: dict[Any, Any] = {}
    best = _chosen(fitted, labels, one, names, kept)
    values = sorted(set(best.values()))  # so that one fit can start where the last one ended
    found = fitted.scores(one.train, one.test + offset, values, start=kept)
    scores = dict(zip(values, found, strict=True))
    return {
        name: JUDGES[name](scores[value], labels[one.test]) for name, value in best.items()
    }, best


def _chosen(
    fitted: Classifier, labels, split: Split, names: Sequence[str], kept: dict[Any, Any]
) -> dict[str, Any]:
    """For each measure the value that does best on the validation nodes."""
    if len(split.validation) == 0:
        return dict.fromkeys(names, fitted.fallback(len(split.train)))
    values = fitted.candidates(len(split.inner))
    truth = labels[split.validation]
    keys: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for scores in fitted.scores(split.inner, split.validation, values, keep=kept):
        confidence = fitted.confidence(scores, truth)
        for name, found in keys.items():
            found.append((JUDGES[name](scores, truth), confidence))
        if len(split.inner) > MANY_NODES and all(map(_declines, keys.values())):
            break  # the weakest penalties take the longest
    return {
        name: values[max(range(len(found)), key=found.__getitem__)] for name, found in keys.items()
    }


def _declines(keys: Sequence[tuple[float, float]]) -> bool:
    """Whether the last value does worse than the one before it, by both that it is judged by."""
    return len(keys) > 1 and all(
        now < before for now, before in zip(keys[-1], keys[-2], strict=True)
    )


def check_embeddings(embeddings: Matrix, data: LabelledNodes) -> None:
    """Raises ValueError unless the embeddings are [N, K] and finite."""
    if embeddings.ndim != 2 or embeddings.shape[0] != data.num_nodes:
        raise ValueError(f"embeddings: expected [{data.num_nodes}, K], got {embeddings.shape}")
    values = embeddings.data if scipy.sparse.issparse(embeddings) else embeddings
    if not np.isfinite(values).all():
        raise ValueError("embeddings: expected finite values; the training may have diverged")
