"""The command `evaluate`: from files with embeddings to a table of measures beside baselines.

docs/evaluation.md describes the protocol and the options. TensorFlow is imported for the untrained
encoder alone, after everything that can be wrong with the input has been looked at.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ..config import option
from ..config.options import PretrainConfig
from ..errors import InputError
from ..evaluation.links import HeldOutEdges, read_held_out_edges, without_links
from ..evaluation.splits import (
    K_FOLDS,
    MAX_NODES,
    PUBLIC_SPLIT,
    RANDOM_SPLITS,
    SPLITS,
    ProbePlan,
    plan_probe,
)
from ..graph.data import GraphData
from ..graph.datasets import CHOICES, load_dataset
from ..graph.labels import LabelledNodes, labels_of, read_labels
from ..output.embeddings import EmbeddingFile, matching_order, read_embeddings
from ..output.folder import write_json
from ..training.recipe import Recipe, make_recipe

EMBEDDINGS = "embeddings"

_INTEGERS = {
    "seeds": (option.integer("random splits and clusterings, one for each seed", 1), 10),
    "seed": (option.seed("the first of these seeds"), 0),
    "folds": (option.integer("folds of --split folds", 2), 10),
    "max_probe_nodes": (option.integer("labelled nodes that take part at most", 10), MAX_NODES),
    "knn": (option.integer("neighbours per node of the digits graph", 1), 10),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "embeddings",
        nargs="+",
        metavar="EMBEDDINGS",
        help="folder of a pretrain run, .npz with embeddings (and node_ids), or .npy; several, one"
        " for each training seed, are averaged",
    )
    parser.add_argument("--labels", help=".npy, .npz, or a data set as of --dataset")
    parser.add_argument(
        "--dataset", metavar="NAME", help=f"the graph, for labels and baselines: {CHOICES}"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder with the planetoid files")
    parser.add_argument(
        "--split", choices=tuple(SPLITS), help="default: public with masks, random without"
    )
    for name, (definition, default) in _INTEGERS.items():
        parser.add_argument(
            "--" + name.replace("_", "-"),
            metavar="INT",
            default=str(default),
            help=f"{definition.help} (default: {default})",
        )
    parser.add_argument(
        "--held-out-edges",
        metavar="FILE",
        help="npz with the edges that training did not see; default: those in the runs' folders",
    )
    parser.add_argument("--no-baselines", action="store_true", help="the embeddings alone")
    parser.add_argument("--output", metavar="FILE.json", help="write the results here too")
    parser.add_argument("--quiet", action="store_true", help="say nothing on the way")


def run(arguments: argparse.Namespace) -> str:
    """Evaluates, writes the JSON file if one was asked for, and returns the table.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        OSError: if the JSON file cannot be written.
    """
    settings = {
        name: definition.parse("--" + name.replace("_", "-"), getattr(arguments, name))
        for name, (definition, _) in _INTEGERS.items()
    }
    if settings["seed"] + settings["seeds"] > 2**32:
        raise InputError("--seed: expected --seed + --seeds of at most 2**32")
    inputs = _read(arguments, settings["knn"])
    probing = {
        "split": arguments.split or ("public" if inputs.labels.has_masks else "random"),
        **{name: settings[name] for name in ("folds", "seeds")},
    }
    most = settings["max_probe_nodes"]
    plan = plan_probe(inputs.labels, **probing, max_nodes=most)
    if plan is None and not inputs.held_out:
        raise InputError(
            f"{inputs.labels.name}: nothing to measure: no known labels, and no held-out edges"
        )

    def say(message: str) -> None:
        if not arguments.quiet:
            print(message, file=sys.stderr, flush=True)

    from ..evaluation.evaluate import evaluate
    from ..evaluation.table import table

    candidates: dict[str, Any] = {EMBEDDINGS: [one.embeddings for one in inputs.files]}
    if inputs.data is not None and not arguments.no_baselines:
        candidates |= _baselines(inputs, settings["seed"], say)
    results = evaluate(
        candidates,
        inputs.labels,
        **probing,
        seed=settings["seed"],
        held_out=inputs.held_out,
        max_nodes=most,
        say=say,
    )
    if arguments.output:
        content = {
            "embeddings": [one.source for one in inputs.files],
            "labels": arguments.labels or arguments.dataset,
            "dataset": arguments.dataset,
            "protocol": _protocol(plan, inputs, probing, settings),
            "results": {
                name: {
                    "measures": one.to_dict(),
                    "strengths": [probe.strengths for probe in one.probes],
                    "neighbours": one.neighbours,
                }
                for name, one in results.items()
            },
        }
        write_json(Path(arguments.output), content)
    return "\n".join([table(results), "", *_notes(plan, inputs, settings)])


@dataclasses.dataclass(frozen=True)
class _Inputs:
    """Everything that was read, in the order of one list of nodes."""

    files: list[EmbeddingFile]
    labels: LabelledNodes
    data: GraphData | None
    held_out: list[HeldOutEdges]  # none, or one for each file


def _read(arguments: argparse.Namespace, knn: int) -> _Inputs:
    if arguments.output:
        read = [*arguments.embeddings, arguments.labels, arguments.held_out_edges]
        if arguments.dataset:
            read.append(arguments.dataset.partition(":")[2])
        _check_output(Path(arguments.output), [Path(path) for path in read if path])
    if not (arguments.labels or arguments.dataset):
        raise InputError("evaluate: expected --labels or --dataset, got neither")
    files = [read_embeddings(source) for source in arguments.embeddings]
    width = files[0].embeddings.shape[1]
    for one in files[1:]:
        if one.embeddings.shape[1] != width:
            raise InputError(
                f"{one.source}: expected {width} columns, as in {files[0].source}, got"
                f" {one.embeddings.shape[1]}; evaluate embeddings of different kinds apart"
            )
    data = None
    if arguments.dataset:
        data = load_dataset(arguments.dataset, arguments.data_dir, knn=knn)
    labels = labels_of(data) if data is not None else None
    if arguments.labels:
        given = read_labels(arguments.labels, arguments.data_dir, knn=knn)
        if labels is not None:
            names = (labels.name, given.name)
            order = matching_order(
                labels.node_ids, labels.num_nodes, given.node_ids, given.num_nodes, names=names
            )
            given = dataclasses.replace(given.reordered(order), node_ids=labels.node_ids)
        labels = given
    if labels.node_ids is None:  # then they are in the order of the embeddings
        first = files[0]
        if len(first.embeddings) == labels.num_nodes:
            labels = dataclasses.replace(labels, node_ids=first.node_ids)
    files, held_out = _aligned(files, labels, arguments.held_out_edges)
    return _Inputs(files, labels, data, held_out)


def _aligned(
    files: list[EmbeddingFile], labels: LabelledNodes, shared: str | None
) -> tuple[list[EmbeddingFile], list[HeldOutEdges]]:
    """Rows of the embeddings and nodes of the held-out edges in the order of the labels."""
    if shared:
        pairs = read_held_out_edges(shared, len(files[0].embeddings))
        files = [dataclasses.replace(one, held_out=pairs) for one in files]
    without = [one.source for one in files if one.held_out is None]
    if without and len(without) < len(files):
        raise InputError(
            f"{without[0]}: expected held_out_edges.npz, as in the other runs; give"
            " --held-out-edges FILE for all of them"
        )
    aligned, held_out = [], []
    for one in files:
        names = (labels.name, one.source)
        order = matching_order(
            labels.node_ids, labels.num_nodes, one.node_ids, len(one.embeddings), names=names
        )
        if not np.array_equal(order, np.arange(len(order))):
            one = dataclasses.replace(one, embeddings=one.embeddings[order])
        aligned.append(one)
        if one.held_out is not None:
            place = order.argsort()  # row of the file to node of the labels
            held_out.append(HeldOutEdges(*(place[pairs] for pairs in one.held_out)))
    return aligned, held_out


def _baselines(inputs: _Inputs, seed: int, say) -> dict[str, Any]:
    """Raw features, PCA, and for each embedding the same encoder untrained."""
    from ..evaluation.linear_probe import baseline_embeddings
    from ..job import UNTRAINED

    width = inputs.files[0].embeddings.shape[1]
    say("PCA of the features")
    baselines: dict[str, Any] = dict(baseline_embeddings(inputs.data, width, seed))
    say("loading TensorFlow for the untrained encoder")
    graphs = [inputs.data] * len(inputs.files)
    if inputs.held_out:
        graphs = [without_links(inputs.data, one.positives) for one in inputs.held_out]
    baselines[UNTRAINED] = [
        untrained_embeddings(
            graph,
            make_recipe(one.config, graph)
            if one.config
            else make_recipe(PretrainConfig(output="none", seed=seed + number), graph, width),
        )
        for number, (graph, one) in enumerate(zip(graphs, inputs.files, strict=True))
    ]
    return baselines


def untrained_embeddings(data: GraphData, recipe: Recipe):
    """What the encoder of a recipe makes of the graph before any training, float32 [N, D]."""
    from ..quiet import quiet_tensorflow

    with quiet_tensorflow():
        import tensorflow as tf

        from ..training.run import make_run

    tf.get_logger().setLevel("ERROR")  # as in the main job
    run = make_run(data, recipe)
    return run.embed(run.initial_weights)


def _check_output(path: Path, inputs: list[Path]) -> None:
    if path.is_dir():
        raise InputError(f"--output {path} is a folder; expected a file for the results")
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"--output {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise InputError(f"--output {path}: the folder {folder} is not writable")
    for one in inputs:
        if path.resolve() in (one.resolve(), (one / "config.json").resolve()):
            raise InputError(f"--output {path} is an input, and would be replaced")


def _protocol(plan: ProbePlan | None, inputs: _Inputs, probing, settings) -> dict[str, Any]:
    """What was done, for the JSON file."""
    from ..evaluation.clustering import STARTS
    from ..evaluation.knn_probe import NEIGHBOURS
    from ..evaluation.linear_probe import SCALING, STRENGTHS

    labels = inputs.labels
    return {
        "split": plan.protocol if plan else None,
        "splits": plan.folds if plan else 0,
        **{key: value for key, value in settings.items() if key != "knn"},
        "scaling": SCALING,
        "strengths": STRENGTHS,
        "neighbours": NEIGHBOURS,
        "kmeans_starts": STARTS,
        "nodes": labels.num_nodes,
        "labelled_nodes": int((labels.labels >= 0).sum()) if plan else 0,
        "classes": labels.num_classes,
        "held_out_edges": [one.positives.shape[1] for one in inputs.held_out],
    }


def _notes(plan: ProbePlan | None, inputs: _Inputs, settings: dict[str, int]) -> list[str]:
    """How to read the table."""
    count, seeds = len(inputs.files), settings["seeds"]
    notes = [f"percent: mean +- standard deviation; embeddings: {count} file{'s' * (count > 1)}"]
    if plan is not None:
        protocols = {RANDOM_SPLITS: f"{plan.folds} random splits", K_FOLDS: f"{plan.folds} folds"}
        how = protocols.get(plan.protocol, plan.protocol)
        notes.append(f"probes: {how}; NMI, ARI: k-means from {seeds} seeds")
        if plan.protocol == PUBLIC_SPLIT:
            notes.append(
                "on the public split a regression has one optimum and no seed: give one embedding"
                " for each training seed, or --split random, to see a spread"
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
