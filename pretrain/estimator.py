"""The main job from Python, as scikit-learn's users know it."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .comparison import Comparison
from .config.defaults import TEMPLATES
from .config.options import PretrainConfig
from .encoder.weights import ENCODER_WEIGHTS, AnyWeights
from .errors import InputError
from .graph.objects.columns import Columns
from .graph.objects.graph import graph_of
from .job import describe
from .output.folder import OutputFolder
from .output.model import check_schema, embed_checked
from .output.paths import check_output_file
from .phases import Fitted, Stopwatch, fit, probed
from .quiet import check_keras, errors_only
from .report.channels import channel_lines
from .saved import read_fitted, save_fitted
from .training.gradients import forgotten_gradients
from .training.recipe import make_recipe

_NAME = "fit"  # of the graph, in messages and in files


# A dataclass, so that the signature, which scikit-learn reads, says everything once.
@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GraphBarlowTwins(BaseEstimator):
    """Self-supervised embeddings of a graph's nodes.

        model = GraphBarlowTwins(seed=0).fit(X, adjacency)
        model.embedding_  # float32 [N, D]

    Everything left None is chosen by the graph, as docs/theory/recipe.md says; the parameters are
    the options of the command ``graph-barlow-twins pretrain``, and the embeddings are the same bit
    for bit. Where fitting imports TensorFlow, for a projector or for `fan_out`, its operations are
    deterministic for the rest of the process.

    Args:
        seed: the same seed makes two fits on one machine equal.
        training: "adam", "closed-form" or "none".
        steps: of Adam, each over the full graph.
        fan_out: train on sampled subgraphs: neighbours to draw per hop, or "all" of them.
        batch_size: most root nodes per step of sampling.
        epochs: passes over the nodes when sampling.
        learning_rate: of AdamW.
        warmup_steps: in which the learning rate rises from 0.
        schedule: "constant" or "cosine".
        early_stopping: "none", "loss" or "rankme".
        patience: steps over which early stopping takes its mean.
        weight_decay: decoupled.
        encoder: "linear", "gcn", "channels" or "wide".
        units: widths of the encoder's layers; the last is D.
        hops: how far the linear encoder propagates.
        channels: such as ``["own=1", "hop=0.5"]``.
        drop_channels: share of its channels that a node loses in each of the two views.
        scale_features: divide dense columns by their spread where they differ much.
        drop_edges: share of edges dropped in each view.
        mask_features: share of feature columns masked in each view.
        drop_entries: share of feature entries dropped in each view.
        lambda_: weight of the redundancy term.
        projector_units: widths of the projector's layers.
        split_number: which of several splits, where masks are [N, S].
        verbose: whether to show progress, and what was chosen.

    Attributes:
        embedding_: float32 [N, D], row i of row i of X.
        node_ids_: [N], the index of a DataFrame, the nodes of a NetworkX graph, or 0 .. N - 1.
        history_: by measure, one value per step.
        recipe_: all that was left open, decided; None of a run of version 0.1.0 that was loaded.
        n_features_in_: F, of which a category or a text of a DataFrame has several.
        feature_names_in_: the columns of a DataFrame that were taken; only then.
        columns_: how a DataFrame was read, see `Columns`; None of arrays.
    """

    seed: int = 0
    training: str | None = None
    steps: int | None = None
    fan_out: Sequence[int | str] = ()
    batch_size: int | None = None
    epochs: int | None = None
    learning_rate: float = 1e-3
    warmup_steps: int = 0
    schedule: str = "constant"
    early_stopping: str = "none"
    patience: int = 20
    weight_decay: float = 0.0
    encoder: str | None = None
    units: Sequence[int] | None = None
    hops: int | None = None
    channels: Sequence[str] = ()
    drop_channels: Sequence[float] | None = None
    scale_features: bool = True
    drop_edges: Sequence[float] | None = None
    mask_features: Sequence[float] | None = None
    drop_entries: Sequence[float] | None = None
    lambda_: float | None = None
    projector_units: Sequence[int] = ()
    split_number: int = 0
    verbose: bool = True

    def fit(self, X: Any = None, adjacency: Any = None, labels: Any = None) -> GraphBarlowTwins:
        """Trains an encoder on a graph, and embeds it.

        Args:
            X: features of the nodes [N, F]: NumPy, SciPy or a DataFrame (numbers, categories and
                texts; its index are the nodes' ids); names of a NetworkX graph's attributes; or
                None, for the features that `adjacency` brings, or none.
            adjacency: links: a SciPy matrix [N, N], integers [2, E], a NetworkX graph, a DataFrame
                with a row per link (source, target, and optionally weight, type), an object with
                ``x`` and ``edge_index`` such as PyTorch Geometric's; or a dict of name to any of
                these, for several relations. Weights are taken; every link counts both ways.
            labels: for the report alone, training never sees them: [N], a Series by id, or the name
                of a column of X or of an attribute, which is then no feature.

        Returns:
            This object.

        Raises:
            InputError: a ValueError: what cannot be used, in one line.
            TrainingDivergedError: if the loss becomes NaN or infinite.
        """
        watch = Stopwatch()
        config = self._config()
        if config.encoder in TEMPLATES:
            raise InputError(
                f"encoder {config.encoder} is one of the command line, which keeps the subgraphs"
                " that it needs; expected linear, gcn, channels or wide"
            )
        check_keras()
        graph = graph_of(X, adjacency, labels=labels, name=_NAME, split=config.split_number)
        graph = dataclasses.replace(graph, data=probed(graph.data))
        recipe = make_recipe(config, graph.data)
        self._say(f"{_NAME}: {describe(graph.data)}")
        for line in (*graph.lines(), *channel_lines(recipe.to_dict())):
            self._say(line)
        with (
            forgotten_gradients(),
            errors_only("tensorflow"),
            tempfile.TemporaryDirectory() as folder,
        ):
            fitted = fit(config, recipe, graph.data, OutputFolder(Path(folder)), watch)
        weights = fitted.weights
        if isinstance(weights, list):
            weights = ENCODER_WEIGHTS[recipe.encoder].from_list(weights)
        self._fitted: Fitted | None = fitted
        metrics = fitted.metrics({}, watch.seconds())
        self._remember(weights, graph.columns, fitted.embeddings, graph.data.node_ids, metrics)
        return self

    def fit_transform(self, X: Any = None, adjacency: Any = None, labels: Any = None) -> np.ndarray:
        """`fit`, and the embeddings of the same graph, float32 [N, D]."""
        return self.fit(X, adjacency, labels).embedding_

    def transform(self, X: Any = None, adjacency: Any = None) -> np.ndarray:
        """Embeds a graph, the same or another one with the same features, float32 [N, D].

        Args:
            X: as of `fit`. The columns of a DataFrame are read as they were at first.
            adjacency: as of `fit`.

        Raises:
            InputError: another number of features, columns or relations that are missing.
        """
        check_is_fitted(self)
        data = graph_of(X, adjacency, columns=self.columns_, name="transform").data
        check_schema(self._weights.num_features, self._weights, data, "the model")
        return embed_checked(self._weights, data, "the model", quiet=not self.verbose)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the dimensions, as in tables of embeddings; the argument is not looked at."""
        check_is_fitted(self)
        names = [f"dim_{number}" for number in range(self.embedding_.shape[1])]
        return np.array(names, dtype=object)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Writes what the command line writes: configuration, embeddings, SavedModel, metrics.

        ``graph-barlow-twins embed`` and ``evaluate`` read it, and `load`.

        Args:
            path: a folder. Files of others in it stay.
            overwrite: whether to replace a run in it.

        Raises:
            InputError: if there is something else in the folder.
        """
        fitted, root = self._with_graph("save"), Path(path).expanduser()
        return save_fitted(fitted, self.columns_, self._metrics, root, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path) -> GraphBarlowTwins:
        """Reads what `save` or ``graph-barlow-twins pretrain`` has written, for `transform`.

        Nothing in it is executed.

        Raises:
            InputError: if it is no run, or a damaged one.
        """
        found = read_fitted(Path(path).expanduser())
        names = {field.name for field in dataclasses.fields(cls)}
        given = {key: value for key, value in vars(found.config).items() if key in names}
        model = cls(**given, verbose=not found.config.quiet)
        model._remember(
            found.weights, found.columns, found.embeddings, found.node_ids, found.metrics
        )
        model._fitted = None
        return model

    def report(self, path: str | Path = "report.html") -> Path | None:
        """Writes the report to look at, one HTML file; evaluated if there are labels.

        Returns:
            The path; None if it could not be drawn, and a warning has said why.

        Raises:
            InputError: of a model that was loaded, or a path that cannot be written.
        """
        fitted, path = self._with_graph("report"), Path(path).expanduser()
        check_output_file(path, "the report", (), named="")
        comparison = Comparison(fitted.config, fitted.recipe, fitted.data)
        results = fitted.evaluate(comparison, self._say)
        self._metrics.update(fitted.metrics(results, self._metrics["seconds"]))
        with errors_only("tensorflow"):
            pictures = fitted.draw()
        if pictures is None or not fitted.report(path, self._metrics, pictures):
            return None
        return path

    def __getstate__(self) -> dict[str, Any]:
        """Without graph and TensorFlow's objects: a copy transforms, as a loaded model does."""
        return super().__getstate__() | {"_fitted": None}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "embedding_")

    def _config(self) -> PretrainConfig:
        given = {key: _plain(value) for key, value in self.get_params().items() if key != "verbose"}
        return PretrainConfig(output=os.devnull, dataset=_NAME, quiet=not self.verbose, **given)

    def _say(self, message: str) -> None:
        if self.verbose:
            print(message, file=sys.stderr, flush=True)

    def _with_graph(self, what: str) -> Fitted:
        check_is_fitted(self)
        if self._fitted is None:
            raise InputError(f"{what}: a model that was loaded or copied has no graph; fit again")
        return self._fitted

    def _remember(
        self,
        weights: AnyWeights,
        columns: Columns | None,
        embeddings: np.ndarray,
        node_ids: np.ndarray | None,
        metrics: dict[str, Any],
    ) -> None:
        self._weights, self.columns_, self._metrics = weights, columns, metrics
        self.embedding_, self.node_ids_ = embeddings, node_ids
        self.history_, self.n_features_in_ = metrics["curves"], metrics["features"]
        self.recipe_ = metrics.get("recipe")
        self.__dict__.pop("feature_names_in_", None)
        if columns is not None:
            names = [one.name for one in columns.columns]
            self.feature_names_in_ = np.array(names, dtype=object)


def _plain(value: Any) -> Any:
    """Lists of a notebook, to the tuples of a configuration; NumPy's numbers to Python's."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple, np.ndarray)):
        return tuple(_plain(one) for one in value)
    return value
