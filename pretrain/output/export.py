"""A trained encoder, applied and exported as a SavedModel."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from ..encoder.apply import read_out
from ..encoder.weights import AnyWeights
from .encoder_files import save_encoder
from .folder import OutputFolder
from .replace import replacing


@tf.autograph.experimental.do_not_convert  # as `training.steps.fit`
def export_model(
    encoder: tf.keras.Model,
    weights: AnyWeights,
    spec: tfgnn.GraphTensorSpec,
    folder: OutputFolder,
) -> None:
    """Writes a SavedModel that needs TensorFlow alone, and its weights, which need none.

    Its signature "serving_default" maps ``examples``, serialised tf.train.Examples of graphs
    (`tfgnn.write_example`) as string [B], to ``representations``, float32 [total nodes, D], the
    nodes of the graphs in their order.

    Args:
        encoder: of graphs in the plain form of `graph_tensor`.
        weights: the same as numbers alone.
        spec: of such graphs, relaxed.
        folder: where it goes.
    """
    examples = tf.keras.Input(shape=(), dtype=tf.string, name="examples")
    parsed = tfgnn.keras.layers.ParseExample(spec)(examples)
    outputs = read_out(encoder(parsed.merge_batch_to_components()))
    model = tf.keras.Model(examples, outputs)
    # The exporter calls the model in a `tf.function` of its own.
    model.call = tf.autograph.experimental.do_not_convert(model.call)
    # For inference alone: `sparse_product` cannot be saved with its gradient.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    with replacing(folder.model) as temporary:
        runner.export_model(model, str(temporary), output_names="representations", options=options)
        save_encoder(weights, temporary)
