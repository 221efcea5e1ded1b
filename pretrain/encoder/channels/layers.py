"""The encoder of channels as a Keras model, for export: the formula of `apply.embed_channels`."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...graph.tensor import EDGE_SET, FEATURE, NODE_SET
from ..frozen import frozen_encoder
from ..layers import edge_weights, unit_rows
from ..sparse_product import sparse_matrix
from .apply import ABSENT
from .weights import BACK, LINKS, Channel, ChannelNumbers, ChannelWeights


def build_channel_encoder(spec: tfgnn.GraphTensorSpec, weights: ChannelWeights) -> tf.keras.Model:
    """The Keras model of these weights; see `frozen_encoder`."""

    def formula(graph, arrays):
        found = ChannelWeights.from_list(arrays, weights.channels)
        features = graph.node_sets[NODE_SET][FEATURE]
        states = [
            _state(graph, features, channel, numbers)
            for channel, numbers in zip(found.channels, found.numbers, strict=True)
        ]
        return tf.matmul(tf.concat(states, axis=1) - found.mean, found.rotation)

    return frozen_encoder(spec, weights, formula)


def _state(graph, features, channel: Channel, numbers: ChannelNumbers) -> tf.Tensor:
    weighted = features * numbers.column_weights
    squares = tf.reduce_sum(weighted**2, axis=1, keepdims=True)
    rows = tf.where(
        numbers.length_prior > 0,
        weighted * tf.math.rsqrt(squares + numbers.length_prior),
        unit_rows(weighted),
    )
    state = _propagated(graph, channel, numbers.coefficients, tf.matmul(rows, numbers.kernel))
    present = tf.ones_like(state[:, :1], tf.bool)
    if channel.can_be_absent:
        present = tf.reduce_max(tf.abs(state), axis=1, keepdims=True) > ABSENT
    rows = numbers.weight * unit_rows((state - numbers.mean) * numbers.scale)
    return tf.where(present, rows, tf.zeros_like(rows))


def _propagated(graph, channel: Channel, coefficients, state: tf.Tensor) -> tf.Tensor:
    """As `matrices.StepMatrices.product`."""
    count = coefficients.shape[0]
    if not channel.steps:
        return coefficients[0] * state
    factors = [_matrix(graph, step, channel.loops) for step in channel.steps]
    total = coefficients[count - 1] * state
    for power in range(count - 2, -1, -1):  # Horner's rule
        for matrix, _ in reversed(factors):
            total = tf.raw_ops.SparseMatrixMatMul(a=matrix, b=total)
        total += coefficients[power] * state
    if channel.others_only:
        total -= coefficients[1] * factors[0][1] * state
    return tf.ensure_shape(total, [None, state.shape[1]])


def _matrix(graph, step: str, loops: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """The normalised matrix of a step, and the sums of its squared entries by row [rows, 1]."""
    relation, direction = step[:-1], step[-1]
    edge_set_name = EDGE_SET if relation == LINKS else relation
    edges = graph.edge_sets[edge_set_name].adjacency
    ends = [
        (tf.cast(indices, tf.int64), graph.node_sets[name].total_size)
        for indices, name in ((edges.source, edges.source_name), (edges.target, edges.target_name))
    ]
    (rows, num_rows), (columns, num_columns) = ends[::-1] if direction == BACK else ends
    num_rows, num_columns = tf.cast(num_rows, tf.int64), tf.cast(num_columns, tf.int64)
    weights = edge_weights(graph, edge_set_name)
    if loops:
        every = tf.range(num_rows)
        weights = tf.concat([weights, tf.ones_like(every, tf.float32)], 0)
        rows, columns = tf.concat([rows, every], 0), tf.concat([columns, every], 0)

    def scale(indices, count):
        degrees = tf.math.unsorted_segment_sum(weights, indices, count)
        return tf.gather(tf.math.rsqrt(degrees), indices)

    values = scale(rows, num_rows) * weights * scale(columns, num_columns)
    squares = tf.math.unsorted_segment_sum(values**2, rows, num_rows)[:, tf.newaxis]
    return sparse_matrix(rows, columns, values, num_rows, num_columns), squares
