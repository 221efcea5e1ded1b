"""The encoder: TF-GNN's graph convolutions, each followed by a normalisation and an activation."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn.models import gcn

from .graph_tensor import EDGE_SET, FEATURE, NODE_SET


def build_encoder(spec: tfgnn.GraphTensorSpec, units: Sequence[int]) -> tf.keras.Model:
    """A graph convolutional network.

    Layer l maps the node states H [N, units[l - 1]] to

        PReLU(normalize(A H W)),   A = Do^(-1/2) (adjacency + I) Di^(-1/2)

    with the degrees Do, Di of the graph at hand, so a view with dropped edges has its own, and
    `NodeNormalization` over its nodes.

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
    for width in units:
        convolution = gcn.GCNConv(
            width, activation=None, use_bias=False, add_self_loops=True
        )  # no bias: the normalisation would remove it
        graph = tfgnn.keras.layers.GraphUpdate(
            node_sets={
                NODE_SET: tfgnn.keras.layers.NodeSetUpdate(
                    {EDGE_SET: convolution}, next_state=NormalizedState()
                )
            }
        )(graph)
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
