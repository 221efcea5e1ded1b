"""Embedding in blocks equals the encoder on the whole graph."""

import dataclasses

import numpy as np
import pytest
from graph_barlow_twins.pretrain.encoder.blockwise import embed_in_blocks
from graph_barlow_twins.pretrain.encoder.weights import EncoderWeights
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.datasets import load_dataset


def random_graph(nodes=60, features=7, seed=0):
    rng = np.random.default_rng(seed)
    return make_graph_data(
        name="g",
        features=rng.normal(1, 2, (nodes, features)),
        edge_index=rng.integers(0, nodes - 3, (2, 4 * nodes)),  # the last nodes have no links
    )


def encoder_with_random_weights(data, units, seed=0):
    """The package's own encoder, its weights all different from their first values."""
    from graph_barlow_twins.pretrain.encoder.gcn import build_encoder
    from graph_barlow_twins.pretrain.graph.tensor import graph_tensor_from_data, relaxed_spec

    graph = graph_tensor_from_data(data)
    encoder = build_encoder(relaxed_spec(graph), units)
    rng = np.random.default_rng(seed)
    encoder.set_weights([w + rng.normal(0, 0.3, w.shape) for w in encoder.get_weights()])
    return encoder, graph


def whole(encoder, graph):
    from graph_barlow_twins.pretrain.encoder.apply import embed

    return embed(encoder, graph)


def assert_equal(found, expected):
    assert found.dtype == np.float32
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("units", [(5,), (12, 4), (16, 8, 16), (7, 7)])
def test_blocks_equal_the_encoder(units):
    data = random_graph()
    encoder, graph = encoder_with_random_weights(data, units)
    weights = EncoderWeights.from_list(encoder.get_weights())
    for block_rows in (7, 1000):
        assert_equal(embed_in_blocks(weights, data, block_rows=block_rows), whole(encoder, graph))


@pytest.mark.slow
def test_blocks_equal_the_encoder_on_cora(planetoid_dir):
    data = load_dataset("planetoid:cora", str(planetoid_dir))
    encoder, graph = encoder_with_random_weights(data, (512, 256))
    weights = EncoderWeights.from_list(encoder.get_weights())
    assert_equal(embed_in_blocks(weights, data, block_rows=500), whole(encoder, graph))


def test_features_are_read_in_blocks(monkeypatch):
    data = random_graph()
    encoder, _ = encoder_with_random_weights(data, (8, 4))
    read = []
    plain = type(data).feature_rows
    monkeypatch.setattr(
        type(data), "feature_rows", lambda self, rows: read.append(rows) or plain(self, rows)
    )
    embed_in_blocks(EncoderWeights.from_list(encoder.get_weights()), data, block_rows=16)
    assert [(rows.start, rows.stop) for rows in read] == [(0, 16), (16, 32), (32, 48), (48, 60)]


def test_weights_of_another_encoder_are_refused():
    data = random_graph()
    encoder, _ = encoder_with_random_weights(data, (8, 4))
    weights = encoder.get_weights()
    for wrong, message in (
        (weights[:-1], "expected 4 L - 2 arrays"),
        ([], "expected 4 L - 2 arrays"),
        ([*weights[:-1], weights[-1][:3]], "layer 1 expects vectors of 4"),
        ([weights[0], weights[1][:3], *weights[2:]], "layer 0 expects vectors of 8"),
        ([weights[0][:, :5], *(w[:5] for w in weights[1:4]), *weights[4:]], "kernel 1 has shape"),
    ):
        with pytest.raises(ValueError, match=message):
            EncoderWeights.from_list(wrong)
    other = dataclasses.replace(data, features=data.features[:, :3])
    with pytest.raises(ValueError, match="expected 3 features, got 7"):
        embed_in_blocks(EncoderWeights.from_list(weights), other)
