"""Training and embedding of a full graph at once, by Keras: see `needs.needs_tensorflow`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ...encoder.apply import embed
from ...graph.data import GraphData
from ...graph.tensor import graph_tensor_from_data, relaxed_spec, with_step
from ...output.folder import OutputFolder
from ..initial import initial_weights
from ..recipe import STEPS_PER_CHECKPOINT, Recipe
from ..trained import Trained
from ..workers.part import Part
from .build import make_encoder, make_task
from .correlation import view_correlation
from .export import export_keras
from .fit import Callbacks, fit


class FullGraphRun:
    """Every step takes the full graph.

    Args:
        data: the graph.
        recipe: without fan-out, by Adam.
        show: whether to draw progress bars.

    Attributes:
        initial_weights: of the untrained encoder, in the order of its ``get_weights()``.
    """

    def __init__(self, data: GraphData, recipe: Recipe, *, show: bool = False):
        self._data, self._recipe, self._show = data, recipe, show
        self._graph = graph_tensor_from_data(data)
        self.encoder = make_encoder(relaxed_spec(self._graph), recipe, num_nodes=data.num_nodes)
        self.initial_weights = initial_weights(data, recipe)

    def train(
        self,
        folder: OutputFolder,
        *,
        steps_per_checkpoint: int = STEPS_PER_CHECKPOINT,
        callbacks: Callbacks = (),
    ) -> Trained:
        """Trains from scratch, or on from the checkpoint in the folder; see `fit`."""
        recipe, graph = self._recipe, self._graph

        def graphs_from(first_step: int, part: Part) -> tf.data.Dataset:
            del part  # each step takes the whole graph
            # Numbered: the views' draws are keyed by the step, in every run and after a resume.
            steps = tf.data.Dataset.range(first_step, recipe.steps)
            return steps.map(lambda step: with_step(graph, step))

        def model_fn(spec):
            tf.keras.utils.set_random_seed(recipe.seed)  # a projector draws its weights after this
            encoder = make_encoder(spec, recipe, num_nodes=self._data.num_nodes)
            encoder.set_weights(self.initial_weights)
            return encoder

        return fit(
            graphs_from,
            relaxed_spec(with_step(graph, tf.constant(0, tf.int64))),
            model_fn,
            make_task(recipe),
            recipe,
            folder,
            steps=recipe.steps,
            steps_per_checkpoint=steps_per_checkpoint,
            show=self._show,
            callbacks=callbacks,
        )

    def embed(self, weights: list[np.ndarray]) -> np.ndarray:
        """Representations of the graph as it is, float32 [N, D]."""
        self.encoder.set_weights(weights)
        return embed(self.encoder, self._graph)

    def export(self, weights: list[np.ndarray], folder: OutputFolder) -> None:
        """Writes the SavedModel and the weights beside it."""
        export_keras(self._data, self._recipe, weights, folder)

    def correlation(self, weights: list[np.ndarray]) -> np.ndarray:
        """Cross-correlation of two views, [D, D]; see `view_correlation`."""
        self.encoder.set_weights(weights)
        return view_correlation(self.encoder, make_task(self._recipe), self._graph)
