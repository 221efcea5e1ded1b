"""From a recipe to what is trained: encoder and first weights, task with its views, optimiser."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ....kernels.keys import derive_key
from ....tfgnn_task import (
    BarlowTwinsTask,
    Compose,
    CorruptionSpec,
    Corruptor,
    DropEdges,
    DropoutFeatures,
    MaskFeatures,
)
from ...config.defaults import LINEAR
from ...encoder.gcn import build_encoder
from ...encoder.linear import build_linear_encoder
from ...graph.tensor import EDGE_SET, KEPT_COLUMNS, NODE_SET, STEP
from ..recipe import METRICS_EVERY_N_STEPS, Recipe


@tf.autograph.experimental.do_not_convert  # as in `fit`
def make_encoder(
    spec: tfgnn.GraphTensorSpec, recipe: Recipe, *, num_nodes: int | None = None
) -> tf.keras.Model:
    """The recipe's encoder of a full graph, with TensorFlow's own first weights.

    Args:
        spec: see `build_encoder`.
        recipe: its encoder, units and hops.
        num_nodes: N, of an encoder for this process and this graph alone: see `compiled` of
            `build_encoder`, `on_host` of `build_linear_encoder`, and `_NumberOfRows`.
    """
    alone = num_nodes is not None
    if recipe.encoder == LINEAR:
        encoder = build_linear_encoder(spec, recipe.units[0], recipe.hops, on_host=alone)
    else:
        encoder = build_encoder(spec, recipe.units, compiled=alone)
    if num_nodes is None:
        return encoder
    return tf.keras.Model(encoder.input, _NumberOfRows(num_nodes)(encoder.output), name="encoder")


class _NumberOfRows(tf.keras.layers.Layer):
    """The graph, whose representations are said to have N rows.

    The loss then has one way to compute in place of four that are all traced, and differentiated: a
    fifth of what Cora's training takes up to its second step.
    """

    def __init__(self, num_nodes: int, **kwargs):
        super().__init__(**kwargs)
        self._num_nodes = num_nodes

    def call(self, graph):
        """A graph with `tfgnn.HIDDEN_STATE` [N, D], to the same."""
        state = graph.node_sets[NODE_SET][tfgnn.HIDDEN_STATE]
        state = tf.ensure_shape(state, [self._num_nodes, state.shape[1]])
        return graph.replace_features(node_sets={NODE_SET: {tfgnn.HIDDEN_STATE: state}})


def make_task(
    recipe: Recipe, readout: str = "all_nodes", node_id_feature: str | None = None
) -> BarlowTwinsTask:
    """Two views with fewer edges, feature columns and feature entries, keyed by seed and step.

    Args:
        recipe: the rates, the loss, the projector.
        readout: see `BarlowTwinsTask`.
        node_id_feature: of the nodes, by which edges and entries are drawn: where replicas share a
            batch, each draws what one of them would draw for its part. None: by position.
    """
    rates = zip(recipe.drop_edges, recipe.mask_features, recipe.drop_entries, strict=True)
    views = [_corruptors(*of_view, node_id_feature) for of_view in rates]
    return task_of_views(recipe, NODE_SET, views, readout)


def task_of_views(
    recipe: Recipe, node_set: str, views: Sequence[Sequence[Corruptor]], readout: str
) -> BarlowTwinsTask:
    """The recipe's task, whose views are keyed by seed and step.

    Args:
        recipe: the seed, the loss, the projector.
        node_set: whose representations are contrasted.
        views: what each does to a graph, one after the other.
        readout: see `BarlowTwinsTask`.
    """
    corruptors = [
        _TracedOnce(
            members,
            seed=derive_key(recipe.seed, f"view {number}"),
            step_feature=STEP,
            padding=None,
        )
        for number, members in enumerate(views)
    ]
    return BarlowTwinsTask(
        node_set,
        corruptor=corruptors,
        readout=readout,
        lambda_=recipe.lambda_,
        projector_units=recipe.projector_units,
        on_nonfinite="ignore",  # `StepRecorder` ends the training, in one line
        metrics_every_n_steps=METRICS_EVERY_N_STEPS,
    )


class _TracedOnce(Compose):
    """A view whose operations are made once, where the runner's three models would make them anew.

    That is half of a second for each view and model.
    """

    _view = None

    def call(self, graph):
        """See `Corruptor`."""
        if tf.executing_eagerly():
            return super().call(graph)
        if self._view is None:
            spec = graph.spec.relax(num_components=True, num_nodes=True, num_edges=True)
            self._view = tf.function(super().call, input_signature=[spec], autograph=False)
        return self._view(graph)


def _corruptors(
    drop_edges: float, mask_features: float, drop_entries: float, by_id: str | None
) -> list[Corruptor]:
    """Those of one view.

    Columns are masked in the context (`graph.tensor.KEPT_COLUMNS`), not in the features. Entries
    are dropped from the floating feature of the nodes: dense ones, or the values of sparse ones.
    """
    entries = CorruptionSpec(node_set_corruption={NODE_SET: {"*": drop_entries}})
    return [
        DropEdges({EDGE_SET: drop_edges}, padding=None, node_id_feature=by_id),
        MaskFeatures(
            CorruptionSpec(context_corruption={KEPT_COLUMNS: mask_features}), padding=None
        ),
        DropoutFeatures(entries, skip_non_floating=True, padding=None, node_id_feature=by_id),
    ]


def make_optimizer(recipe: Recipe, steps: int) -> tf.keras.optimizers.Optimizer:
    """AdamW, which is Adam without weight decay, with the recipe's learning rate by step.

    Args:
        recipe: its learning rate, warm-up, schedule and weight decay.
        steps: of the whole training; a longer warm-up ends one step before it.
    """
    rate, warmup = recipe.learning_rate, min(recipe.warmup_steps, steps - 1)
    schedules = tf.keras.optimizers.schedules
    if recipe.schedule == "cosine":
        rate = schedules.CosineDecay(
            0.0 if warmup else rate, steps - warmup, warmup_target=rate, warmup_steps=warmup
        )
    elif warmup:
        rate = schedules.PolynomialDecay(0.0, warmup, end_learning_rate=rate)
    return tf.keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
