"""The linear encoder for bags of words: one kernel, propagated over several hops."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..graph.tensor import EDGE_SET
from .layers import FeatureProjection, HiddenState, edge_weights, unit_rows
from .sparse_product import host_propagation, sparse_matrix, sparse_polynomial
from .start import hop_coefficients


def build_linear_encoder(
    spec: tfgnn.GraphTensorSpec, width: int, hops: int, *, on_host: bool = False
) -> tf.keras.Model:
    """``H = P(A) R X diag(w) W diag(s)``: a linear map of the words of a node's surroundings.

    w weighs the feature columns, R scales each row of X diag(w) to length 1, W is the one trained
    part, P(A) mixes the hops (`MixedPropagation`), and s gives each column of the result its scale,
    which the loss is blind to and a regularised probe is not. `start.start_weights` chooses
    W, w and s.

    Args:
        spec: of a scalar graph as `graph_tensor` describes it, with dense or sparse features.
        width: D, columns of the representation.
        hops: K, at least 0.
        on_host: see `MixedPropagation`.

    Returns:
        A model from such graphs to graphs whose nodes have the feature `tfgnn.HIDDEN_STATE`
        [N, width]. Its weights are W [F, width], w [F], the coefficients of P [hops + 1] and s
        [width], in this order.

    Sources: Wu et al. 2019, https://arxiv.org/abs/1902.07153, for linear encoders; Zhu and Koniusz
    2021, https://openreview.net/forum?id=CYO5T-YjWZV, equation 8, for the mixture of hops.
    """
    graph = tf.keras.Input(type_spec=spec)
    state = MixedPropagation(hops, on_host=on_host)([graph, RowProjection(width)(graph)])
    state = ColumnScale()(state)
    return tf.keras.Model(graph, HiddenState()([graph, state]), name="encoder")


class RowProjection(FeatureProjection):
    """``R X diag(w) diag(m) W``, where R scales each row of X diag(w) to length 1.

    A masked view keeps the row lengths of the whole graph, as if its words had been struck out in a
    finished matrix. Rows of zeros stay. The column weights w are not trained.
    """

    def make_weights(self, num_features: int):
        """Makes the kernel [F, units] and the column weights [F], 1 at first."""
        super().make_weights(num_features)
        self.column_weights = self.add_weight(
            "column_weights", [num_features], initializer="ones", trainable=False
        )

    def scaled(self, features: tf.Tensor) -> tf.Tensor:
        """``R X diag(w)``."""
        return unit_rows(features * self.column_weights)

    def scaled_entries(self, values: tf.Tensor, rows, columns, num_rows) -> tf.Tensor:
        """The same of sparse features, entry by entry."""
        weighted = values * tf.gather(self.column_weights, columns)
        largest = tf.math.unsorted_segment_max(tf.abs(weighted), rows, num_rows)
        weighted = tf.math.divide_no_nan(weighted, tf.gather(largest, rows))
        squares = tf.math.unsorted_segment_sum(weighted**2, rows, num_rows)
        return tf.math.divide_no_nan(weighted, tf.gather(tf.sqrt(squares), rows))


class MixedPropagation(tf.keras.layers.Layer):
    """``P(A) H = (c[0] I + c[1] A + ... + c[K] A^K) H``.

    A = Di^(-1/2) (adjacency + I) Do^(-1/2), as in `layers.Propagation`. The coefficients c
    are a weight that is not trained, so an exported model tells them; `hop_coefficients` at first.

    Args:
        hops: K; with 0 the layer returns H.
        on_host: whether NumPy's side of this process does it (`host_propagation`), in a third of
            the time; such a layer cannot be saved.
    """

    def __init__(self, hops: int, *, on_host: bool = False, **kwargs):
        super().__init__(**kwargs)
        self._hops, self._on_host = hops, on_host

    def build(self, input_shape):
        """Makes the coefficients."""
        super().build(input_shape)
        first = tf.keras.initializers.Constant(hop_coefficients(self._hops))
        self.coefficients = self.add_weight(
            "coefficients", [self._hops + 1], initializer=first, trainable=False
        )

    def call(self, inputs):
        """``[graph, H [N, width]]`` to [N, width]."""
        graph, state = inputs
        coefficients = tf.unstack(tf.convert_to_tensor(self.coefficients))
        if not self._hops:
            return coefficients[0] * state
        edges = graph.edge_sets[EDGE_SET].adjacency
        if self._on_host:
            ends = edges.target, edges.source
            return host_propagation(*ends, edge_weights(graph), self.coefficients, state)
        nodes = tf.shape(state, tf.int64)[0]
        loops = tf.range(nodes)
        target = tf.concat([tf.cast(edges.target, tf.int64), loops], axis=0)
        source = tf.concat([tf.cast(edges.source, tf.int64), loops], axis=0)
        weights = tf.concat([edge_weights(graph), tf.ones_like(loops, tf.float32)], axis=0)

        def scale(ends):
            degrees = tf.math.unsorted_segment_sum(weights, ends, nodes)
            return tf.gather(tf.math.rsqrt(degrees), ends)

        values = scale(target) * weights * scale(source)
        matrix = sparse_matrix(target, source, values, nodes, nodes)
        return sparse_polynomial(matrix, coefficients, state)


class ColumnScale(tf.keras.layers.Layer):
    """Multiplies each feature by a number that is not trained."""

    def build(self, input_shape):
        """Makes the scale, 1 at first."""
        self.scale = self.add_weight(
            "scale", [input_shape[-1]], initializer="ones", trainable=False
        )

    def call(self, inputs):
        """Float [N, width] to the same shape."""
        return inputs * self.scale
