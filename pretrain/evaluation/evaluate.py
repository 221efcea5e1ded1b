"""All measures of frozen embeddings in one go, for the main job, the command `evaluate`, reports.

docs/usage/evaluation.md describes the protocol.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..graph.data import LabelledNodes
from ..graph.held_out import HeldOutEdges
from .clustering import STARTS, clustering
from .knn_probe import knn_probe
from .linear_probe import ProbeResult, linear_probe
from .links import link_prediction
from .probe import Accuracies, side_by_side
from .rows import Matrix
from .scores import ACCURACY, MACRO_F1, MICRO_F1, ROC_AUC
from .splits import MAX_NODES, ProbeWarning

_PROBES = {"linear_probe": "linear", "knn_probe": "kNN"}
_JUDGES = {
    "": "probe",
    f"_{MICRO_F1}": "micro F1",
    f"_{ROC_AUC}": "AUC",
    f"_{MACRO_F1}": "F1",
}
_COLUMNS = 64  # that a candidate has at least
RANDOM = "_random"  # of a graph with a public split: on random ones of its size

# Keys of `Result.measures`, and what they are called in tables.
MEASURES = {
    f"{probe}{judge}{where}": f"{name} {what}{', random' if where else ''}"
    for where in ("", RANDOM)
    for probe, name in _PROBES.items()
    for judge, what in _JUDGES.items()
} | {
    "nmi": "NMI",
    "ari": "ARI",
    "link_auc": "link AUC",
    "link_ap": "link AP",
}


def measure_names(keys: Collection[str]) -> list[str]:
    """What measures are called side by side; "F1" is the macro one, and says so beside a micro F1.

    Args:
        keys: of MEASURES; others are their own names.
    """
    f1 = "macro F1" if any(MICRO_F1 in key for key in keys) else "F1"
    return [
        MEASURES.get(key, key).replace("F1", f1) if MACRO_F1 in key else MEASURES.get(key, key)
        for key in keys
    ]


@dataclasses.dataclass(frozen=True)
class Measure:
    """One measure of one row of the table.

    Attributes:
        values: one for each embedding and seed (or split), embeddings first.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Of all values."""
        return float(np.mean(self.values))

    @property
    def std(self) -> float | None:
        """Standard deviation of all values (biased); None of a single one."""
        return float(np.std(self.values)) if len(self.values) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return {"mean": self.mean, "std": self.std, "values": list(self.values)}


@dataclasses.dataclass(frozen=True)
class Result:
    """What was measured of one candidate.

    Attributes:
        measures: by the keys of MEASURES; those of labels need labels, those of links pairs.
        probes: the linear probe of each embedding.
        neighbours: k of the kNN probe, for each value of it.
    """

    measures: dict[str, Measure]
    probes: tuple[ProbeResult, ...] = ()
    neighbours: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The measures, as JSON can hold them."""
        return {key: measure.to_dict() for key, measure in self.measures.items()}


def evaluate(
    candidates: Mapping[str, Matrix | Sequence[Matrix]],
    data: LabelledNodes,
    *,
    split: str | None = None,
    folds: int | None = None,
    seeds: int = 10,
    clusterings: int | None = None,
    seed: int = 0,
    starts: int = STARTS,
    held_out: Sequence[HeldOutEdges] = (),
    max_nodes: int = MAX_NODES,
    center: bool = True,
    asked: Mapping[str, Sequence[Matrix]] | None = None,
    say: Callable[[str], None] = lambda message: None,
) -> dict[str, Result]:
    """Measures every candidate on the same nodes, splits and pairs.

    Call `plan_probe` first: it refuses what cannot be probed, and warns where fewer nodes or folds
    than asked for take part; here such warnings are left out.

    With known labels: linear probe, kNN probe, and NMI and ARI of k-means (not multi-label). With
    `held_out`: ROC AUC and average precision of links.

    Args:
        candidates: by name, one matrix [N, K] or several (one for each training seed).
        data: the graph; only its labels and masks are read.
        split: see `run_probe`; None with masks: the public split and random ones beside it, whose
            measures have RANDOM in their names.
        folds: see `run_probe`.
        seeds: number of random splits, and of clusterings.
        clusterings: so many instead.
        seed: the first of them.
        starts: of k-means for each seed.
        held_out: pairs of nodes. Either one entry for all matrices, or one for each of those of a
            candidate with several: matrix i is scored on entry i. A single matrix is scored on all.
        max_nodes: so many labelled nodes take part at most.
        center: whether the mean row of each matrix is subtracted first; see `Directions`.
        asked: other embeddings of the same nodes, [N, K] for each matrix of a candidate: the probes
            are tested on their rows, and nothing else is measured.
        say: is told what comes next.

    Returns:
        The result of each candidate, in the given order.

    Raises:
        ValueError: matrices of another shape or not finite, or neither one nor as many entries of
            `held_out` as matrices.
        InputError: labels that cannot be probed; see `plan_probe`.
    """
    common: dict[str, Any] = {"seed": seed, "max_nodes": max_nodes, "center": center}
    probing: dict[str, Any] = {**common, "folds": folds, "seeds": seeds}
    means = {**common, "seeds": clusterings or seeds, "starts": starts}
    splits = {"": split}
    if split is None and data.has_masks:
        splits = {"": "public", RANDOM: "random"}
    has_labels = bool(data.is_known.any())

    def measured(name: str) -> Result:
        given = candidates[name]
        matrices = list(given) if isinstance(given, list | tuple) else [given]
        measures: dict[str, Measure] = {}
        probes, votes = [], []
        pairs = list(zip(matrices, asked[name] if asked else [None] * len(matrices), strict=True))
        if has_labels:
            for where, one in splits.items():
                beside = ", random splits" if where else ""
                say(f"linear probe{beside}: {name}")
                found = [linear_probe(x, data, split=one, asked=y, **probing) for x, y in pairs]
                measures |= _probe_measures("linear_probe", where, found)
                say(f"kNN probe{beside}: {name}")
                voted = [knn_probe(x, data, split=one, asked=y, **probing) for x, y in pairs]
                measures |= _probe_measures("knn_probe", where, voted)
                if not where:
                    probes, votes = found, voted
        if has_labels and asked is None and not data.is_multilabel:
            say(f"clustering: {name}")
            clusters = [clustering(matrix, data, **means) for matrix in matrices]
            measures["nmi"] = _joined(found.nmi for found in clusters)
            measures["ari"] = _joined(found.ari for found in clusters)
        if held_out and asked is None:
            say(f"link prediction: {name}")
            matched = _matched(name, matrices, held_out)
            links = [link_prediction(*pair, center=center) for pair in matched]
            measures["link_auc"] = Measure(tuple(link.auc for link in links))
            measures["link_ap"] = Measure(tuple(link.average_precision for link in links))
        neighbours = tuple(k for vote in votes for k in vote.neighbours)
        kept = {key: measures[key] for key in MEASURES if key in measures}
        return Result(kept, tuple(probes), neighbours)

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        # Every probe of every candidate plans anew, and would say the same again; and k-means warns
        # of fewer different rows than classes. Here, as filters are not a thread's own.
        for category in (ProbeWarning, ConvergenceWarning):
            warnings.simplefilter("ignore", category)
        # Three folds of a large graph leave one of two cores idle for a quarter of the time: the
        # next candidate fills it.
        work = data.num_nodes * _COLUMNS
        found = side_by_side(measured, [*candidates], work, most=2)
    return dict(zip(candidates, found, strict=True))


def _probe_measures(probe: str, where: str, found: Sequence[Accuracies]) -> dict[str, Measure]:
    first = "" if found[0].measure == ACCURACY else f"_{found[0].measure}"
    measures = {f"{probe}{first}{where}": _joined(one.split_accuracies for one in found)}
    for other in found[0].others:
        measures[f"{probe}_{other}{where}"] = _joined(one.others[other] for one in found)
    return measures


def _joined(values) -> Measure:
    return Measure(tuple(value for several in values for value in several))


def _matched(name: str, matrices: list, held_out: Sequence[HeldOutEdges]) -> list[tuple]:
    if len(matrices) == 1:
        matrices = matrices * len(held_out)
    elif len(held_out) == 1:
        held_out = list(held_out) * len(matrices)
    if len(matrices) != len(held_out):
        raise ValueError(
            f"held_out: expected one entry or {len(matrices)}, one for each matrix of {name!r},"
            f" got {len(held_out)}"
        )
    return list(zip(matrices, held_out, strict=True))
