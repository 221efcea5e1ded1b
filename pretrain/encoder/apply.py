"""What an encoder makes of a graph."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..graph.tensor import NODE_SET


def embed(encoder: tf.keras.Model, graph: tfgnn.GraphTensor) -> np.ndarray:
    """Representations of the graph as it is, float32 [N, D]."""
    return read_out(encoder(graph)).numpy()


def read_out(graph: tfgnn.GraphTensor) -> tf.Tensor:
    """The states `tfgnn.HIDDEN_STATE` of the nodes, [N, D]; also of a Keras tensor."""
    return tfgnn.keras.layers.Readout(node_set_name=NODE_SET)(graph)
