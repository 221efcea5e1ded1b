"""Padded batches, models and short runs that the tests of production training share."""

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from tests.task.graphs import COMPONENTS, FEATURES, NODES, make_encoder, make_graph, relaxed

GRAPHS = [make_graph(1, seed=seed) for seed in range(24)]
SPEC = GRAPHS[0].spec.relax(num_nodes=True, num_edges=True)


class Provider(runner.DatasetProvider):
    """Single-component graphs, as serialised examples."""

    def __init__(self, graphs=GRAPHS):
        self._examples = [tfgnn.write_example(graph).SerializeToString() for graph in graphs]

    def get_dataset(self, context):
        return tf.data.Dataset.from_tensor_slices(self._examples)


# Nothing here needs AutoGraph, which would take as long as the training; the README's example and
# those of docs/ are traced with it.
@tf.autograph.experimental.do_not_convert
def run(
    task,
    folder,
    *,
    spec=SPEC,
    graphs=GRAPHS,
    strategy=None,
    policy=None,
    steps_per_epoch=None,
    **options,
):
    """`runner.run`, by default of five epochs with one step each; no order of batches to differ."""
    trainer = runner.KerasTrainer(
        strategy or tf.distribute.get_strategy(),
        model_dir=str(folder),
        steps_per_epoch=steps_per_epoch,
        verbose=0,
        summarize_every_n_steps="never",
        checkpoint_every_n_steps="never",
        backup_and_restore=False,
        callbacks=options.pop("callbacks", None),
        options=runner.KerasTrainerOptions(policy=policy) if policy else None,
    )
    tf.keras.utils.set_random_seed(1)
    return runner.run(
        **{
            "train_ds_provider": Provider(graphs),
            "model_fn": make_encoder,
            "optimizer_fn": lambda: tf.keras.optimizers.SGD(0.1, momentum=0.9),
            "trainer": trainer,
            "task": task,
            "gtspec": spec,
            "global_batch_size": len(graphs),
            "epochs": 5,
            "model_exporters": [],
            **options,
        }
    )


class KeepEpochs(tf.keras.callbacks.Callback):
    """The logs of all epochs."""

    def __init__(self):
        super().__init__()
        self.logs = []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))


def no_chance(graph):
    """A corruption without chance: another view, the same for the same graph."""
    return tfgnn.keras.layers.MapFeatures(
        node_sets_fn=lambda nodes, *, node_set_name: {
            tfgnn.HIDDEN_STATE: tf.abs(nodes[tfgnn.HIDDEN_STATE])
        }
    )(graph)


def padded(graph, components):
    """``(graph with so many components of padding, mask)``."""
    constraints = tfgnn.SizeConstraints(
        total_num_components=COMPONENTS + components,
        total_num_nodes={"node": (COMPONENTS * NODES) + 3 * components},
        total_num_edges={"edge": (COMPONENTS * NODES) + 4 * components},
        min_nodes_per_component={"node": 1},
    )
    return tfgnn.keras.layers.PadToTotalSizes(constraints)(graph)


def make_model(task, graphs, optimizer="sgd", **options):
    """What the runner makes of the task, compiled for padded batches."""
    spec = options.pop("spec", None) or relaxed(graphs[0])
    encoder = make_encoder(spec)
    inputs = [tf.keras.Input(type_spec=spec) for _ in graphs]
    model = tf.keras.Model(inputs, task.predict(*[encoder(i) for i in inputs]))
    model.compile(optimizer, loss=task.losses(), weighted_metrics=task.metrics(), **options)
    return model


def loss_gradients_metrics(model, graphs, labels, mask=None):
    """As in a step of training, by way of Keras' containers of losses and metrics."""
    model.reset_metrics()
    with tf.GradientTape() as tape:
        outputs = model(graphs)
        loss = model.compute_loss(graphs, labels, outputs, mask)
    gradients = tape.gradient(loss, model.trainable_variables)
    metrics = model.compute_metrics(graphs, labels, outputs, mask)
    return float(loss), gradients, {name: float(value) for name, value in metrics.items()}


def assert_close(first, second, rtol):
    """Gradients, or weights, equal relative to the largest entry of all."""
    scale = max(np.abs(values).max() for values in first)
    assert scale > 0
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(one, other, atol=rtol * scale, rtol=0)


def wide_graph(value, components=COMPONENTS):
    """A graph with one entry of a feature replaced."""
    features = make_graph(components).node_sets["node"][tfgnn.HIDDEN_STATE].numpy()
    features[2 * NODES, FEATURES - 1] = value
    return make_graph(components).replace_features(
        node_sets={"node": {tfgnn.HIDDEN_STATE: tf.constant(features)}}
    )
