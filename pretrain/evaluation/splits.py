"""Which nodes a probe is fitted on, chosen on and tested on: one rule for all that is compared."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np

from ..errors import InputError
from ..graph.data import LabelledNodes
from .sampling import stratified_sample

PUBLIC_SPLIT = "public split"
RANDOM_SPLITS = "random splits"
K_FOLDS = "k folds"
# As they are called on the command line.
SPLITS = {"public": PUBLIC_SPLIT, "random": RANDOM_SPLITS, "folds": K_FOLDS}

# Of each class to train and to validate on, where the graph brings no split: the shares of Zhu et
# al., GRACE (2020), https://arxiv.org/abs/2006.04131, and Zhang et al., CCA-SSG (2021),
# https://arxiv.org/abs/2106.12484.
RANDOM_SHARES = (0.1, 0.1)

# So many labelled nodes take part at most: the accuracy is then exact to half a percent, and a
# graph of a million nodes is probed in a minute.
MAX_NODES = 20_000

# Of three folds of so many nodes the accuracies are already exact to half a percent.
_MANY_NODES, _FOLDS, _FEW_FOLDS = 10_000, 10, 3
_INNER_SHARE = 0.2  # of each class in the training part of a fold, to choose on


class ProbeWarning(UserWarning):
    """A graph is probed otherwise than was asked for: on fewer nodes, or by fewer folds."""


@dataclasses.dataclass(frozen=True)
class ProbePlan:
    """How a graph will be probed.

    Attributes:
        protocol: PUBLIC_SPLIT, RANDOM_SPLITS or K_FOLDS.
        num_splits: 1 for the public split.
    """

    protocol: str
    num_splits: int


@dataclasses.dataclass(frozen=True)
class Split:
    """Four sets of nodes, each int64 [n].

    Attributes:
        train: fitted on, with the hyper-parameter that was chosen.
        inner: fitted on while it is chosen; all of `train`, or a part of it.
        validation: chosen on; disjoint from `inner`, and from `train` unless that holds both.
        test: tested on; disjoint from all others.
    """

    train: np.ndarray
    inner: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def plan_probe(
    data: LabelledNodes,
    *,
    folds: int | None = None,
    split: str | None = None,
    seeds: int = 10,
    max_nodes: int = MAX_NODES,
) -> ProbePlan | None:
    """Decides the protocol, so that a graph that cannot be probed is refused before training.

    Args:
        data: the graph.
        folds: of the protocol "folds"; default: 10, and 3 of more than 10,000 labelled nodes, where
            they say as much; at most as many as the smallest class has members (with a
            warning).
        split: one of SPLITS; None: "public" with masks, "folds" without.
        seeds: number of random splits.
        max_nodes: so many labelled nodes take part at most; a warning says when some do not.

    Returns:
        The plan; None without known labels.

    Raises:
        InputError: fewer than two classes to tell apart, or no label that some nodes have and
            others lack; a class that is too small; or "public" without masks.
        ValueError: folds below 2, seeds below 1, an unknown split.
    """
    if split not in (None, *SPLITS):
        raise ValueError(f"split: expected one of {', '.join(SPLITS)}, got {split!r}")
    if seeds < 1:
        raise ValueError(f"seeds: expected at least 1, got {seeds}")
    takes_part = data.is_known
    if not takes_part.any():
        return None
    protocol = SPLITS[split or ("public" if data.has_masks else "folds")]
    if protocol == PUBLIC_SPLIT and not data.has_masks:
        raise InputError(f"{data.name}: a public split needs masks, and there are none")
    by_mask = data.has_masks and protocol != K_FOLDS
    labels: Any = data.labels
    fitted = takes_part & data.train_mask if by_mask else takes_part
    strata, num_strata = _strata(data)
    counts = np.bincount(strata[fitted], minlength=num_strata)
    where = "in train_mask" if by_mask else "in labels"
    if data.is_multilabel:
        if (labels[fitted] == labels[fitted][0]).all():
            raise InputError(
                f"{data.name}: a probe needs a label that some nodes {where} have and others lack"
            )
    elif (counts > 0).sum() < 2:
        raise InputError(
            f"{data.name}: a probe needs at least two classes {where}, got {(counts > 0).sum()}"
        )
    if by_mask:
        takes_part &= np.any(_masks(data), axis=0)
    available = int(takes_part.sum())
    if available > max_nodes:
        warnings.warn(
            f"{data.name}: {max_nodes:,} of {available:,} labelled nodes take part in the probes"
            + "; each class in proportion" * (not data.is_multilabel),
            ProbeWarning,
            stacklevel=2,
        )
    if protocol == PUBLIC_SPLIT:
        return ProbePlan(PUBLIC_SPLIT, 1)
    if protocol == RANDOM_SPLITS:
        if not data.has_masks and counts.max() < 2:
            raise InputError(
                f"{data.name}: random splits need a class of at least 2 nodes, to test on"
            )
        return ProbePlan(RANDOM_SPLITS, seeds)
    if folds is None:
        folds = _FOLDS if available <= _MANY_NODES else _FEW_FOLDS
    if folds < 2:
        raise ValueError(f"folds: expected at least 2, got {folds}")
    smallest = int(counts.argmin())
    if counts[smallest] < 2:
        raise InputError(
            f"{data.name}: a probe by folds needs at least 2 nodes of every class, but class "
            f"{data.class_names[smallest]} has {counts[smallest]}; label such nodes as unknown"
        )
    if counts[smallest] < folds:
        who = "the graph" if data.is_multilabel else f"class {data.class_names[smallest]}"
        warnings.warn(
            f"{data.name}: {counts[smallest]} probe folds instead of {folds}, because {who} has"
            f" only {counts[smallest]} {'labelled ' * data.is_multilabel}nodes",
            ProbeWarning,
            stacklevel=2,
        )
    return ProbePlan(K_FOLDS, min(folds, int(counts[smallest])))


def draw_splits(
    data: LabelledNodes, plan: ProbePlan, *, seed: int = 0, max_nodes: int = MAX_NODES
) -> list[Split]:
    """The splits of a plan. Nodes with unknown labels are in none.

    Public split: the graph's own. Random splits, number i from the seed `seed + i`: with masks, as
    many nodes of each class in each part as the masks have (Shchur et al., Pitfalls of Graph
    Neural Network Evaluation, 2018, https://arxiv.org/abs/1811.05868); without, RANDOM_SHARES of
    each class to train, but at least one node, and to validate, and the rest to test. K folds:
    stratified; in each, a fifth of every class of the training part is the validation part.
    Multi-label nodes are drawn as if they were one class.

    Where more than `max_nodes` nodes would take part, each part is reduced at random by the same
    factor, each class in proportion, though never to none.

    Args:
        data: the graph.
        plan: of `plan_probe` for the same graph and `max_nodes`.
        seed: in [0, 2**32).
        max_nodes: at least 2.
    """
    strata, num_strata = _strata(data)
    known = data.is_known
    if plan.protocol == K_FOLDS:
        return _folds(np.flatnonzero(known), strata, plan.num_splits, seed, max_nodes)
    masked = []
    if data.has_masks:
        masked = [np.flatnonzero(mask & known) for mask in _masks(data)]
    splits = []
    for number in range(plan.num_splits):
        # Two integers: the folds' generator, seeded by one, keeps its own stream.
        rng = np.random.default_rng([seed + number, 1])
        parts = masked
        if plan.protocol == RANDOM_SPLITS:
            parts = _random_parts(np.flatnonzero(known), strata, num_strata, masked, rng)
        train, validation, test = _at_most(parts, strata, max_nodes, rng)
        splits.append(Split(train, train, validation, test))
    return splits


def _strata(data: LabelledNodes) -> tuple[Any, int]:
    """[N] what has its share in every draw: the class of each known node; and how many."""
    if data.is_multilabel:
        return np.zeros(data.num_nodes, np.int64), 1
    return data.labels, data.num_classes


def _masks(data: LabelledNodes) -> list[Any]:
    return [data.train_mask, data.val_mask, data.test_mask]


def _folds(nodes, labels, folds: int, seed: int, max_nodes: int) -> list[Split]:
    from sklearn.model_selection import StratifiedKFold

    # At least a node of every class for each fold, as before the reduction.
    sample_rng = np.random.default_rng([seed, 1])
    nodes = stratified_sample(nodes, labels, max_nodes, sample_rng, at_least=folds)
    rng = np.random.default_rng(seed)
    splits = []
    folder = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fit, test in folder.split(nodes, labels[nodes]):
        inner, validation = _inner_split(nodes[fit], labels, rng)
        splits.append(Split(nodes[fit], inner, validation, nodes[test]))
    return splits


def _random_parts(
    nodes, labels, num_classes: int, masked: list[np.ndarray], rng
) -> list[np.ndarray]:
    """Train, validation and test nodes, drawn within each class."""
    classes = range(num_classes)
    if masked:
        nodes = np.sort(np.concatenate(masked))
        sizes = [np.bincount(labels[part], minlength=len(classes)) for part in masked]
    else:
        counts = np.bincount(labels[nodes], minlength=len(classes))
        train = np.minimum(counts, np.maximum(1, np.rint(RANDOM_SHARES[0] * counts).astype(int)))
        validation = np.rint(RANDOM_SHARES[1] * counts).astype(int)
        sizes = [train, validation, counts - train - validation]
    parts: list[list[np.ndarray]] = [[], [], []]
    for label in classes:
        members = rng.permutation(nodes[labels[nodes] == label])
        ends = np.cumsum([size[label] for size in sizes])
        for part, start, end in zip(parts, [0, *ends[:-1]], ends, strict=True):
            part.append(members[start:end])
    return [np.sort(np.concatenate(part)) for part in parts]


def _at_most(parts, labels, max_nodes: int, rng) -> list[np.ndarray]:
    total = sum(len(part) for part in parts)
    if total <= max_nodes:
        return parts
    return [
        stratified_sample(part, labels, max(1, len(part) * max_nodes // total), rng)
        for part in parts
    ]


def _inner_split(
    nodes: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Splits off a fifth of each class, but never a class's last member."""
    held = []
    for label in np.unique(labels[nodes]):
        members = rng.permutation(nodes[labels[nodes] == label])
        held.append(members[: min(round(_INNER_SHARE * len(members)), len(members) - 1)])
    validation = np.concatenate(held)
    return np.setdiff1d(nodes, validation), validation
