"""Runs, examples and loaded exports that the tests of the exporter share."""

import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from tests.task.graphs import UNITS, make_encoder, make_graph

GRAPHS = [make_graph(1, seed=seed) for seed in range(24)]
SPEC = GRAPHS[0].spec.relax(num_nodes=True, num_edges=True)
EXAMPLES = [tfgnn.write_example(graph).SerializeToString() for graph in GRAPHS]


class Provider(runner.DatasetProvider):
    """The graphs as serialised examples."""

    def get_dataset(self, context):
        return tf.data.Dataset.from_tensor_slices(EXAMPLES)


def run(task, folder, exporters=(), strategy=None, model_fn=make_encoder, **options):
    """One short epoch; exports to ``folder / "export"``."""
    trainer = runner.KerasTrainer(
        strategy or tf.distribute.get_strategy(),
        model_dir=str(folder),
        steps_per_epoch=len(GRAPHS) // 8,  # needed where a strategy distributes the data
        verbose=0,
        summarize_every_n_steps="never",
        checkpoint_every_n_steps="never",
        backup_and_restore=False,
    )
    return runner.run(
        train_ds_provider=Provider(),
        model_fn=model_fn,
        optimizer_fn=lambda: tf.keras.optimizers.Adam(0.02),
        trainer=trainer,
        task=task,
        gtspec=SPEC,
        global_batch_size=8,
        model_exporters=list(exporters),
        export_dirs=[str(folder / "export")],
        **options,
    )


def make_dropout_encoder(spec):
    """The encoder of the other tests, with a dropout that only training may see."""
    inputs = tf.keras.Input(type_spec=spec)
    dropout = tf.keras.layers.Dropout(0.9)

    def drop(node_set, *, node_set_name):
        return {tfgnn.HIDDEN_STATE: dropout(node_set[tfgnn.HIDDEN_STATE])}

    graph = tfgnn.keras.layers.MapFeatures(node_sets_fn=drop)(inputs)
    return tf.keras.Model(inputs, make_encoder(spec)(graph))


def representations(folder, examples=EXAMPLES, output="representations"):
    """What the export gives for serialised examples."""
    signature = tf.saved_model.load(str(folder)).signatures["serving_default"]
    (name,) = signature.structured_outputs
    assert name == output
    assert signature.structured_outputs[name].shape == [None, UNITS]
    return signature(examples=tf.constant(examples, tf.string))[name].numpy()
