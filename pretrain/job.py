"""The main job, from a configuration to a folder with embeddings, model and report.

Checks come first and write nothing; TensorFlow is imported after them, so bad input is refused
within a second.
"""

from __future__ import annotations

import dataclasses
import resource
import sys
import time
from pathlib import Path

import numpy as np

from ..kernels.linalg import rankme
from .config.defaults import ADAM
from .config.options import PretrainConfig
from .config.places import without_folders
from .errors import OutputError, TrainingDivergedError
from .evaluation.baselines import UNTRAINED, baseline_embeddings
from .evaluation.evaluate import evaluate
from .evaluation.splits import plan_probe
from .graph.data import GraphData
from .graph.datasets import load_dataset
from .graph.held_out import hold_out_edges
from .output.disk import disk_error
from .output.embeddings import LARGEST_VALUE, save_embeddings
from .output.folder import OutputFolder, read_json
from .output.held_out import save_held_out_edges
from .output.overwrite import finish, replacement_of
from .output.paths import without_patterns
from .output.prepare import begin, prepared
from .output.replace import write_json
from .quiet import errors_only, quiet_tensorflow
from .report.channels import channel_lines
from .training.gradients import forgotten_gradients
from .training.recipe import Recipe, make_recipe

TRAINED = "trained encoder"

_CHOSEN = ("channels", "measured", "scale_features")
_MOST_FOR_RANDOM = 1000  # training nodes
_CLUSTERINGS, _STARTS = 3, 3  # of k-means; the command `evaluate` takes ten seeds, ten starts each


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
        config: see `PretrainConfig`.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        TrainingDivergedError: if the loss becomes NaN or infinite, or the embeddings huge.
        OutputError: if the output cannot be written.
    """
    watch = _Stopwatch()
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
def _run(config: PretrainConfig, folder: OutputFolder, watch: _Stopwatch) -> dict:
    """Everything but the checks of the folder before it, and its tidying after it."""

    def say(message: str) -> None:
        if not config.quiet:
            print(message, file=sys.stderr, flush=True)

    data = load_dataset(config.dataset, config.data_dir, knn=config.knn)
    plan_probe(data, folds=config.folds)
    digest, held_out = data.digest(), None
    if config.hold_out_edges:  # from here on, nothing sees the links that are held out
        data, held_out = hold_out_edges(data, config.hold_out_edges, config.seed)
    recipe = make_recipe(config, data)
    begin(folder, config, digest, recipe)
    if held_out is not None:
        save_held_out_edges(held_out, folder.held_out_edges)

    say(f"{data.name}: {_describe(data)}")
    for line in channel_lines(recipe.to_dict()):
        say(line)
    say("loading TensorFlow")
    with quiet_tensorflow():
        import tensorflow as tf

        from .report.run import report_pictures, write_run_report
        from .training.run import make_run

    # Also makes tf.data keep the order of steps, which the runner's pipeline does not promise.
    tf.config.experimental.enable_op_determinism()
    run = make_run(data, recipe, show=not config.quiet)
    untrained = run.embed(run.initial_weights)
    watch.begin("training")
    with without_patterns(folder.root) as root:
        trained = run.train(OutputFolder(root))
    watch.begin("export")
    embeddings = run.embed(trained.weights)
    _check_size(embeddings)
    save_embeddings(embeddings, data, folder.embeddings)
    say("exporting the model")
    with without_patterns(folder.root) as root:
        run.export(trained.weights, OutputFolder(root))

    watch.begin("evaluation")
    results = {}
    if data.num_classes or held_out:
        baselines = baseline_embeddings(data, embeddings.shape[1], recipe.seed)
        results = evaluate(
            {TRAINED: embeddings, **baselines, UNTRAINED: untrained},
            data,
            folds=config.folds,
            split=_split(data),
            center=True,
            clusterings=_CLUSTERINGS,
            starts=_STARTS,
            held_out=[held_out] if held_out else [],
            say=say,
        )

    def correlations():
        return [run.correlation(one) for one in (run.initial_weights, trained.weights)]

    watch.begin("report")
    say("drawing the report")
    pictures = report_pictures(
        data,
        embeddings,
        untrained,
        seed=recipe.seed,
        correlations=correlations if run.correlation else None,
    )
    metrics = _metrics(data, recipe, embeddings, trained, results, watch.seconds())
    if pictures is not None:
        options = config.portable() | recipe.to_dict()
        write_run_report(folder.report, metrics, pictures, data=data, configuration=options)
    write_json(folder.metrics, metrics)  # last: whoever is killed before it can still resume
    return metrics


def _split(data: GraphData) -> str | None:
    """Random splits beside a public one, as long as they take seconds: `evaluate` has them all."""
    if data.train_mask is None:
        return "folds"
    return None if np.count_nonzero(data.train_mask) <= _MOST_FOR_RANDOM else "public"


def _check_size(embeddings) -> None:
    """A loss may stay finite however large the representations become: it does not see scale."""
    largest = float(abs(embeddings).max())
    if not largest <= LARGEST_VALUE:
        raise TrainingDivergedError(
            f"the embeddings became as large as {largest:g}; try a lower --learning-rate"
        )


def _output_error(cause: OSError, config: PretrainConfig, phase: str) -> OutputError:
    folder = OutputFolder(Path(config.output))
    replaces = replacement_of(folder).config.exists()
    begun = replaces or folder.training_state.exists()
    safe = "the same command with --resume continues" if begun else "nothing was begun"
    if replaces:
        safe += "; the earlier run is as it was"
    place = cause.filename or folder.root
    return OutputError(f"{place}: {cause.strerror or cause} ({phase}); {safe}")


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
        "training": recipe.training,
        **{key: recipe.to_dict()[key] for key in _CHOSEN if getattr(recipe, key)},
        "steps": len(trained.history["loss"]) if recipe.training == ADAM else 0,
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
    """Seconds of one phase after the other.

    Attributes:
        phase: the present one.
    """

    def __init__(self, phase: str = "loading") -> None:
        self.phase = phase
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def begin(self, phase: str) -> None:
        """Ends the present phase."""
        now = time.perf_counter()
        self._laps[self.phase], self._last = now - self._last, now
        self.phase = phase

    def seconds(self) -> dict[str, float]:
        """By phase, and "total" since the start; ends the last one."""
        self.begin(self.phase)
        return self._laps | {"total": time.perf_counter() - self._start}


def peak_memory_mb() -> float:
    """Most memory that this process has held so far, the mapped files that it has read included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, else kilobytes


def _describe(data: GraphData) -> str:
    kind = "labels (multi-label)" if data.is_multilabel else "classes"
    classes = f", {data.num_classes} {kind}" if data.num_classes else ", no labels"
    return (
        f"{data.num_nodes:,} nodes, {data.num_edges:,} directed edges,"
        f" {data.num_features:,} features{classes}"
    )
