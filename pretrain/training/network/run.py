"""Training on sampled subgraphs of all node sets, and embedding of the target's nodes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ....tfgnn_task import (
    BarlowTwinsTask,
    CorruptionSpec,
    DropEdges,
    DropoutFeatures,
)
from ...encoder.template.inputs import EncodeFeatures
from ...encoder.template.model import Applier, Template
from ...encoder.template.start import start_embeddings, start_layers
from ...output.folder import OutputFolder
from ...output.template import export_template
from ...sampling.rows import Rows
from ..recipe import Recipe
from ..steps.build import task_of_views
from ..steps.fit import Callbacks, fit
from ..steps.sampled import equal_parts, schedule_of
from ..steps.sampler import TICKET
from ..trained import Trained
from ..workers.part import Part
from ..workers.same_start import set_weights_of_chief
from .apply import embed_roots
from .sources import FileSource, MemorySource

_ROOTS_OF_START = 1024  # whose subgraphs show what principal directions there are


class NetworkRun:
    """Every step takes sampled subgraphs, and so do the representations.

    Args and attributes: see `FullGraphRun`; and

    Args:
        template: the encoder.
        source: of subgraphs.
        features: see `start_embeddings`.
    """

    correlation = None  # there are no two views of all nodes

    def __init__(
        self,
        template: Template,
        source: MemorySource | FileSource,
        recipe: Recipe,
        features: Mapping[str, Mapping[str, Rows]],
        *,
        show: bool = False,
    ):
        self._template, self._source, self._recipe, self._show = template, source, recipe, show
        tf.keras.utils.set_random_seed(recipe.seed)
        self._applier = Applier(template)
        variables = self._applier.model.weights
        start_embeddings(variables, template.columns, features, recipe.seed)
        some = source.some(_ROOTS_OF_START, template.spec)
        start_layers(self._applier.model, some, template.units)
        self.initial_weights = self._applier.weights

    @tf.autograph.experimental.do_not_convert  # as `fit`
    def train(self, folder: OutputFolder, *, callbacks: Callbacks = ()) -> Trained:
        """Trains from scratch, or on from the checkpoint in the folder; see `fit`."""
        recipe, template = self._recipe, self._template
        schedule = schedule_of(recipe, self._source.num_roots, equal_parts())
        graphs_from = self._source.training(schedule, template.spec)

        kept = {name: [TICKET] for name in template.schema.node_sets}
        encode = EncodeFeatures(template.columns, keep=kept)

        def model_fn(spec):
            encoder = template.build(spec)
            set_weights_of_chief(encoder, self.initial_weights)
            return encoder

        return fit(
            graphs_from,
            graphs_from(0, Part()).unbatch().element_spec,
            model_fn,
            make_task(recipe, template.target),
            recipe,
            folder,
            steps=schedule.steps,
            steps_per_checkpoint=schedule.steps_per_checkpoint,
            show=self._show,
            feature_processors=[encode],
            callbacks=callbacks,
        )

    def embed(self, weights: list[np.ndarray]) -> np.ndarray:
        """Representations of the target's nodes, float32 [N, D], by one subgraph of each."""
        self._applier.set_weights(weights)
        most = self._recipe.batch_size
        return embed_roots(self._applier, self._source, most, quiet=not self._show)

    def export(self, weights: list[np.ndarray], folder: OutputFolder) -> None:
        """Writes the SavedModel and the weights beside it."""
        self._applier.set_weights(weights)
        export_template(self._applier, folder)


def make_task(recipe: Recipe, target: str) -> BarlowTwinsTask:
    """Two views with fewer edges of each set and fewer entries of the input of each node set.

    Args:
        recipe: its rates, lambda and projector.
        target: node set of the roots.
    """
    views = []
    for edges, entries in zip(recipe.drop_edges, recipe.drop_entries, strict=True):
        of_entries = CorruptionSpec(node_set_corruption={"*": {"*": entries}})
        views.append(
            [
                DropEdges({"*": edges}, padding=None, node_id_feature=TICKET),
                DropoutFeatures(
                    of_entries, skip_non_floating=True, padding=None, node_id_feature=TICKET
                ),
            ]
        )
    return task_of_views(recipe, target, views, "first_node")
