"""What is left of a training run: embeddings and a SavedModel."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from .encoder import build_encoder
from .graph_data import GraphData
from .graph_tensor import NODE_SET, relaxed_spec
from .output import OutputFolder, replacing


def encoder_for(graph: tfgnn.GraphTensor, units, weights=None) -> tf.keras.Model:
    """An encoder for graphs like this one, without the context feature of training."""
    encoder = build_encoder(relaxed_spec(graph), units)
    if weights is not None:
        encoder.set_weights(weights)
    return encoder


def embed(encoder: tf.keras.Model, graph: tfgnn.GraphTensor) -> np.ndarray:
    """Representations of the graph as it is, float32 [N, D]."""
    return _read_out(encoder(graph)).numpy()


def export_model(encoder: tf.keras.Model, graph: tfgnn.GraphTensor, folder: OutputFolder) -> None:
    """Writes a SavedModel that needs TensorFlow alone.

    Its signature "serving_default" maps ``examples``, serialised tf.train.Examples of graphs
    (`tfgnn.write_example`) as string [B], to ``representations``, float32 [total nodes, D], the
    nodes of the graphs in their order.
    """
    examples = tf.keras.Input(shape=(), dtype=tf.string, name="examples")
    parsed = tfgnn.keras.layers.ParseExample(relaxed_spec(graph))(examples)
    outputs = _read_out(encoder(parsed.merge_batch_to_components()))
    model = tf.keras.Model(examples, outputs)
    with replacing(folder.model) as temporary:
        runner.export_model(model, str(temporary), output_names="representations")


def save_embeddings(embeddings: np.ndarray, data: GraphData, folder: OutputFolder) -> None:
    """Writes ``node_ids`` [N] and ``embeddings`` float32 [N, D]."""
    with replacing(folder.embeddings) as temporary, temporary.open("wb") as file:
        np.savez(file, node_ids=data.node_ids, embeddings=embeddings)


def _read_out(graph):
    return tfgnn.keras.layers.Readout(node_set_name=NODE_SET)(graph)
