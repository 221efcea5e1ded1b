"""The encoder: TF-GNN's graph convolutions, normalised and activated between the layers."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn.models import gcn

from .graph_tensor import EDGE_SET, FEATURE, NODE_SET


def build_encoder(spec: tfgnn.GraphTensorSpec, units: Sequence[int]) -> tf.keras.Model:
    """A graph convolutional network.

    The hidden layers and the last one map node states H [N, units[l - 1]] to

        PReLU(normalize(A H W))     and     A H W + b,

    with A = Di^(-1/2) (adjacency + I) Do^(-1/2) of the graph at hand, so a view with dropped edges
    has degrees of its own; `normalize` is `NodeNormalization`.

    Args:
        spec: of a scalar graph with the node feature "features".
        units: widths of the layers; the last one is the width of the representation.

    Returns:
        A model from such graphs to graphs whose nodes have the feature `tfgnn.HIDDEN_STATE`
        [N, units[-1]]. Its weights follow from TensorFlow's seed (`tf.random.set_seed`).

    Source of the convolution: Kipf and Welling 2017, https://arxiv.org/abs/1609.02907.
    """
    inputs = tf.keras.Input(type_spec=spec)
    graph = tfgnn.keras.layers.MapFeatures(node_sets_fn=_initial_state)(inputs)
    for index, width in enumerate(units):
        is_last = index == len(units) - 1
        # A hidden layer needs no bias: the normalisation would remove it.
        convolution = gcn.GCNConv(width, activation=None, use_bias=is_last, add_self_loops=True)
        next_state = tfgnn.keras.layers.SingleInputNextState() if is_last else NormalizedState()
        update = tfgnn.keras.layers.NodeSetUpdate({EDGE_SET: convolution}, next_state=next_state)
        graph = tfgnn.keras.layers.GraphUpdate(node_sets={NODE_SET: update})(graph)
    return tf.keras.Model(inputs, graph, name="encoder")


def _initial_state(node_set, *, node_set_name):
    del node_set_name
    return {tfgnn.HIDDEN_STATE: node_set[FEATURE]}


class NormalizedState(tf.keras.layers.Layer):
    """Next state of a node set: the one convolution's result, normalised and activated."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._normalization = NodeNormalization()
        self._activation = tf.keras.layers.PReLU(
            alpha_initializer=tf.keras.initializers.Constant(0.25)
        )

    def call(self, inputs):
        """See `tfgnn.keras.layers.NodeSetUpdate` on next-state layers."""
        _, edge_inputs, _ = inputs
        (value,) = edge_inputs.values()
        return self._activation(self._normalization(value))


class NodeNormalization(tf.keras.layers.Layer):
    """Standardises each feature over the nodes at hand, then scales and shifts it.

    The formula of batch normalisation with the statistics of the given graph in training and in
    use: a full graph is the whole population, so there are no moving averages to wait for, and the
    representation of another graph is normalised by that graph's own statistics.

    Source of the formula: Ioffe and Szegedy 2015, algorithm 1.
    """

    _EPSILON = 1e-3  # Keras' default for batch normalisation

    def build(self, input_shape):
        """Makes gamma (1) and beta (0), one per feature."""
        width = input_shape[-1]
        self.gamma = self.add_weight("gamma", [width], initializer="ones")
        self.beta = self.add_weight("beta", [width], initializer="zeros")

    def call(self, inputs):
        """Float [N, width] to the same shape."""
        mean, variance = tf.nn.moments(inputs, axes=[0])
        scale = tf.math.rsqrt(variance + self._EPSILON) * self.gamma
        return (inputs - mean) * scale + self.beta
