"""Layers of the encoders. They take ``[graph, node states]`` or node states alone."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..graph.tensor import COLUMNS, EDGE_SET, EDGE_WEIGHT, FEATURE, KEPT_COLUMNS, NODE_SET, VALUES
from .sparse_product import sparse_product


class InitialFeatures(tf.keras.layers.Layer):
    """The dense features of the nodes [N, F], as they are."""

    def call(self, graph: tfgnn.GraphTensor):
        """Graph to [N, F]."""
        return graph.node_sets[NODE_SET][FEATURE]


class FeatureProjection(tf.keras.layers.Layer):
    """``X diag(m) W``: node features X [N, F] times a trainable kernel W [F, units].

    Sparse features are multiplied as a sparse matrix. The mask m of feature columns is that of the
    graph's context (`graph.tensor.KEPT_COLUMNS`; absent: ones). It meets the small kernel in place
    of the features, so a masked view needs no copy of X.

    Args:
        units: columns of the kernel.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self._units = units

    def build(self, input_shape):
        """Waits for the graph: the shape of a GraphTensor does not tell F."""
        super().build(input_shape)

    def call(self, inputs):
        """Graph, or ``[graph, dense features [N, F]]``, to [N, units]."""
        graph, features = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        nodes = graph.node_sets[NODE_SET]
        kept = graph.context.features.get(KEPT_COLUMNS)
        if features is None and FEATURE in nodes.features:
            features = nodes[FEATURE]
        if not self.weights:
            self.make_weights(kept.shape[-1] if features is None else features.shape[-1])
        # Every component of a batch has the same mask.
        kernel = self.kernel if kept is None else self.kernel * kept[0][:, tf.newaxis]
        if features is not None:
            return tf.matmul(self.scaled(features), kernel)
        columns = nodes[COLUMNS]
        rows, count = columns.value_rowids(), columns.nrows()
        values = self.scaled_entries(nodes[VALUES].flat_values, rows, columns.flat_values, count)
        return sparse_product(rows, columns.flat_values, values, count, kernel)

    def make_weights(self, num_features: int):
        """Makes the kernel [F, units]."""
        self.kernel = self.add_weight("kernel", [num_features, self._units])

    def scaled(self, features: tf.Tensor) -> tf.Tensor:
        """What the kernel is multiplied with, of dense features [N, F]; here themselves."""
        return features

    def scaled_entries(self, values: tf.Tensor, rows, columns, num_rows) -> tf.Tensor:
        """The same of sparse features, entry by entry."""
        del rows, columns, num_rows
        return values


class Propagation(tf.keras.layers.Layer):
    """``Di^(-1/2) (adjacency + I) Do^(-1/2) H``, with in- and out-degrees that count the loops.

    Source: Kipf and Welling 2017, https://arxiv.org/abs/1609.02907, equation 2.
    """

    def call(self, inputs):
        """``[graph, H [N, width]]`` to [N, width]."""
        graph, state = inputs
        edges = graph.edge_sets[EDGE_SET].adjacency
        nodes = tf.shape(state)[0]
        weights = edge_weights(graph)
        scaled = state * degree_scale(edges.source, weights, nodes)
        neighbours = sparse_product(edges.target, edges.source, weights, nodes, scaled)
        return (neighbours + scaled) * degree_scale(edges.target, weights, nodes)


def edge_weights(graph: tfgnn.GraphTensor, edge_set_name: str = EDGE_SET) -> tf.Tensor:
    """Weights of the edges, float32 [E]: their feature `graph.tensor.EDGE_WEIGHT`, or ones."""
    edges = graph.edge_sets[edge_set_name]
    if EDGE_WEIGHT in edges.features:
        return edges[EDGE_WEIGHT]
    return tf.ones_like(edges.adjacency.source, tf.float32)


def degree_scale(ends: tf.Tensor, weights: tf.Tensor, num_nodes) -> tf.Tensor:
    """``1 / sqrt(1 + sum of weights)`` of each node, float32 [N, 1]; of all edges' ends [E]."""
    return tf.math.rsqrt(1 + tf.math.unsorted_segment_sum(weights, ends, num_nodes))[:, tf.newaxis]


def unit_rows(rows: tf.Tensor) -> tf.Tensor:
    """Each row [N, F] divided by its length; rows of zeros stay."""
    # By the largest entry first: squares of small ones would be 0. Not by the `unit_rows` of the
    # metrics: its norm takes squares by another operation, and the last bits would be others.
    largest = tf.reduce_max(tf.abs(rows), axis=1, keepdims=True)
    scaled = tf.math.divide_no_nan(rows, largest)
    squares = tf.reduce_sum(scaled**2, axis=1, keepdims=True)
    return tf.math.divide_no_nan(scaled, tf.sqrt(squares))


class NormalizedActivation(tf.keras.layers.Layer):
    """``PReLU(gamma (x - mean) / sqrt(variance + 0.001) + beta)`` per feature.

    Mean and variance are those over all nodes of the call, in training and in use: a full graph is
    the whole population, so there are no moving averages to wait for. Several graphs in one call
    share their statistics, so each is represented otherwise than alone; so do those of several
    replicas that train in sync.

    Args:
        compiled: have XLA make one pass of it, forward and backward: a fifth of the time, but it
            compiles anew for each number of nodes.

    Sources: Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167, algorithm 1; He et al. 2015,
    https://arxiv.org/abs/1502.01852, equation 1, with their initial slope of 0.25.
    """

    _EPSILON = 1e-3  # Keras' default for batch normalisation

    def __init__(self, *, compiled: bool = False, **kwargs):
        super().__init__(**kwargs)
        self._function = self._compute
        if compiled:  # a tf.function with False would forbid XLA where a user compiles the model
            self._function = tf.function(self._compute, jit_compile=True, autograph=False)

    def build(self, input_shape):
        """Makes gamma (1), beta (0) and the slope (0.25), one each per feature."""
        width = input_shape[-1]
        self.gamma = self.add_weight("gamma", [width], initializer="ones")
        self.beta = self.add_weight("beta", [width], initializer="zeros")
        slope = tf.keras.initializers.Constant(0.25)
        self.slope = self.add_weight("slope", [width], initializer=slope)

    def call(self, inputs):
        """Float [N, width] to the same shape."""
        return self._function(inputs, *map(tf.convert_to_tensor, self.weights))

    def _compute(self, inputs, gamma, beta, slope):
        mean, variance = _moments(inputs)
        scale = tf.math.rsqrt(variance + self._EPSILON) * gamma
        state = (inputs - mean) * scale + beta
        return tf.nn.relu(state) - slope * tf.nn.relu(-state)


def _moments(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance of each column, of the rows of all replicas in sync."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tf.nn.moments(rows, axes=[0])

    def total(values):  # its gradient is the sum over the replicas, too
        return context.all_reduce(tf.distribute.ReduceOp.SUM, values)

    # The number with the sums: one collective in place of two.
    count = tf.fill([1], tf.cast(tf.shape(rows)[0], rows.dtype))
    sums = total(tf.concat([tf.reduce_sum(rows, axis=0), count], axis=0))
    mean, count = sums[:-1] / sums[-1], sums[-1]
    # As one replica does it: squares of differences from the mean cancel nothing.
    squares = tf.reduce_sum(tf.math.squared_difference(rows, tf.stop_gradient(mean)), axis=0)
    return mean, total(squares) / count


class Bias(tf.keras.layers.Layer):
    """Adds a trainable number to each feature."""

    def build(self, input_shape):
        """Makes the bias, 0 at first."""
        self.bias = self.add_weight("bias", [input_shape[-1]], initializer="zeros")

    def call(self, inputs):
        """Float [N, width] to the same shape."""
        return inputs + self.bias


class HiddenState(tf.keras.layers.Layer):
    """The graph with the states as `tfgnn.HIDDEN_STATE` in place of its nodes' features."""

    def call(self, inputs):
        """``[graph, states [N, width]]`` to a graph."""
        graph, state = inputs
        return graph.replace_features(node_sets={NODE_SET: {tfgnn.HIDDEN_STATE: state}})
