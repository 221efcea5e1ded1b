"""The wide encoder as a Keras model, for export: the formula of `weights.embed_wide`."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...graph.tensor import EDGE_SET, FEATURE, NODE_SET
from ..layers import HiddenState
from .weights import SLOPE, WideWeights


@tf.autograph.experimental.do_not_convert  # as `training.steps.fit`
def build_wide_encoder(spec: tfgnn.GraphTensorSpec, weights: WideWeights) -> tf.keras.Model:
    """A model of graphs as `graph_tensor.plain_spec` describes them, with these weights.

    Returns:
        A model to graphs whose nodes have the feature `tfgnn.HIDDEN_STATE` [N, D]. Its weights are
        those of `WideWeights.to_list`.
    """
    graph = tf.keras.Input(type_spec=spec)
    model = tf.keras.Model(graph, HiddenState()([graph, _Wide(weights)(graph)]), name="encoder")
    model.set_weights(weights.to_list())
    return model


class _Wide(tf.keras.layers.Layer):
    """Graph to [N, D]; nothing of it is trained."""

    def __init__(self, weights: WideWeights, **kwargs):
        super().__init__(**kwargs)
        self._variables = [
            self.add_weight(name, array.shape, trainable=False)
            for name, array in zip(weights.names(), weights.to_list(), strict=True)
        ]

    def build(self, input_shape):
        """Has its weights already: their shapes do not depend on the graph's."""
        self.built = True

    def call(self, graph: tfgnn.GraphTensor):
        """Graph to [N, D]."""
        center, spread, kernel, bias = map(tf.convert_to_tensor, self._variables)
        state = tf.matmul(_statistics(graph, center, spread), kernel) + bias
        return tf.where(state < 0, SLOPE * state, state)


def _statistics(graph: tfgnn.GraphTensor, center: tf.Tensor, spread: tf.Tensor) -> tf.Tensor:
    """As `weights.statistics`."""
    features = (graph.node_sets[NODE_SET][FEATURE] - center) / spread
    edges = graph.edge_sets[EDGE_SET].adjacency
    count = tf.shape(features)[0]
    ones = tf.ones_like(edges.target, tf.float32)
    degree = tf.math.unsorted_segment_sum(ones, edges.target, count)[:, tf.newaxis]

    def mean_of(state):
        total = tf.math.unsorted_segment_sum(tf.gather(state, edges.source), edges.target, count)
        return total / tf.maximum(degree, 1)

    mean = mean_of(features)
    deviations = tf.sqrt(tf.maximum(mean_of(features**2) - mean**2, 0))
    log_degree = tf.math.log1p(degree)
    parts = [features, mean, deviations, mean_of(mean), log_degree]
    return tf.concat([*parts, mean_of(deviations), mean_of(log_degree)], axis=1)
