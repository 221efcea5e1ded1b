"""What the encoders of a run are worth, beside embeddings that cost no training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np

from .aside import Aside
from .config.options import PretrainConfig
from .evaluation.baselines import UNTRAINED, baseline_embeddings
from .evaluation.evaluate import Result, evaluate
from .graph.data import GraphData
from .graph.held_out import HeldOutEdges
from .training.recipe import Recipe

Say: TypeAlias = Callable[[str], None]

TRAINED = "trained encoder"

_MOST_FOR_RANDOM = 1000  # training nodes
_CLUSTERINGS, _STARTS = 3, 3  # of k-means; the command `evaluate` takes ten seeds, ten starts each
_FEW = 100_000  # entries of the features
_MANY_BYTES = 80_000_000  # that they take, as they are stored
_NO_EDGES = np.zeros((2, 0), np.int64)


class Comparison:
    """Measures trained and untrained encoder, raw features and PCA; nothing without labels, links.

    As a context manager it begins with the baselines at once, in a second process: until the first
    step of a training one core is idle, and Cora's raw features take as long. Not those of a tiny
    graph, whose process would take longer to start, nor of a large one, for its memory.

    Args:
        config: as given.
        recipe: what it means for the graph.
        data: the graph.
        held_out: links to predict.
    """

    def __init__(
        self,
        config: PretrainConfig,
        recipe: Recipe,
        data: GraphData,
        held_out: HeldOutEdges | None = None,
    ) -> None:
        self._data = data
        self._wanted = config.evaluation and bool(data.num_classes or held_out)
        self._options: dict[str, Any] = {
            "folds": config.folds,
            "split": _split(data),
            "center": True,
            "clusterings": _CLUSTERINGS,
            "starts": _STARTS,
            "held_out": [held_out] if held_out else [],
        }
        nodes = dataclasses.replace(data, edge_index=_NO_EDGES, edge_weight=None, relations=())
        self._of_baselines = (nodes, recipe.units[-1], recipe.seed, self._options)
        self._aside: Aside[dict[str, Result]] | None = None

    def __enter__(self) -> Comparison:
        features: Any = self._data.features
        few = np.prod(features.shape) <= _FEW
        many = (features.data if self._data.is_sparse else features).nbytes > _MANY_BYTES
        if self._wanted and not (self._data.is_mapped or few or many):
            self._aside = Aside(_baselines, *self._of_baselines).__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._aside is not None:
            self._aside.__exit__(kind, error, traceback)

    def results(self, trained: np.ndarray, untrained: np.ndarray, say: Say) -> dict[str, Result]:
        """What was measured of each, by name.

        Args:
            trained: embeddings of the trained encoder, finite float32 [N, D].
            untrained: those of the untrained one.
            say: is told what comes next.
        """
        if not self._wanted:
            return {}
        encoders = {TRAINED: trained, UNTRAINED: untrained}
        found = evaluate(encoders, self._data, **self._options, say=say)
        if self._aside is None:
            baselines = _baselines(*self._of_baselines, say)
        else:
            say("raw features and PCA: measured meanwhile")
            baselines = self._aside.result()
        return {TRAINED: found[TRAINED], **baselines, UNTRAINED: found[UNTRAINED]}


def _baselines(
    data: GraphData, width: int, seed: int, options: dict[str, Any], say: Say = lambda message: None
) -> dict[str, Result]:
    return evaluate(baseline_embeddings(data, width, seed), data, **options, say=say)


def _split(data: GraphData) -> str | None:
    """Random splits beside a public one, as long as they take seconds: `evaluate` has them all."""
    if data.train_mask is None:
        return "folds"
    return None if np.count_nonzero(data.train_mask) <= _MOST_FOR_RANDOM else "public"
