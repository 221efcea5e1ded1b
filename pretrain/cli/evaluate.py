"""The command `evaluate`: from files with embeddings to a table of measures beside baselines.

docs/usage/evaluation.md describes the protocol and the options. TensorFlow is imported for some
untrained encoders alone, after everything that can be wrong with the input has been looked at.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

from ..config import option
from ..config.base import field
from ..config.places import without_folders
from ..config.shared import FOLDS, GraphOptions
from ..errors import InputError
from ..evaluation.baselines import UNTRAINED
from ..evaluation.inputs import (
    EvaluationInputs,
    baseline_candidates,
    encoders_of,
    read_inputs,
)
from ..evaluation.splits import (
    K_FOLDS,
    MAX_NODES,
    PUBLIC_SPLIT,
    RANDOM_SPLITS,
    SPLITS,
    ProbePlan,
    plan_probe,
)
from ..output.folder import OutputFolder
from ..output.lock import locked
from ..output.paths import check_output_file, inputs_asked_for, inputs_of
from ..output.replace import write_json

EMBEDDINGS = "embeddings"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateOptions(GraphOptions):
    """What the command is asked for."""

    embeddings: tuple[str, ...] = field(
        option.path(
            "folder of a pretrain run, .npz with embeddings (and node_ids), .npy, or a table, see"
            " embed; several, one for each training seed, are averaged",
            arity="some",
            metavar="EMBEDDINGS",
            positional=True,
        )
    )
    labels: str | None = field(
        option.path(".npy, .npz, or a data set as of --dataset", metavar="LABELS"), None
    )
    split: str | None = field(
        option.choice(
            "default: with masks public, and random ones beside it; without masks random",
            tuple(SPLITS),
        ),
        None,
    )
    seeds: int = field(option.integer("random splits and clusterings, one for each seed", 1), 10)
    seed: int = field(option.seed("the first of these seeds"), 0)
    folds: int | None = field(FOLDS, None)
    max_probe_nodes: int = field(
        option.integer("labelled nodes that take part at most", 10), MAX_NODES
    )
    center: bool = field(
        option.switch("subtract the mean of all rows before they get length 1, the default"), True
    )
    held_out_edges: str | None = field(
        option.path(
            "npz with the edges that training did not see; default: those in the runs' folders",
            metavar="FILE",
        ),
        None,
    )
    robustness: bool = field(
        option.switch(
            "test nodes embedded from damaged graphs, too: 70 % of the links gone, half of the"
            " columns, 80 % of each node's entries; of runs, with --dataset"
        ),
        False,
    )
    baselines: bool = field(
        option.switch("raw features, PCA and the untrained encoder too, the default"), True
    )
    output: str | None = field(option.path("write the results here too", metavar="FILE.json"), None)
    quiet: bool = field(option.switch("say nothing on the way"), False)

    def __post_init__(self):
        super().__post_init__()
        if self.seed + self.seeds > 2**32:
            raise InputError("--seed: expected --seed + --seeds of at most 2**32")
        if self.dataset is not None and self.edges is not None:
            raise InputError("--dataset and --edges contradict each other; give one of them")
        if (self.labels or "").startswith("tfgnn:") and (self.target or self.label):
            raise InputError(
                "--labels tfgnn:... does not take --target and --label; leave it out: --dataset"
                " brings the labels, too"
            )


def run(options: EvaluateOptions) -> str:
    """Evaluates, writes the JSON file if one was asked for, and returns the table.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        OSError: if the JSON file cannot be written.
    """
    if options.output is None:
        return _evaluate(options)
    output = Path(options.output)
    check_output_file(output, "the results", _input_files(options))
    with locked(output):
        return _evaluate(options)


def _evaluate(options: EvaluateOptions) -> str:
    inputs = read_inputs(
        options.embeddings,
        options,
        labels=options.labels,
        held_out_edges=options.held_out_edges,
    )
    probing: dict[str, Any] = {
        "split": options.split or (None if inputs.labels.has_masks else "random"),
        "folds": options.folds,
        "seeds": options.seeds,
        "max_nodes": options.max_probe_nodes,
    }
    plan = plan_probe(inputs.labels, **probing)
    if plan is None and not inputs.held_out:
        raise InputError(
            f"{inputs.labels.name}: nothing to measure: no known labels, and no held-out edges"
        )

    def say(message: str) -> None:
        if not options.quiet:
            print(message, file=sys.stderr, flush=True)

    from ..evaluation.evaluate import evaluate
    from ..evaluation.table import table

    encoders = encoders_of(inputs, UNTRAINED, EMBEDDINGS) if options.robustness else {}
    candidates: dict[str, Any] = {EMBEDDINGS: [one.embeddings for one in inputs.files]}
    if inputs.data is not None and options.baselines:
        candidates |= baseline_candidates(inputs, options.seed, say)
    found = evaluate(
        candidates,
        inputs.labels,
        **probing,
        seed=options.seed,
        held_out=inputs.held_out,
        center=options.center,
        say=say,
    )
    results = {name: one.to_dict() for name, one in found.items()}
    damaged = _damaged(inputs, encoders, probing, options, say) if encoders else {}
    if options.output is not None:
        content = {
            "embeddings": [_portable(one.source) for one in inputs.files],
            "labels": _portable(options.labels or options.dataset or options.nodes),
            "dataset": _portable(options.dataset or options.edges),
            "protocol": _protocol(plan, inputs, options),
            "results": {
                name: {
                    "measures": results[name],
                    "inverse_regularization": [
                        probe.inverse_regularizations for probe in one.probes
                    ],
                    "neighbours": one.neighbours,
                }
                for name, one in found.items()
            },
            "robustness": damaged,
        }
        write_json(Path(options.output), content)
    tables = [table(results)]
    for damage, by_name in damaged.items():
        tables += ["", f"test nodes embedded with {damage}:", table(by_name)]
    return "\n".join([*tables, "", *_notes(plan, inputs, options)])


def _damaged(inputs: EvaluationInputs, encoders, probing, options, say) -> dict[str, Any]:
    """The probes of damaged graphs, as the JSON file holds them."""
    from ..evaluation.robustness import robustness

    data: Any = inputs.data
    clean = {name: [encode(data) for encode in several] for name, several in encoders.items()}
    found = robustness(
        encoders,
        clean,
        data,
        nodes=inputs.labels,
        seed=options.seed,
        center=options.center,
        say=say,
        **probing,
    )
    return {
        damage: {name: one.to_dict() for name, one in by_name.items()}
        for damage, by_name in found.items()
    }


def _portable(source: str | None) -> str | None:
    """As given, and of an absolute path its end alone: the file may be handed on."""
    if source is None or not any(map(os.path.isabs, source.split(":", 1))):
        return source
    return without_folders(source)


def _input_files(options: EvaluateOptions) -> list[Path]:
    """All that is read; of a run's folder everything that the run wrote."""
    files = [Path(one) for one in (options.labels, options.held_out_edges) if one is not None]
    files += inputs_of(options.labels or "", options.data_dir) + inputs_asked_for(options)
    for path in map(Path, options.embeddings):
        files += OutputFolder(path).artefacts() if path.is_dir() else [path]
    return files


def _protocol(
    plan: ProbePlan | None, inputs: EvaluationInputs, options: EvaluateOptions
) -> dict[str, Any]:
    """What was done, for the JSON file."""
    from ..evaluation.clustering import STARTS
    from ..evaluation.knn_probe import NEIGHBOURS
    from ..evaluation.linear_probe import INVERSE_REGULARIZATIONS

    labels = inputs.labels
    return {
        "split": plan.protocol if plan else None,
        "splits": plan.num_splits if plan else 0,
        "random_splits_beside": options.seeds if _has_random_beside(plan, options) else 0,
        "seeds": options.seeds,
        "seed": options.seed,
        "folds": options.folds,
        "max_probe_nodes": options.max_probe_nodes,
        "center": options.center,
        "inverse_regularization": INVERSE_REGULARIZATIONS,
        "neighbours": NEIGHBOURS,
        "kmeans_starts": STARTS,
        "nodes": labels.num_nodes,
        "labelled_nodes": int(labels.is_known.sum()),
        "classes": labels.num_classes,
        "multilabel": labels.is_multilabel,
        "held_out_edges": [one.positives.shape[1] for one in inputs.held_out],
    }


def _has_random_beside(plan: ProbePlan | None, options: EvaluateOptions) -> bool:
    return options.split is None and plan is not None and plan.protocol == PUBLIC_SPLIT


def _notes(plan: ProbePlan | None, inputs: EvaluationInputs, options: EvaluateOptions) -> list[str]:
    """How to read the table."""
    count = len(inputs.files)
    notes = [f"percent: mean +- standard deviation; embeddings: {count} file{'s' * (count > 1)}"]
    if options.baselines and inputs.data is not None:
        notes.append("differences: mean over the same splits and seeds +- its standard error")
    if plan is not None:
        protocols = {
            RANDOM_SPLITS: f"{plan.num_splits} random splits",
            K_FOLDS: f"{plan.num_splits} folds",
        }
        how = protocols.get(plan.protocol, plan.protocol)
        if _has_random_beside(plan, options):
            how += f", and {options.seeds} random ones of its size"
        clustered = f"; NMI, ARI: k-means from {options.seeds} seeds"
        notes.append(f"probes: {how}{clustered * (not inputs.labels.is_multilabel)}")
        if plan.protocol == PUBLIC_SPLIT:
            notes.append(
                "on the public split a regression has one optimum and no seed: give one embedding"
                " for each training seed to see a spread, or look at the random splits"
            )
    if inputs.held_out:
        sizes = sorted({one.positives.shape[1] for one in inputs.held_out})
        notes.append(
            f"links: {' or '.join(f'{size:,}' for size in sizes)} held-out links against as many"
            " pairs without one"
        )
    elif inputs.data is not None:
        notes.append("no held-out edges, so no link prediction (pretrain --hold-out-edges 0.1)")
    return notes
