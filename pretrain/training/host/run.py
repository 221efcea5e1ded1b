"""Training and embedding of a full graph at once, without TensorFlow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....kernels.linalg import cross_correlation
from ...config.defaults import ADAM, CLOSED_FORM, LINEAR
from ...graph.data import GraphData
from ...output.folder import OutputFolder
from ..closed_form import closed_form_weights
from ..export import export_weights
from ..initial import initial_weights
from ..recipe import STEPS_PER_CHECKPOINT, Recipe
from ..trained import Trained
from .fit import fit
from .gcn import GcnNetwork
from .inputs import Inputs
from .linear import LinearNetwork


class HostRun:
    """Every step takes the full graph.

    What it computes is what `steps.full_graph.FullGraphRun` computes in TensorFlow, whose import
    and tracing take longer than a training on a small graph.

    Args:
        data: the graph.
        recipe: without fan-out and without projector.
        show: whether to draw progress bars.

    Attributes:
        initial_weights: of the untrained encoder, in the order of `encoder.weights`.
    """

    def __init__(self, data: GraphData, recipe: Recipe, *, show: bool = False):
        self._data, self._recipe, self._show = data, recipe, show
        self._inputs = Inputs(data)
        self.initial_weights = initial_weights(data, recipe)

    def train(
        self,
        folder: OutputFolder,
        *,
        steps_per_checkpoint: int = STEPS_PER_CHECKPOINT,
        callbacks: Sequence[Any] = (),
    ) -> Trained:
        """Trains from scratch, or on from the checkpoint in the folder; see `fit`."""
        if self._recipe.training != ADAM:
            return self._without_steps()
        start = time.perf_counter()
        network = self._network(self.initial_weights)
        history, first_step = fit(
            network,
            self._inputs,
            self._recipe,
            folder,
            steps_per_checkpoint=steps_per_checkpoint,
            show=self._show,
            callbacks=callbacks,
        )
        return Trained(network.weights(), history, time.perf_counter() - start, first_step)

    def _without_steps(self) -> Trained:
        start, weights = time.perf_counter(), self.initial_weights
        losses: list[float] = []
        if self._recipe.training == CLOSED_FORM:
            weights, before_and_after = closed_form_weights(self._data, self._recipe, weights)
            losses = list(before_and_after)
        return Trained(weights, {"loss": losses}, time.perf_counter() - start, 0)

    def embed(self, weights: list[np.ndarray]) -> np.ndarray:
        """Representations of the graph as it is, float32 [N, D]."""
        (state,), _ = self._network(weights).forward([self._inputs.all], [None])
        return state

    def correlation(self, weights: list[np.ndarray]) -> np.ndarray:
        """Cross-correlation of the two views of step 0, float32 [D, D]; of the representations."""
        views = self._inputs.views(self._recipe, 0)
        states, _ = self._network(weights).forward(views, [None, None])
        return cross_correlation(*states).astype(np.float32)

    def export(self, weights: list[np.ndarray], folder: OutputFolder) -> None:
        """Writes the SavedModel and the weights beside it; imports TensorFlow."""
        export_weights(self._data, self._recipe, weights, folder)

    def _network(self, weights: list[np.ndarray]) -> Any:
        kind = LinearNetwork if self._recipe.encoder == LINEAR else GcnNetwork
        return kind(self._inputs, weights)
