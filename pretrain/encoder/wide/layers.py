"""The wide encoder as a Keras model, for export: the formula of `weights.embed_wide`."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...graph.tensor import EDGE_SET, FEATURE, NODE_SET
from ..frozen import frozen_encoder
from ..layers import edge_weights
from .weights import SLOPE, WideWeights


def build_wide_encoder(spec: tfgnn.GraphTensorSpec, weights: WideWeights) -> tf.keras.Model:
    """The Keras model of these weights; see `frozen_encoder`."""

    def formula(graph, arrays):
        center, spread, kernel, bias = arrays
        state = tf.matmul(_statistics(graph, center, spread), kernel) + bias
        return tf.where(state < 0, SLOPE * state, state)

    return frozen_encoder(spec, weights, formula)


def _statistics(graph: tfgnn.GraphTensor, center: tf.Tensor, spread: tf.Tensor) -> tf.Tensor:
    """As `weights.statistics`."""
    features = (graph.node_sets[NODE_SET][FEATURE] - center) / spread
    edges = graph.edge_sets[EDGE_SET].adjacency
    count = tf.shape(features)[0]
    weights = edge_weights(graph)[:, tf.newaxis]
    degree = tf.math.unsorted_segment_sum(weights, edges.target, count)

    def mean_of(state):
        messages = weights * tf.gather(state, edges.source)
        total = tf.math.unsorted_segment_sum(messages, edges.target, count)
        return tf.math.divide_no_nan(total, degree)

    mean = mean_of(features)
    deviations = tf.sqrt(tf.maximum(mean_of(features**2) - mean**2, 0))
    log_degree = tf.math.log1p(degree)
    parts = [features, mean, deviations, mean_of(mean), log_degree]
    return tf.concat([*parts, mean_of(deviations), mean_of(log_degree)], axis=1)
