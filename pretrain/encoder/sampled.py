"""The encoder on sampled subgraphs: it computes what the roots need, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..graph.tensor import EDGE_SET, HOP, NODE_SET
from .layers import (
    Bias,
    FeatureProjection,
    InitialFeatures,
    NormalizedActivation,
    degree_scale,
    edge_weights,
)
from .sparse_product import sparse_product


def build_sampled_encoder(
    spec: tfgnn.GraphTensorSpec, units: Sequence[int], *, trains_bias: bool = True
) -> tf.keras.Model:
    """`gcn.build_encoder`, trimmed to the neighbourhoods of the roots.

    With L layers, layer l is computed for the nodes at most L - l hops from their root: with
    neighbours drawn 10 and 5 at a time the widest product is taken over one row per root in place
    of fifty. The formula is the encoder's, and so are the weights and their order. Degrees count
    the edges of the whole view, and the hidden normalisation takes its statistics of the nodes
    that the layer is computed for, whose neighbourhoods have been sampled.

    Args:
        spec: of the graphs that `SubgraphSampler` makes, as views.
        units: widths of the layers, as many as hops.
        trains_bias: False: it stays 0. A loss that standardises its rows does not see it: the
            gradient is rounding, which Adam would take for a direction.

    Returns:
        A model from such graphs to graphs of one node per component, the root, with the feature
        `tfgnn.HIDDEN_STATE` [components, units[-1]].

    Source of the trimming: Hamilton, Ying and Leskovec 2017, https://arxiv.org/abs/1706.02216,
    algorithm 2.
    """
    graph = tf.keras.Input(type_spec=spec)
    state = InwardPropagation(len(units) - 1)([graph, InitialFeatures()(graph)])
    state = FeatureProjection(units[0])([graph, state])
    for layer, width in enumerate(units[1:], start=1):
        state = NormalizedActivation()(state)
        state = InwardPropagation(len(units) - 1 - layer)([graph, state])
        state = tf.keras.layers.Dense(width, use_bias=False)(state)
    return tf.keras.Model(
        graph, RootStates()([graph, Bias(trainable=trains_bias)(state)]), name="encoder"
    )


class InwardPropagation(tf.keras.layers.Layer):
    """`layers.Propagation` for the nodes at most ``hops`` hops from their root.

    Args:
        hops: at least 0.

    Call arguments: ``[graph, H]``, where H [m, width] has one row for each node at most
    ``hops + 1`` hops from its root, in their order. Returns: one row for each node at most ``hops``
    hops from its root.
    """

    def __init__(self, hops: int, **kwargs):
        super().__init__(**kwargs)
        self._hops = hops

    def call(self, inputs):
        """See the class."""
        graph, state = inputs
        hop = graph.node_sets[NODE_SET][HOP]
        adjacency = graph.edge_sets[EDGE_SET].adjacency
        is_input, is_output = hop <= self._hops + 1, hop <= self._hops
        # No edge is longer than a hop, so where the target is an output the source is an input.
        is_used = tf.gather(is_output, adjacency.target)
        source = tf.boolean_mask(adjacency.source, is_used)
        target = tf.boolean_mask(adjacency.target, is_used)
        weights = edge_weights(graph)
        scale_out = degree_scale(adjacency.source, weights, tf.size(hop))
        scaled = state * tf.boolean_mask(scale_out, is_input)
        neighbours = sparse_product(
            tf.gather(_positions(is_output), target),
            tf.gather(_positions(is_input), source),
            tf.boolean_mask(weights, is_used),
            tf.math.count_nonzero(is_output),
            scaled,
        )
        own = tf.boolean_mask(scaled, tf.boolean_mask(is_output, is_input))
        scale_in = degree_scale(adjacency.target, weights, tf.size(hop))
        return (neighbours + own) * tf.boolean_mask(scale_in, is_output)


class RootStates(tf.keras.layers.Layer):
    """A graph of the roots alone, with their states as `tfgnn.HIDDEN_STATE`."""

    def call(self, inputs):
        """``[graph, states [components, width]]`` to a graph without edges."""
        graph, state = inputs
        sizes = tf.ones_like(graph.node_sets[NODE_SET].sizes)
        roots = tfgnn.NodeSet.from_fields(sizes=sizes, features={tfgnn.HIDDEN_STATE: state})
        return tfgnn.GraphTensor.from_pieces(context=graph.context, node_sets={NODE_SET: roots})


def _positions(is_kept: tf.Tensor) -> tf.Tensor:
    """Where each kept row lies among the kept ones, int64 [n]."""
    return tf.cumsum(tf.cast(is_kept, tf.int64)) - 1
