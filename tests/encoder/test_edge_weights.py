"""Every encoder, in every form, propagates with the weights of the edges."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.encoder.by_weights import embed_with
from graph_barlow_twins.pretrain.encoder.channels.gates import neighbour_likeness
from graph_barlow_twins.pretrain.encoder.channels.matrices import StepMatrices
from graph_barlow_twins.pretrain.encoder.channels.plan import planned
from graph_barlow_twins.pretrain.encoder.channels.start import start_channels
from graph_barlow_twins.pretrain.encoder.channels.weights import Channel
from graph_barlow_twins.pretrain.encoder.start import polynomial, start_weights
from graph_barlow_twins.pretrain.encoder.wide.weights import start_wide, statistics
from graph_barlow_twins.pretrain.graph.data import make_graph_data

from tests.graph.relational import packages

NODES = 40


def make_data(*, words=False, weight=True, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(1, 2, (NODES, 6))
    if words:
        features = scipy.sparse.csr_matrix((rng.random((NODES, 100)) < 0.04).astype(np.float32))
    return make_graph_data(
        name="g",
        features=features,
        edge_index=rng.integers(0, NODES - 3, (2, 130)),  # the last nodes have no links
        edge_weight=rng.gamma(0.5, size=130) + 0.01 if weight else None,
    )


def dense(data):
    return data.adjacency.matrix().toarray().astype(np.float64)


def with_loops(data):
    links = dense(data) + np.eye(data.num_nodes)
    return links / np.sqrt(np.outer(links.sum(axis=1), links.sum(axis=0)))


def exported(model, data):
    from graph_barlow_twins.pretrain.encoder.apply import embed
    from graph_barlow_twins.pretrain.graph.tensor import plain_graph

    return embed(model, plain_graph(data))


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5 * np.abs(expected).max())


def test_linear():
    from graph_barlow_twins.pretrain.encoder.apply import embed
    from graph_barlow_twins.pretrain.encoder.linear import build_linear_encoder
    from graph_barlow_twins.pretrain.encoder.weights import LinearWeights
    from graph_barlow_twins.pretrain.graph.tensor import (
        graph_tensor_from_data,
        plain_spec,
        relaxed_spec,
    )

    data = make_data(words=True)
    weights = start_weights(data, 8, 3, seed=0)
    kernel, columns, coefficients, scale = weights
    rows = data.features.toarray() * columns
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    expected = polynomial(with_loops(data), coefficients, rows @ kernel) * scale
    assert_close(embed_with(LinearWeights.from_list(weights), data), expected)
    graph = graph_tensor_from_data(data)
    encoder = build_linear_encoder(relaxed_spec(graph), 8, 3)
    encoder.set_weights(weights)
    assert_close(embed(encoder, graph), expected)
    encoder = build_linear_encoder(plain_spec(data), 8, 3)
    encoder.set_weights(weights)
    assert_close(exported(encoder, data), expected)


def test_gcn():
    from graph_barlow_twins.pretrain.encoder.blockwise import embed_in_blocks
    from graph_barlow_twins.pretrain.encoder.gcn import build_encoder
    from graph_barlow_twins.pretrain.encoder.weights import EncoderWeights
    from graph_barlow_twins.pretrain.graph.tensor import plain_spec

    data = make_data()
    encoder = build_encoder(plain_spec(data), (5,))
    rng = np.random.default_rng(1)
    encoder.set_weights([w + rng.normal(0, 0.3, w.shape) for w in encoder.get_weights()])
    kernel, bias = encoder.get_weights()
    expected = with_loops(data) @ data.features.astype(np.float64) @ kernel + bias
    assert_close(exported(encoder, data), expected)
    weights = EncoderWeights.from_list(encoder.get_weights())
    assert_close(embed_in_blocks(weights, data, block_rows=7), expected)


def test_channels():
    from graph_barlow_twins.pretrain.encoder.channels.layers import build_channel_encoder
    from graph_barlow_twins.pretrain.graph.tensor import plain_spec

    data = make_data(words=True)
    state = np.random.default_rng(1).random((NODES, 3))
    links = dense(data)
    degrees = np.where(links.sum(axis=0) > 0, links.sum(axis=0), 1)
    hop = links / np.sqrt(np.outer(degrees, degrees))
    power = np.array([0, 0, 1], np.float32)
    found = StepMatrices(data).product(Channel("two", ("links>",)), power, state)
    np.testing.assert_allclose(found, hop @ hop @ state, rtol=1e-5)
    plans = planned(data, {"own": 1.5, "hop": 1.0, "two-hops": 0.5, "smooth": 0.3}, 4)
    weights, _ = start_channels(data, plans, 16, seed=0)
    model = build_channel_encoder(plain_spec(data), weights)
    assert_close(exported(model, data), embed_with(weights, data))
    others = embed_with(weights, make_data(words=True, weight=False))
    assert np.abs(others - embed_with(weights, data)).max() > 1e-2


def test_channels_of_relations():
    from graph_barlow_twins.pretrain.encoder.channels.layers import build_channel_encoder
    from graph_barlow_twins.pretrain.encoder.channels.plan import relation_weights
    from graph_barlow_twins.pretrain.graph.tensor import plain_spec

    rng = np.random.default_rng(0)
    plain = packages()
    data = make_graph_data(
        name="weighted",
        features=plain.features,
        relations={
            "edge_index_cites": plain.relation("cites").edge_index,
            "edge_weight_cites": rng.random(plain.relation("cites").edge_index.shape[1]),
            "edge_index_belongs": plain.relation("belongs").edge_index,
            "num_targets_belongs": plain.relation("belongs").num_targets,
            "edge_weight_belongs": rng.random(plain.relation("belongs").edge_index.shape[1]),
        },
    )
    plans = planned(data, relation_weights(data), 4)
    weights, _ = start_channels(data, plans, 16, seed=0)
    model = build_channel_encoder(plain_spec(data), weights)
    assert_close(exported(model, data), embed_with(weights, data))


def test_wide():
    from graph_barlow_twins.pretrain.encoder.wide.layers import build_wide_encoder
    from graph_barlow_twins.pretrain.graph.tensor import plain_spec

    data = make_data()
    weights = start_wide(data, 16, seed=0)
    features = (data.features - weights.center) / weights.spread
    links = dense(data)
    strengths = links.sum(axis=1, keepdims=True)
    mean_of = links / np.where(strengths > 0, strengths, 1)
    found = statistics(data, weights.center, weights.spread)
    np.testing.assert_allclose(found[:, 6:12], mean_of @ features, atol=1e-5)
    np.testing.assert_allclose(found[:, 24:25], np.log1p(strengths), atol=1e-5)
    model = build_wide_encoder(plain_spec(data), weights)
    assert_close(exported(model, data), embed_with(weights, data))


def test_likeness_counts_links_by_weight():
    """A link that weighs next to nothing is as one that is not there."""
    rng = np.random.default_rng(0)
    features = np.repeat(np.eye(4, dtype=np.float32), 10, axis=0)
    alike = np.stack([np.arange(0, 40, 2), np.arange(1, 40, 2)])
    unlike = rng.integers(0, 40, (2, 200))
    edges = np.hstack([alike, unlike])
    kept = make_graph_data(name="g", features=features, edge_index=alike)
    both = make_graph_data(
        name="g", features=features, edge_index=edges, edge_weight=[1] * 20 + [1e-6] * 200
    )
    found = [
        neighbour_likeness(data, np.ones(4, np.float32), np.random.default_rng(0))
        for data in (kept, both)
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-4)
    assert found[0] == pytest.approx(1)


@pytest.mark.slow  # TF-GNN's sampler takes ten seconds to trace
def test_sampled_subgraphs_carry_them():
    import tensorflow as tf
    from graph_barlow_twins.pretrain.graph.tensor import EDGE_SET, EDGE_WEIGHT, FEATURE, NODE_SET
    from graph_barlow_twins.pretrain.training.steps.sampler import (
        SubgraphSampler,
        UndirectedSubgraphs,
    )

    data = make_data()
    sampler = SubgraphSampler(data, data.adjacency, fan_out=(4, 3), seed=0)
    roots = tf.constant([3, 0, 2], tf.int64)
    batch = sampler(roots, tf.range(3, dtype=tf.int64), tf.constant(0, tf.int64))
    graph = UndirectedSubgraphs(2)(batch.merge_batch_to_components())
    rows = graph.node_sets[NODE_SET][FEATURE].numpy()
    nodes = [int(np.abs(data.features - row).sum(axis=1).argmin()) for row in rows]
    edges = graph.edge_sets[EDGE_SET]
    ends = [
        np.array(nodes)[one.numpy()] for one in (edges.adjacency.source, edges.adjacency.target)
    ]
    assert len(ends[0]) > 20
    np.testing.assert_allclose(edges[EDGE_WEIGHT].numpy(), dense(data)[tuple(ends)], rtol=1e-6)
