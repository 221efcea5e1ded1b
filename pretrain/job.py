"""The main job, from a configuration to a folder with embeddings, model and report.

Checks come first and write nothing; TensorFlow, where it is needed, is imported after them, so bad
input is refused within a second.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .aside import Aside
from .comparison import Comparison
from .config.cluster import cluster_of
from .config.defaults import TEMPLATES
from .config.options import PretrainConfig
from .errors import InputError, OutputError
from .graph.data import GraphData
from .graph.datasets import READ_BY_TENSORFLOW, asked_graph
from .graph.held_out import HeldOutEdges, hold_out_edges
from .graph.objects.graph import ObjectGraph
from .output.columns import save_columns
from .output.disk import disk_error
from .output.embeddings.write import save_embeddings
from .output.folder import OutputFolder, read_json
from .output.held_out import save_held_out_edges
from .output.overwrite import finish, replacement_of
from .output.paths import without_patterns
from .output.prepare import begin, prepared
from .output.replace import write_json
from .phases import Stopwatch, fit, probed, read_network_inputs
from .quiet import check_keras, errors_only
from .report.channels import channel_lines
from .training.gradients import forgotten_gradients
from .training.needs import needs_tensorflow
from .training.recipe import Recipe, make_recipe
from .training.workers.team import Team, digest_of

_LEAST_ROOTS = 4  # of each worker in a batch, of which a schedule may take half


@dataclasses.dataclass(frozen=True)
class JobResult:
    """What a run found.

    Attributes:
        folder: where everything was written.
        metrics: the content of metrics.json.
        was_complete: whether a resume found nothing left to do.
    """

    folder: OutputFolder
    metrics: dict
    was_complete: bool = False


@forgotten_gradients()
def run_job(config: PretrainConfig) -> JobResult:
    """Pretrains an encoder and writes embeddings, model, configuration, metrics and report.

    Args:
        config: see `PretrainConfig`; of several workers that of the chief, see `part.run_part`.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        TrainingDivergedError: if the loss becomes NaN or infinite, or the embeddings huge.
        OutputError: if the output cannot be written.
        WorkersMissingError: if a worker does not come, or is gone (WorkerLostError).
    """
    watch = Stopwatch()
    if (cluster := cluster_of(config)) is not None and not cluster.is_chief:
        raise InputError(f"worker {cluster.index} has no results: the chief, worker 0, has them")
    try:
        with prepared(config) as folder:
            if folder.is_complete():
                return JobResult(folder, read_json(folder.metrics), was_complete=True)
            metrics = _run(config, folder, watch)
            return JobResult(finish(folder), metrics)
    except Exception as error:
        if (cause := disk_error(error)) is None:
            raise
        raise _output_error(cause, config, watch.phase) from None


@errors_only("tensorflow")  # its warnings here are about TF-GNN's and Keras' own insides
def _run(config: PretrainConfig, folder: OutputFolder, watch: Stopwatch) -> dict:
    """Everything but the checks of the folder before it, and its tidying after it."""

    def say(message: str) -> None:
        if not config.quiet:
            print(message, file=sys.stderr, flush=True)

    graph, data, digest, held_out, recipe, network = read(config)
    team = team_of(config, digest, recipe, data, say)
    begin(folder, config, digest, recipe)
    if held_out is not None:
        save_held_out_edges(held_out, folder.held_out_edges)

    say(f"{data.name}: {describe(data)}")
    for line in graph.lines():
        say(line)
    for line in (*channel_lines(recipe.to_dict()), *(network.told if network else ())):
        say(line)
    with Comparison(config, recipe, data, held_out) as comparison:
        if needs_tensorflow(recipe):
            say("loading TensorFlow")
        fitted = fit(config, recipe, data, folder, watch, team, network)
        save_embeddings(fitted.embeddings, data, folder.embeddings)
        say("exporting the model")
        with (
            without_patterns(folder.root) as root,
            fitted.exporting(OutputFolder(root)) as finished,
        ):
            watch.begin("evaluation")
            results = fitted.evaluate(comparison, say)
            watch.begin("report")
            say("drawing the report")
            pictures = fitted.draw()
            watch.begin("export")
            finished()
            watch.begin("report")
    if graph.columns is not None:
        save_columns(graph.columns, folder.model)
    metrics = fitted.metrics(results, watch.seconds())
    if graph.sets is not None:
        metrics["sets"] = graph.sets
    if pictures is not None:
        fitted.report(folder.report, metrics, pictures)
    write_json(folder.metrics, metrics)  # last: whoever is killed before it can still resume
    return metrics


class Read(NamedTuple):
    """A graph, and what follows from it.

    Attributes:
        graph: as it was asked for.
        data: as it is trained on.
        digest: of the graph.
        held_out: links that are taken out.
        recipe: for it.
        network: `NetworkInputs` of an encoder of TF-GNN, else None.
    """

    graph: ObjectGraph
    data: GraphData
    digest: str
    held_out: HeldOutEdges | None
    recipe: Recipe
    network: Any


def read(config: PretrainConfig) -> Read:
    """Reads the graph that was asked for.

    For several workers in another process: TensorFlow, which reads records, may do nothing in this
    one before they are connected.
    """
    check_keras()
    kind = (config.dataset or "").partition(":")[0]
    if cluster_of(config) is None or kind not in READ_BY_TENSORFLOW:
        return _read(config)
    with Aside(_read, config, on_one_core=True) as elsewhere:
        return elsewhere.result()


def _read(config: PretrainConfig) -> Read:
    graph = asked_graph(config)
    data = probed(graph.data, folds=config.folds) if config.evaluation else graph.data
    digest, held_out = data.digest(), None
    if config.hold_out_edges:  # from here on, nothing sees the links that are held out
        data, held_out = hold_out_edges(data, config.hold_out_edges, config.seed)
    recipe, network = make_recipe(config, data), None
    if recipe.encoder in TEMPLATES:
        network = read_network_inputs(config, recipe, data, graph.samples)
    elif graph.samples is not None:
        raise InputError(f"{data.name}: expected --encoder {' or '.join(TEMPLATES)}")
    return Read(graph, data, digest, held_out, recipe, network)


def team_of(
    config: PretrainConfig, digest: str, recipe: Recipe, data: GraphData, say: Callable[[str], None]
) -> Team | None:
    """The workers that train together; None: this process alone.

    Raises:
        InputError: if there are too few roots for them.
    """
    if (cluster := cluster_of(config)) is None:
        return None
    workers, roots = len(cluster.addresses), min(recipe.batch_size, data.num_nodes)
    if roots < _LEAST_ROOTS * workers:
        raise InputError(
            f"{workers} workers need batches of at least {_LEAST_ROOTS * workers} roots, got"
            f" {roots}; take fewer workers, or a larger --batch-size"
        )
    return Team(cluster, digest_of(cluster, digest, recipe), config.worker_timeout, say)


def _output_error(cause: OSError, config: PretrainConfig, phase: str) -> OutputError:
    folder = OutputFolder(Path(config.output))
    replaces = replacement_of(folder).config.exists()
    begun = replaces or folder.training_state.exists()
    safe = "the same command with --resume continues" if begun else "nothing was begun"
    if replaces:
        safe += "; the earlier run is as it was"
    place = cause.filename or folder.root
    return OutputError(f"{place}: {cause.strerror or cause} ({phase}); {safe}")


def describe(data: GraphData) -> str:
    """Sizes of a graph, in words."""
    kind = "labels (multi-label)" if data.is_multilabel else "classes"
    classes = f", {data.num_classes} {kind}" if data.num_classes else ", no labels"
    return (
        f"{data.num_nodes:,} nodes, {data.num_edges:,} directed edges,"
        f" {data.num_features:,} features{classes}"
    )
