"""Runs, examples and loaded exports that the tests of the exporter share."""

import tensorflow as tf
import tensorflow_gnn as tfgnn

from tests.task import production_runs
from tests.task.graphs import UNITS, make_encoder
from tests.task.production_runs import GRAPHS

EXAMPLES = [tfgnn.write_example(graph).SerializeToString() for graph in GRAPHS]


def run(task, folder, exporters=(), strategy=None, **options):
    """One short epoch; exports to ``folder / "export"``."""
    return production_runs.run(
        task,
        folder,
        strategy=strategy,
        steps_per_epoch=len(GRAPHS) // 8,  # needed where a strategy distributes the data
        optimizer_fn=lambda: tf.keras.optimizers.Adam(0.02),
        global_batch_size=8,
        epochs=1,
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
