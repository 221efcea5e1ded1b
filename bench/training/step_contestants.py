"""Who trains: our task, upstream's, and ours with a part of the step left out."""

from __future__ import annotations

import functools
import tempfile

import graph_barlow_twins.tfgnn_task as ours  # before TensorFlow: it selects Keras 2
import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner
from tensorflow_gnn.models import contrastive_losses as upstream
from tensorflow_gnn.models import gcn

from .step_data import FEATURE, ROOTS, CoraProvider

UNITS, LAYERS = 256, 2


def make_encoder(spec: tfgnn.GraphTensorSpec) -> tf.keras.Model:
    """TF-GNN's graph convolutions with its defaults, 1433 -> 256 -> 256."""
    inputs = tf.keras.Input(type_spec=spec)
    graph = tfgnn.keras.layers.MapFeatures(node_sets_fn=_initial_state)(inputs)
    for layer in range(LAYERS):
        update = gcn.GCNHomGraphUpdate(units=UNITS, add_self_loops=True, name=f"gcn_{layer}")
        graph = update(graph)
    return tf.keras.Model(inputs, graph)


def _initial_state(node_set, *, node_set_name):
    del node_set_name
    return node_set[FEATURE]


def _without(task_class, *parts):
    """The task with parts of its step left out: metrics, loss or corruption."""

    class Task(task_class):
        def metrics(self):
            return () if "metrics" in parts else super().metrics()

        def losses(self):
            # Trains all that the loss trains, at the price of a sum.
            return (lambda _, y: tf.reduce_mean(y)) if "loss" in parts else super().losses()

    def make(**options):
        # Equal, but another tensor: the runner would let the GNN run once only on the same one.
        copy = tfgnn.keras.layers.MapFeatures(
            node_sets_fn=lambda nodes, node_set_name: {
                k: tf.identity(nodes[k]) for k in nodes.features
            }
        )
        return Task(**options, **({"corruptor": copy} if "corruption" in parts else {}))

    return make


CONTESTANTS = {
    "ours": ours.BarlowTwinsTask,
    "upstream": upstream.BarlowTwinsTask,
    **{
        f"{who} without {part}": _without(module.BarlowTwinsTask, part)
        for who, module in (("ours", ours), ("upstream", upstream))
        for part in ("metrics", "loss", "corruption")
    },
    "ours without guard": functools.partial(ours.BarlowTwinsTask, on_nonfinite="ignore"),
    "ours without all three": _without(ours.BarlowTwinsTask, "metrics", "loss", "corruption"),
}


def make_training(name: str, projector_units: list[int] | None, provider: CoraProvider):
    """A function of ``(callback, steps)`` that trains through `runner.run`.

    Args:
        name: of the contestant.
        projector_units: as of the task.
        provider: of the subgraphs.
    """

    def train(callback, steps):
        tf.keras.utils.set_random_seed(1)
        with tempfile.TemporaryDirectory() as folder:
            trainer = runner.KerasTrainer(
                tf.distribute.get_strategy(),
                model_dir=folder,
                steps_per_epoch=steps,
                verbose=0,
                summarize_every_n_steps="never",
                checkpoint_every_n_steps="never",
                backup_and_restore=False,
                callbacks=[callback],
            )
            runner.run(
                train_ds_provider=provider,
                model_fn=make_encoder,
                optimizer_fn=tf.keras.optimizers.Adam,
                trainer=trainer,
                task=CONTESTANTS[name](node_set_name=tfgnn.NODES, projector_units=projector_units),
                gtspec=provider.spec,
                global_batch_size=ROOTS,
                feature_processors=[provider.look_up_features],
                model_exporters=[],
            )

    return train
