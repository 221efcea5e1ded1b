"""What the command `evaluate` reads: embeddings, labels, graph, links, in the order of one list.

TensorFlow is imported for some untrained encoders alone, after everything that can be wrong with
the input has been looked at.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..config.options import PretrainConfig
from ..config.shared import GraphOptions
from ..encoder.by_weights import embed_with
from ..encoder.weights import ENCODER_WEIGHTS
from ..errors import InputError
from ..graph.data import GraphData, LabelledNodes
from ..graph.datasets import asked_graph
from ..graph.held_out import HeldOutEdges, without_links
from ..graph.labels import read_labels
from ..output.columns import read_columns
from ..output.embeddings.read import EmbeddingFile, matching_order, read_embeddings
from ..output.folder import OutputFolder
from ..output.held_out import read_held_out_edges
from ..output.model import ExportedModel
from ..quiet import errors_only
from ..training.needs import needs_tensorflow
from ..training.recipe import Recipe, make_recipe
from ..training.run import make_run
from .baselines import UNTRAINED, baseline_embeddings
from .robustness import Encoder
from .rows import Matrix

_MOST_WEIGHTS = 1 << 27  # half a GB


@dataclasses.dataclass(frozen=True)
class EvaluationInputs:
    """Everything that was read, in the order of the nodes of `labels`.

    Attributes:
        files: the embeddings; `held_out` of each holds nodes of `labels`, in all or in none.
        labels: of the nodes.
        data: the graph, if one was given.
    """

    files: list[EmbeddingFile]
    labels: LabelledNodes
    data: GraphData | None

    @property
    def held_out(self) -> list[HeldOutEdges]:
        """None, or one for each file."""
        return [one.held_out for one in self.files if one.held_out is not None]


def read_inputs(
    sources: Sequence[str],
    graph: GraphOptions,
    *,
    labels: str | None = None,
    held_out_edges: str | None = None,
) -> EvaluationInputs:
    """Reads all, and brings the rows of every file into the order of the labels.

    Args:
        sources: at least one, each as of `read_embeddings`.
        graph: what the graph is read of, see `asked_graph`; the labels may be enough. The columns
            of a table are read as the run of the first source did.
        labels: see `read_labels`; by default those of the graph.
        held_out_edges: file of pairs for all sources: nodes of the graph by their order there;
            without a graph, row numbers of the first source. By default each source's own.

    Raises:
        InputError: neither labels nor a graph, or files that cannot be read, or that do not
            belong together.
    """
    has_graph = graph.dataset is not None or graph.edges is not None
    if not (labels or has_graph):
        raise InputError("evaluate: expected --labels or --dataset, got neither; or --edges")
    files = [read_embeddings(source) for source in sources]
    first = files[0]
    width = first.embeddings.shape[1]
    for one in files[1:]:
        if one.embeddings.shape[1] != width:
            raise InputError(
                f"{one.source}: expected {width} columns, as in {first.source}, got"
                f" {one.embeddings.shape[1]}; evaluate embeddings of different kinds apart"
            )
    columns = read_columns(OutputFolder(Path(first.source)).model)
    data = asked_graph(graph, columns).data if has_graph else None
    nodes: Any = data
    if labels:
        nodes = read_labels(labels, graph.data_dir, knn=graph.knn, split=graph.split_number)
        if data is not None:
            order = matching_order(data, nodes.node_ids, nodes.num_nodes, name=nodes.name)
            nodes = dataclasses.replace(nodes.reordered(order), node_ids=data.node_ids)
    if nodes.node_ids is None and len(first.embeddings) == nodes.num_nodes:
        nodes = dataclasses.replace(nodes, node_ids=first.node_ids)  # they are in this order
    without = [one.source for one in files if one.held_out is None]
    if not held_out_edges and without and len(without) < len(files):
        raise InputError(
            f"{without[0]}: expected held_out_edges.npz, as in the other runs; give"
            " --held-out-edges FILE for all of them"
        )
    aligned = [_aligned(one, nodes) for one in files]
    if held_out_edges:
        count = len(first.embeddings) if data is None else data.num_nodes
        shared: HeldOutEdges | None = read_held_out_edges(held_out_edges, count)
        if data is None:
            shared = _aligned(dataclasses.replace(first, held_out=shared), nodes).held_out
        aligned = [dataclasses.replace(one, held_out=shared) for one in aligned]
    return EvaluationInputs(aligned, nodes, data)


def _aligned(file: EmbeddingFile, nodes: LabelledNodes) -> EmbeddingFile:
    """Rows, and rows that pairs speak of, in the order of the nodes."""
    order = matching_order(nodes, file.node_ids, len(file.embeddings), name=file.source)
    if np.array_equal(order, np.arange(len(order))):
        return file
    held_out = file.held_out and file.held_out.renumbered(order.argsort())
    return dataclasses.replace(
        file, embeddings=file.embeddings[order], node_ids=nodes.node_ids, held_out=held_out
    )


def baseline_candidates(
    inputs: EvaluationInputs, seed: int, say: Callable[[str], None]
) -> dict[str, Matrix | list[Matrix]]:
    """Raw features, PCA, and for each embedding the same encoder untrained."""
    data: Any = inputs.data
    width = inputs.files[0].embeddings.shape[1]
    say("PCA of the features")
    baselines = baseline_embeddings(data, width, seed)
    untrained = []
    for number, one in enumerate(inputs.files):
        graph = data
        if one.held_out is not None:
            graph = without_links(graph, one.held_out.positives)
        if one.config is not None:
            recipe = make_recipe(one.config, graph)
            _check_weights(one.source, recipe, graph)
        else:
            recipe = make_recipe(PretrainConfig(output="none", seed=seed + number), graph, width)
        say("untrained encoder" + (": loading TensorFlow" if needs_tensorflow(recipe) else ""))
        untrained.append(untrained_embeddings(graph, recipe))
    return {**baselines, UNTRAINED: untrained}


def encoders_of(inputs: EvaluationInputs, untrained: str, trained: str) -> dict[str, list[Encoder]]:
    """The encoders of all runs, trained and untrained, each by its name.

    Raises:
        InputError: without a graph, or for embeddings that are no run's.
    """
    data = inputs.data
    if data is None:
        raise InputError("--robustness: expected --dataset, the graph that is to be damaged")
    found: dict[str, list[Encoder]] = {trained: [], untrained: []}
    for one in inputs.files:
        if one.config is None:
            raise InputError(
                f"--robustness: {one.source}: expected the folder of a run, with its model"
            )
        model = ExportedModel(one.source)
        model.load()
        model.check(data)
        found[trained].append(model.embed)
        graph = data if one.held_out is None else without_links(data, one.held_out.positives)
        found[untrained].append(_untrained_encoder(graph, make_recipe(one.config, graph)))
    return found


def _check_weights(source: str, recipe: Recipe, data: GraphData) -> None:
    # A run's config.json may come from anywhere, and be made to ask for all memory.
    weights = sum(a * b for a, b in itertools.pairwise((data.num_features, *recipe.units)))
    if weights > _MOST_WEIGHTS:
        raise InputError(
            f"{source}: expected a config.json with an encoder of at most {_MOST_WEIGHTS:,} weights"
            f" on {data.name}, got {weights:,}"
        )


@errors_only("tensorflow")  # as in the main job
def untrained_embeddings(data: GraphData, recipe: Recipe) -> np.ndarray:
    """What the encoder of a recipe makes of the graph before any training, float32 [N, D]."""
    run = make_run(data, recipe)
    return run.embed(run.initial_weights)


@errors_only("tensorflow")
def _untrained_encoder(data: GraphData, recipe: Recipe) -> Encoder:
    weights = make_run(data, recipe).initial_weights
    if isinstance(weights, list):
        weights = ENCODER_WEIGHTS[recipe.encoder].from_list(weights)
    return functools.partial(embed_with, weights)
