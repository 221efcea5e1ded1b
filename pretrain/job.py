"""The main job, from a configuration to a folder with embeddings, model and report.

Checks come first and write nothing; TensorFlow is imported after them, so bad input is refused
within a second.
"""

from __future__ import annotations

import dataclasses
import resource
import shutil
import sys
import time

import numpy as np

from ..kernels.linalg import singular_values
from .config.options import PretrainConfig
from .errors import InputError
from .evaluation.baselines import UNTRAINED, baseline_embeddings
from .evaluation.evaluate import Result, evaluate
from .evaluation.splits import plan_probe
from .graph.data import GraphData
from .graph.datasets import load_dataset
from .graph.held_out import hold_out_edges
from .output.folder import OutputFolder, check_same_training, prepare, training_state, write_json
from .output.held_out import save_held_out_edges
from .quiet import quiet_tensorflow
from .training.recipe import Recipe, make_recipe

TRAINED = "trained encoder"

_CLUSTERINGS, _STARTS = 3, 3  # of k-means; the command `evaluate` takes ten seeds, ten starts each
_MOST_ROWS_AT_ONCE = 100_000


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


def run_job(config: PretrainConfig) -> JobResult:
    """Pretrains an encoder and writes embeddings, model, configuration, metrics and report.

    Args:
        config: see `PretrainConfig`.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        TrainingDivergedError: if the loss becomes NaN or infinite.
    """
    start = time.perf_counter()
    folder = prepare(config)
    data = load_dataset(config.dataset, config.data_dir, knn=config.knn)
    plan_probe(data, folds=config.folds)
    if config.resume and folder.is_complete():
        raise InputError(f"--resume: the run in {folder.root} is complete")
    digest = data.digest()
    held_out = None
    if config.hold_out_edges:  # from here on, nothing sees the links that are held out
        data, held_out = hold_out_edges(data, config.hold_out_edges, config.seed)
    recipe = make_recipe(config, data)
    state = training_state(digest, recipe.to_dict())
    if config.resume:
        check_same_training(folder, state)
    folder.root.mkdir(parents=True, exist_ok=True)
    if config.overwrite:
        folder.remove_artefacts()
    write_json(folder.config, config.to_dict())
    folder.checkpoint.mkdir(exist_ok=True)
    write_json(folder.training_state, state)
    if held_out is not None:
        save_held_out_edges(held_out, folder.held_out_edges)

    _say(config, f"{data.name}: {_describe(data)}; loading TensorFlow")
    with quiet_tensorflow():
        import tensorflow as tf

        from .graph.tensor import plain_spec
        from .output.export import export_model, save_embeddings
        from .report.run import report_run
        from .training.build import make_encoder
        from .training.run import make_run

    tf.get_logger().setLevel("ERROR")  # its warnings here are about TF-GNN's and Keras' own insides
    # Also makes tf.data keep the order of steps, which the runner's pipeline does not promise.
    tf.config.experimental.enable_op_determinism()
    run = make_run(data, recipe, show=not config.quiet)
    untrained = run.embed(run.initial_weights)
    seconds = {"loading": time.perf_counter() - start}
    trained = run.train(folder)
    seconds["training"] = trained.seconds
    export_start = time.perf_counter()
    weights = trained.encoder.get_weights()
    embeddings = run.embed(weights)
    save_embeddings(embeddings, data, folder)
    _say(config, "exporting the model")
    plain = plain_spec(data.num_features)
    exported = make_encoder(plain, recipe)
    exported.set_weights(weights)
    export_model(exported, plain, folder)
    seconds["export"] = time.perf_counter() - export_start

    evaluation_start = time.perf_counter()
    results = {}
    if data.num_classes or held_out:
        baselines = baseline_embeddings(data, embeddings.shape[1], config.seed)
        results = evaluate(
            {TRAINED: embeddings, **baselines, UNTRAINED: untrained},
            data,
            folds=config.folds,
            seeds=_CLUSTERINGS,
            starts=_STARTS,
            held_out=[held_out] if held_out else [],
            say=lambda message: _say(config, message),
        )
    seconds["evaluation"] = time.perf_counter() - evaluation_start
    seconds["total"] = time.perf_counter() - start
    metrics = _metrics(data, recipe, embeddings, trained, results, seconds)
    write_json(folder.metrics, metrics)
    shutil.rmtree(folder.checkpoint, ignore_errors=True)

    def correlations():
        return [run.correlation(one) for one in (run.initial_weights, weights)]

    _say(config, "drawing the report")
    if report_run(
        folder.report,
        metrics,
        data=data,
        configuration=config.to_dict() | recipe.to_dict(),
        embeddings=embeddings,
        untrained=untrained,
        correlations=correlations if run.correlation else None,
    ):
        write_json(folder.metrics, metrics)  # with the report's seconds
    return JobResult(folder, data, metrics, results)


def _metrics(data, recipe: Recipe, embeddings, trained, results, seconds) -> dict:
    from ..reference.metrics import rankme

    rows = embeddings
    if len(rows) > _MOST_ROWS_AT_ONCE:  # RankMe asks for nothing but the singular values
        rows = np.diag(singular_values(embeddings))
    return {
        "dataset": data.name,
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
        "rankme": rankme(rows),
        "probe": {name: one.probes[0].to_dict() for name, one in results.items() if one.probes},
        "evaluation": {name: one.to_dict() for name, one in results.items()},
        "curves": trained.history,
        "seconds": seconds,
        "peak_memory_mb": peak_memory_mb(),
        "resumed_at_step": trained.first_step,
    }


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


def _say(config: PretrainConfig, message: str) -> None:
    if not config.quiet:
        print(message, file=sys.stderr, flush=True)
