"""The encoder against its formula, with dense and sparse features, masked and dropped views."""

import graph_barlow_twins.tfgnn_task as gbt  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.pretrain.encoder.gcn import build_encoder
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.tensor import (
    COLUMNS,
    EDGE_SET,
    FEATURE,
    KEPT_COLUMNS,
    NODE_SET,
    graph_tensor_from_data,
    plain_spec,
    relaxed_spec,
)

NODES, EDGES = 60, 150
# Layers that widen and that narrow: the product is taken in either order.
CASES = [
    ((4,), False, 0.04),
    ((64, 8), False, 1.0),
    ((8, 16), True, 1.0),
    ((64, 32, 48), True, 0.04),
    ((8, 16, 16), False, 1.0),
]


def make_data(num_features=40, density=0.04):
    rng = np.random.default_rng(0)
    features = scipy.sparse.random(NODES, num_features, density, "csr", np.float32, random_state=3)
    return make_graph_data(
        name="random",
        features=features if density < 0.5 else features.toarray(),
        edge_index=rng.integers(0, NODES, [2, EDGES]),
    )


def plain_graph(data, features=None, edges=slice(None)):
    """As exported models take it; ``edges`` in any order."""
    source, target = data.edge_index[:, edges]
    if features is None:
        features = data.feature_rows(slice(None))
    return tfgnn.homogeneous(
        source=tf.constant(source),
        target=tf.constant(target),
        node_features={FEATURE: tf.constant(features)},
    )


def representations(encoder, graph):
    return encoder(graph).node_sets[NODE_SET][tfgnn.HIDDEN_STATE].numpy()


def by_formula(weights, features, source, target):
    """In float64, from `build_encoder`'s docstring."""
    weights = [np.asarray(weight, np.float64) for weight in weights]
    adjacency = np.eye(NODES)
    np.add.at(adjacency, (target, source), 1)
    scale_in, scale_out = adjacency.sum(1) ** -0.5, adjacency.sum(0) ** -0.5
    operator = scale_in[:, None] * adjacency * scale_out
    state = np.asarray(features, np.float64)
    while len(weights) > 2:
        kernel, gamma, beta, slope, *weights = weights
        state = operator @ state @ kernel
        state = gamma * (state - state.mean(0)) / np.sqrt(state.var(0) + 1e-3) + beta
        state = np.where(state > 0, state, slope * state)
    kernel, bias = weights
    return operator @ state @ kernel + bias


def randomise(encoder):
    """Other gammas, betas, slopes and biases than the initial ones."""
    rng = np.random.default_rng(5)
    encoder.set_weights([rng.normal(size=w.shape).astype(np.float32) for w in encoder.weights])
    return encoder


@pytest.mark.parametrize(("units", "compiled", "density"), CASES)
def test_is_its_formula(units, compiled, density):
    data = make_data(density=density)
    graph = graph_tensor_from_data(data)
    assert (COLUMNS in graph.node_sets[NODE_SET].features) == (density < 0.5)
    encoder = randomise(build_encoder(relaxed_spec(graph), units, compiled=compiled))
    actual = representations(encoder, graph)
    expected = by_formula(encoder.get_weights(), data.feature_rows(slice(None)), *data.edge_index)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("density", [0.04, 1.0])
def test_weights_serve_plain_graphs_with_edges_in_any_order(density):
    data = make_data(density=density)
    graph = graph_tensor_from_data(data)
    encoder = randomise(build_encoder(relaxed_spec(graph), (16, 8), compiled=True))
    plain = build_encoder(plain_spec(data), (16, 8))
    plain.set_weights(encoder.get_weights())
    order = np.random.default_rng(1).permutation(data.num_edges)
    actual = representations(plain, plain_graph(data, edges=order))
    expected = representations(encoder, graph)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("density", [0.04, 1.0])
def test_a_view_is_the_graph_with_masked_columns_and_fewer_edges(density):
    data = make_data(density=density)
    graph = graph_tensor_from_data(data)
    view = gbt.Compose(
        [
            gbt.DropEdges({EDGE_SET: 0.5}),
            gbt.MaskFeatures(gbt.CorruptionSpec(context_corruption={KEPT_COLUMNS: 0.4})),
        ],
        seed=1,
    )(graph)
    kept = view.context[KEPT_COLUMNS][0].numpy()
    assert 0 < kept.sum() < len(kept)
    adjacency = view.edge_sets[EDGE_SET].adjacency
    ends = adjacency.source.numpy(), adjacency.target.numpy()
    assert 0 < len(ends[0]) < data.num_edges
    encoder = randomise(build_encoder(relaxed_spec(graph), (16, 8)))
    expected = by_formula(encoder.get_weights(), data.feature_rows(slice(None)) * kept, *ends)
    actual = representations(encoder, view)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_compiled_or_not_and_sparse_or_dense_the_gradients_are_the_same():
    data = make_data()
    sparse = graph_tensor_from_data(data)
    context = {KEPT_COLUMNS: tf.ones([1, data.num_features])}
    dense = plain_graph(data).replace_features(context=context)
    gradients, weights = [], None
    for graph, compiled in ((sparse, True), (sparse, False), (dense, False)):
        encoder = build_encoder(relaxed_spec(graph), (64, 32, 48), compiled=compiled)
        if weights is None:
            weights = randomise(encoder).get_weights()
        encoder.set_weights(weights)

        @tf.function(autograph=False)
        def step(graph, encoder=encoder):
            with tf.GradientTape() as tape:
                states = encoder(graph).node_sets[NODE_SET][tfgnn.HIDDEN_STATE]
                loss = tf.reduce_mean(tf.sin(states))
            return tape.gradient(loss, encoder.trainable_weights)

        gradients.append(step(graph))
    for first, *others in zip(*gradients, strict=True):
        for other in others:
            # Wider than values: an entry near 0 may fall on either side of the PReLU's kink.
            scale = np.abs(first).max()
            np.testing.assert_allclose(other, first, rtol=0, atol=2e-4 * scale)
