"""The graph convolutional network: the encoder of dense features and of sampled subgraphs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..graph.tensor import num_dense_features
from .layers import (
    Bias,
    FeatureProjection,
    HiddenState,
    InitialFeatures,
    NormalizedActivation,
    Propagation,
)


def build_encoder(
    spec: tfgnn.GraphTensorSpec, units: Sequence[int], *, compiled: bool = False
) -> tf.keras.Model:
    """A graph convolutional network.

    The hidden layers and the last one map node states H [N, units[l - 1]] to

        PReLU(normalize(A H W))     and     A H W + b,

    with A = Di^(-1/2) (adjacency + I) Do^(-1/2) of the graph at hand, so a view with dropped edges
    has degrees of its own; the former is `NormalizedActivation`. The product is taken in the order
    with the narrower matrix between: A (H W) where a layer narrows, (A H) W where it widens.

    Args:
        spec: of a scalar graph as `graph_tensor` describes it; the weights are the same for dense
            and for sparse features.
        units: widths of the layers; the last one is the width of the representation.
        compiled: for graphs that all have the same number of nodes, see `NormalizedActivation`.

    Returns:
        A model from such graphs to graphs whose nodes have the feature `tfgnn.HIDDEN_STATE`
        [N, units[-1]]. Its weights follow from TensorFlow's seed (`tf.random.set_seed`).

    Source of the convolution: Kipf and Welling 2017, https://arxiv.org/abs/1609.02907.
    """
    graph = tf.keras.Input(type_spec=spec)
    width = num_dense_features(spec)
    if width is not None and width < units[0]:
        propagated = Propagation()([graph, InitialFeatures()(graph)])
        state = FeatureProjection(units[0])([graph, propagated])
    else:
        state = Propagation()([graph, FeatureProjection(units[0])(graph)])
    for units_before, units_after in itertools.pairwise(units):
        state = NormalizedActivation(compiled=compiled)(state)
        # No bias before a normalisation, which would remove it.
        project = tf.keras.layers.Dense(units_after, use_bias=False)
        if units_before < units_after:
            state = project(Propagation()([graph, state]))
        else:
            state = Propagation()([graph, project(state)])
    return tf.keras.Model(graph, HiddenState()([graph, Bias()(state)]), name="encoder")
