"""From a graph in memory to a trained encoder and what it is worth: the main job without its files.

The command (`job`) and Python's interface (`estimator`) go the same way, so their embeddings are
equal bit for bit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from ..kernels.linalg import rankme
from .comparison import Comparison, Say
from .config.defaults import ADAM, TEMPLATES
from .config.options import PretrainConfig
from .config.places import without_folders
from .errors import InputError, TrainingDivergedError
from .evaluation.evaluate import Result
from .evaluation.splits import plan_probe
from .graph.checks import MASKS
from .graph.data import GraphData
from .output.embeddings.read import LARGEST_VALUE
from .output.folder import OutputFolder
from .output.paths import without_patterns
from .quiet import quiet_tensorflow
from .training.export import exporting
from .training.needs import load_tensorflow, needs_tensorflow
from .training.recipe import Recipe
from .training.run import make_run
from .training.trained import Trained
from .training.workers.team import Team, strategy_of

_CHOSEN = ("channels", "measured", "scale_features")


class Stopwatch:
    """Seconds of one phase after the other.

    Attributes:
        phase: the present one.
    """

    def __init__(self, phase: str = "loading") -> None:
        self.phase = phase
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def begin(self, phase: str) -> None:
        """Ends the present phase; one that comes back goes on."""
        now = time.perf_counter()
        self._laps[self.phase] = self._laps.get(self.phase, 0.0) + now - self._last
        self._last = now
        self.phase = phase

    def seconds(self) -> dict[str, float]:
        """By phase, and "total" since the start; ends the last one."""
        self.begin(self.phase)
        return self._laps | {"total": time.perf_counter() - self._start}


def probed(data: GraphData, folds: int | None = None) -> GraphData:
    """The graph with those labels that a probe can tell apart: labels never stop a training.

    Warns of a class of one node, which is left out, and of labels that leave nothing to probe.

    Args:
        data: the graph.
        folds: see `plan_probe`.
    """
    labels = data.labels
    if labels is not None and labels.ndim == 1 and not data.has_masks:
        counts = np.bincount(labels[labels >= 0], minlength=data.num_classes)
        lonely = np.flatnonzero(counts == 1)
        if len(lonely):
            names = ", ".join(data.class_names[one] for one in lonely[:3])
            warnings.warn(
                f"{data.name}: {len(lonely)} classes have one node, such as {names}, and are left"
                " out of the evaluation",
                stacklevel=2,
            )
            kept = np.flatnonzero(counts != 1)
            renumbered = np.full(data.num_classes + 1, -1)
            renumbered[kept] = np.arange(len(kept))
            names_kept = tuple(data.class_names[one] for one in kept)
            data = dataclasses.replace(data, labels=renumbered[labels], class_names=names_kept)
    try:
        plan_probe(data, folds=folds)
    except InputError as error:
        warnings.warn(f"{error}; there is no evaluation by labels", stacklevel=2)
        without: dict[str, Any] = dict.fromkeys(("labels", *MASKS))
        data = dataclasses.replace(data, class_names=(), **without)
    return data


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """A trained encoder with its graph.

    Attributes:
        config: as given.
        recipe: what it means for the graph.
        data: the graph.
        run: of `training.run.make_run`.
        trained: what training gives.
        embeddings: finite float32 [N, D].
        untrained: those of the untrained encoder, [N, D].
    """

    config: PretrainConfig
    recipe: Recipe
    data: GraphData
    run: Any
    trained: Trained
    embeddings: np.ndarray
    untrained: np.ndarray

    def evaluate(self, comparison: Comparison, say: Say) -> dict[str, Result]:
        """What the encoders are worth beside the baselines; see `Comparison.results`."""
        return comparison.results(self.embeddings, self.untrained, say)

    def exporting(self, folder: OutputFolder) -> AbstractContextManager[Callable[[], object]]:
        """Exports the model while a block runs; see `training.export.exporting`."""
        return exporting(self.run, self.data, self.recipe, self.weights, folder)

    def draw(self) -> dict[str, Any] | None:
        """The pictures of a report; None if that failed, and a warning has said why."""
        from .report.run import report_pictures

        def correlations():
            return [self.run.correlation(w) for w in (self.run.initial_weights, self.weights)]

        return report_pictures(
            self.data,
            self.embeddings,
            self.untrained,
            seed=self.recipe.seed,
            correlations=correlations if self.run.correlation else None,
        )

    def report(self, path: Path, metrics: dict[str, Any], pictures: dict[str, Any]) -> bool:
        """Writes the report; whether there is one: a failure costs the report alone."""
        from .report.run import write_run_report

        options = self.config.portable() | self.recipe.to_dict()
        return write_run_report(path, metrics, pictures, data=self.data, configuration=options)

    @property
    def weights(self) -> Any:
        """Of the trained encoder, as its run takes them."""
        return self.trained.weights

    def metrics(self, results: dict[str, Result], seconds: dict[str, float]) -> dict[str, Any]:
        """The content of metrics.json.

        Args:
            results: of `evaluate`.
            seconds: of `Stopwatch`.
        """
        data, recipe, history = self.data, self.recipe, self.trained.history
        return {
            "dataset": without_folders(data.name),
            "nodes": data.num_nodes,
            "edges": data.num_edges,
            "features": data.num_features,
            "dimension": self.embeddings.shape[1],
            "encoder": recipe.encoder,
            "units": list(recipe.units),
            "hops": recipe.hops,
            "training": recipe.training,
            **{key: recipe.to_dict()[key] for key in _CHOSEN if getattr(recipe, key)},
            "steps": len(history["loss"]) if recipe.training == ADAM else 0,
            "lambda": recipe.lambda_,
            "drop_edges": list(recipe.drop_edges),
            "mask_features": list(recipe.mask_features),
            "drop_entries": list(recipe.drop_entries),
            "rankme": rankme(self.embeddings),
            "probe": {name: one.probes[0].to_dict() for name, one in results.items() if one.probes},
            "evaluation": {name: one.to_dict() for name, one in results.items()},
            "recipe": recipe.to_dict(),
            "curves": history,
            "seconds": seconds,
            "peak_memory_mb": peak_memory_mb(),
            "resumed_at_step": self.trained.first_step,
        }


def fit(
    config: PretrainConfig,
    recipe: Recipe,
    data: GraphData,
    folder: OutputFolder,
    watch: Stopwatch,
    team: Team | None = None,
    network: Any = None,
) -> Fitted:
    """Trains, and embeds the graph; imports TensorFlow where the training needs it.

    Of several workers the chief calls it, and the others `take_part`.

    Args:
        config: as given.
        recipe: what it means for the graph.
        data: the graph.
        folder: where checkpoint and TensorBoard log go.
        watch: begins "training" and "export".
        team: the workers that train together; None: this process alone.
        network: what an encoder of TF-GNN is trained on; default: the graph.

    Raises:
        TrainingDivergedError: if the loss becomes NaN or infinite, or the embeddings huge.
        WorkersMissingError: if a worker does not come, or is gone (WorkerLostError).
    """
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(without_patterns(folder.root))
        scope: Any = contextlib.nullcontext()
        if needs_tensorflow(recipe):
            load_tensorflow()
            strategy = stack.enter_context(strategy_of(team, recipe, OutputFolder(root)))
            scope = strategy.scope()
        if network is None and recipe.encoder in TEMPLATES:
            network = read_network_inputs(config, recipe, data)
        run = make_run(data, recipe, network=network, show=not config.quiet)
        untrained = run.embed(run.initial_weights)
        watch.begin("training")
        with scope:
            trained = run.train(OutputFolder(root))
    if team is not None:
        folder.trained.touch()  # whoever resumes from here on needs no other worker
    watch.begin("export")
    embeddings = run.embed(trained.weights)
    _check_size(embeddings)
    return Fitted(config, recipe, data, run, trained, embeddings, untrained)


def take_part(recipe: Recipe, data: GraphData, team: Team, network: Any = None) -> Trained:
    """Trains with the chief; what a checkpoint needs is in a folder that is gone afterwards.

    Args:
        recipe: that of the chief.
        data: its graph.
        team: the workers.
        network: what an encoder of TF-GNN is trained on.

    Raises:
        TrainingDivergedError, WorkersMissingError: as of `fit`.
    """
    load_tensorflow()
    with tempfile.TemporaryDirectory() as root:
        folder = OutputFolder(Path(root))
        with strategy_of(team, recipe, folder) as strategy:
            run = make_run(data, recipe, network=network)
            with strategy.scope():
                return run.train(folder)


def read_network_inputs(
    config: PretrainConfig, recipe: Recipe, data: GraphData, samples: Any = None
) -> Any:
    """What an encoder of TF-GNN is trained on; imports TensorFlow. See `network_inputs`."""
    with quiet_tensorflow():
        from .training.network.inputs import network_inputs

    return network_inputs(config, recipe, data, samples)


def peak_memory_mb() -> float | None:
    """Most memory that this process has held so far, the mapped files that it has read included.

    None where the operating system does not tell, as on Windows.
    """
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, else kilobytes


def _check_size(embeddings: np.ndarray) -> None:
    """A loss may stay finite however large the representations become: it does not see scale."""
    largest = float(abs(embeddings).max())
    if not largest <= LARGEST_VALUE:
        raise TrainingDivergedError(
            f"the embeddings became as large as {largest:g}; try a lower --learning-rate"
        )
