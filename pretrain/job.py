"""The main job, from a configuration to a folder with embeddings, model and report.

Checks come first and write nothing; TensorFlow is imported after them, so bad input is refused
within a second.
"""

from __future__ import annotations

import dataclasses
import resource
import sys
import time

from ..kernels.linalg import rankme
from .config.options import PretrainConfig
from .config.places import without_folders
from .evaluation.baselines import UNTRAINED, baseline_embeddings
from .evaluation.evaluate import Result, evaluate
from .evaluation.splits import plan_probe
from .graph.data import GraphData
from .graph.datasets import load_dataset
from .graph.held_out import hold_out_edges
from .output.embeddings import save_embeddings
from .output.folder import OutputFolder
from .output.held_out import save_held_out_edges
from .output.prepare import begin, prepare
from .output.replace import remove, write_json
from .quiet import quiet_tensorflow
from .training.gradients import forgotten_gradients
from .training.recipe import Recipe, make_recipe

TRAINED = "trained encoder"

_CLUSTERINGS, _STARTS = 3, 3  # of k-means; the command `evaluate` takes ten seeds, ten starts each


@dataclasses.dataclass(frozen=True)
class JobResult:
    """What a run found.

    Attributes:
        folder: where everything was written.
        data: the graph.
        metrics: the content of metrics.json.
        results: of the trained encoder and the baselines; empty without labels and held-out links.
    """

    folder: OutputFolder
    data: GraphData
    metrics: dict
    results: dict[str, Result]


@forgotten_gradients()
def run_job(config: PretrainConfig) -> JobResult:
    """Pretrains an encoder and writes embeddings, model, configuration, metrics and report.

    Args:
        config: see `PretrainConfig`.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        TrainingDivergedError: if the loss becomes NaN or infinite.
    """

    def say(message: str) -> None:
        if not config.quiet:
            print(message, file=sys.stderr, flush=True)

    watch = _Stopwatch()
    folder = prepare(config)
    data = load_dataset(config.dataset, config.data_dir, knn=config.knn)
    plan_probe(data, folds=config.folds)
    digest, held_out = data.digest(), None
    if config.hold_out_edges:  # from here on, nothing sees the links that are held out
        data, held_out = hold_out_edges(data, config.hold_out_edges, config.seed)
    recipe = make_recipe(config, data)
    begin(folder, config, digest, recipe)
    if held_out is not None:
        save_held_out_edges(held_out, folder.held_out_edges)

    say(f"{data.name}: {_describe(data)}; loading TensorFlow")
    with quiet_tensorflow():
        import tensorflow as tf

        from .graph.tensor import plain_spec
        from .output.export import export_model
        from .report.run import report_pictures, write_run_report
        from .training.build import make_encoder
        from .training.run import make_run

    tf.get_logger().setLevel("ERROR")  # its warnings here are about TF-GNN's and Keras' own insides
    # Also makes tf.data keep the order of steps, which the runner's pipeline does not promise.
    tf.config.experimental.enable_op_determinism()
    run = make_run(data, recipe, show=not config.quiet)
    untrained = run.embed(run.initial_weights)
    watch.lap("loading")
    trained = run.train(folder)
    watch.lap("training")

    weights = trained.encoder.get_weights()
    embeddings = run.embed(weights)
    save_embeddings(embeddings, data, folder.embeddings)
    say("exporting the model")
    spec = plain_spec(data.num_features)
    exported = make_encoder(spec, recipe)
    exported.set_weights(weights)
    export_model(exported, recipe.encoder, spec, folder)
    watch.lap("export")

    results = {}
    if data.num_classes or held_out:
        baselines = baseline_embeddings(data, embeddings.shape[1], recipe.seed)
        results = evaluate(
            {TRAINED: embeddings, **baselines, UNTRAINED: untrained},
            data,
            folds=config.folds,
            seeds=_CLUSTERINGS,
            starts=_STARTS,
            held_out=[held_out] if held_out else [],
            say=say,
        )
    watch.lap("evaluation")

    def correlations():
        return [run.correlation(one) for one in (run.initial_weights, weights)]

    say("drawing the report")
    pictures = report_pictures(
        data,
        embeddings,
        untrained,
        seed=recipe.seed,
        correlations=correlations if run.correlation else None,
    )
    watch.lap("report")
    metrics = _metrics(data, recipe, embeddings, trained, results, watch.seconds())
    if pictures is not None:
        options = config.portable() | recipe.to_dict()
        write_run_report(folder.report, metrics, pictures, data=data, configuration=options)
    # Last: whoever is killed before it can still resume.
    write_json(folder.metrics, metrics)
    remove(folder.checkpoint)
    return JobResult(folder, data, metrics, results)


def _metrics(data, recipe: Recipe, embeddings, trained, results, seconds) -> dict:
    return {
        "dataset": without_folders(data.name),
        "nodes": data.num_nodes,
        "edges": data.num_edges,
        "features": data.num_features,
        "dimension": embeddings.shape[1],
        "encoder": recipe.encoder,
        "units": list(recipe.units),
        "hops": recipe.hops,
        "steps": len(trained.history["loss"]),
        "lambda": recipe.lambda_,
        "drop_edges": list(recipe.drop_edges),
        "mask_features": list(recipe.mask_features),
        "drop_entries": list(recipe.drop_entries),
        "rankme": rankme(embeddings),
        "probe": {name: one.probes[0].to_dict() for name, one in results.items() if one.probes},
        "evaluation": {name: one.to_dict() for name, one in results.items()},
        "curves": trained.history,
        "seconds": seconds,
        "peak_memory_mb": peak_memory_mb(),
        "resumed_at_step": trained.first_step,
    }


class _Stopwatch:
    """Seconds of one phase after the other."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, phase: str) -> None:
        """Ends a phase."""
        now = time.perf_counter()
        self._laps[phase], self._last = now - self._last, now

    def seconds(self) -> dict[str, float]:
        """By phase, and "total" since the start."""
        return self._laps | {"total": time.perf_counter() - self._start}


def peak_memory_mb() -> float:
    """Most memory that this process has held so far, the mapped files that it has read included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, else kilobytes


def _describe(data: GraphData) -> str:
    classes = f", {data.num_classes} classes" if data.num_classes else ", no labels"
    return (
        f"{data.num_nodes:,} nodes, {data.num_edges:,} directed edges,"
        f" {data.num_features:,} features{classes}"
    )
