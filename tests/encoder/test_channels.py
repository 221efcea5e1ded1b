"""The encoder of channels: its definition, entry by entry, against every way to compute it."""

import graph_barlow_twins.tfgnn_task  # noqa: F401 - before TensorFlow: it selects Keras 2
import numpy as np
import pytest
from graph_barlow_twins.pretrain.encoder.by_weights import embed_with
from graph_barlow_twins.pretrain.encoder.channels.apply import channel_states
from graph_barlow_twins.pretrain.encoder.channels.layers import build_channel_encoder
from graph_barlow_twins.pretrain.encoder.channels.plan import (
    channel_weights,
    planned,
    relation_weights,
)
from graph_barlow_twins.pretrain.encoder.channels.start import (
    principal_directions,
    start_channels,
)
from graph_barlow_twins.pretrain.encoder.start import column_weights
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.data import make_graph_data

from tests.graph.relational import NODES, WORDS, packages

HOPS, WIDTH = 3, 20
HOMOGENEOUS = {"own": 1.5, "hop": 0.5, "two-hops": 0.25, "smooth": 0.75}


def started(data, weights):
    return start_channels(data, planned(data, weights, HOPS), WIDTH, seed=0)[0]


def operator(data, channel, coefficients):
    """Float64 [N, N] of the graph as it is."""
    if not channel.steps:
        return coefficients[0] * np.eye(data.num_nodes)
    product = np.eye(data.num_nodes)
    for step in channel.steps:
        if step[:-1] == "links":
            A = np.zeros((data.num_nodes, data.num_nodes))
            A[tuple(data.edge_index)] = 1
        else:
            relation = data.relation(step[:-1])
            A = np.zeros((data.num_nodes, relation.num_targets))
            A[tuple(relation.edge_index)] = 1
        A = A.T if step[-1] == "<" else A
        A = A + np.eye(len(A)) if channel.loops else A
        rows, columns = (np.maximum(A.sum(axis=axis, keepdims=True), 1) for axis in (1, 0))
        product = product @ (A / np.sqrt(rows) / np.sqrt(columns))
    if channel.others_only:
        product = product - np.diag(np.diag(product))
    powers = [np.linalg.matrix_power(product, k) for k in range(len(coefficients))]
    return sum(c * power for c, power in zip(coefficients, powers, strict=True))


def by_definition(data, weights):
    X = data.feature_rows(slice(None)).astype(np.float64)
    states = []
    for channel, numbers in zip(weights.channels, weights.numbers, strict=True):
        rows = X * numbers.column_weights
        length = np.sqrt((rows**2).sum(axis=1, keepdims=True) + numbers.length_prior)
        rows = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
        state = operator(data, channel, numbers.coefficients) @ rows @ numbers.kernel
        there = np.abs(state).max(axis=1, keepdims=True) > 1e-9
        state = (state - numbers.mean) * numbers.scale
        state *= numbers.weight / np.linalg.norm(state, axis=1, keepdims=True)
        states.append(state if channel.name in HOMOGENEOUS else np.where(there, state, 0))
    return (np.hstack(states) - weights.mean) @ weights.rotation


@pytest.mark.parametrize("sparse", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["homogeneous", "relations"])
def test_every_way_is_the_definition(kind, sparse):
    import tensorflow as tf
    from graph_barlow_twins.pretrain.encoder.apply import embed
    from graph_barlow_twins.pretrain.graph.tensor import plain_graph, plain_spec

    data = packages(sparse=sparse)
    weights = started(data, HOMOGENEOUS if kind == "homogeneous" else relation_weights(data))
    expected = by_definition(data, weights)
    assert expected.shape == (NODES, WIDTH)
    found = embed_with(weights, data)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5)
    model = build_channel_encoder(plain_spec(data), weights)
    np.testing.assert_allclose(embed(model, plain_graph(data)), expected, atol=2e-5)
    traced = tf.function(lambda graph: embed_of(model, graph), autograph=False)
    np.testing.assert_allclose(traced(plain_graph(data)), expected, atol=2e-5)


def embed_of(model, graph):
    from graph_barlow_twins.pretrain.encoder.apply import read_out

    return read_out(model(graph))


def test_a_node_that_has_nothing_in_a_relation():
    data = packages()
    weights = started(data, relation_weights(data))
    states = dict(
        zip([one.name for one in weights.channels], channel_states(weights, data), strict=True)
    )
    cited = np.unique(data.relation("cites").edge_index[1])
    nobody = np.setdiff1d(np.arange(NODES), cited)
    assert len(nobody) >= 4
    np.testing.assert_array_equal(states["cites<"][nobody], 0)
    np.testing.assert_array_equal(states["belongs><"][NODES - 1], 0)
    lengths = np.linalg.norm(states["own"], axis=1)
    np.testing.assert_allclose(lengths, 1.5, rtol=1e-5)  # also without a word


def test_channels_of_relations_have_names_and_widths():
    data = packages()
    names = ["cites>", "cites<", "cites><", "cites<>", "uses>", "uses<", "uses><", "uses<>"]
    assert relation_weights(data) == {"own": 1.5} | dict.fromkeys([*names, "belongs><"], 1.0)
    widths = {one.channel.name: one.width for one in planned(data, relation_weights(data), HOPS)}
    assert set(widths.values()) == {WORDS}


def test_weights_that_are_given():
    data = packages()
    given = channel_weights(data, ["own=1", "cites><=0.5", "smooth=0"], None)
    assert given == {"own": 1.0, "cites><": 0.5, "smooth": 0.0}
    assert [one.channel.name for one in planned(data, given, HOPS)] == ["own", "cites><"]
    for wrong, message in (
        ("own", "expected NAME=WEIGHT"),
        ("own=x", "expected NAME=WEIGHT"),
        ("own=-1", "expected NAME=WEIGHT"),
        ("own=nan", "expected NAME=WEIGHT"),
        ("likes>=1", "expected one of own, hop, two-hops, smooth, cites>"),
        ("own=0", "at least one weight above 0"),
    ):
        with pytest.raises(InputError, match=message):
            channel_weights(data, [wrong], None)


@pytest.mark.parametrize("shape", [(40, 25), (25, 40)])
@pytest.mark.parametrize("width", [5, 25])
def test_principal_directions_are_those_of_a_decomposition(shape, width):
    rng = np.random.default_rng(0)
    scale = 0.7 ** np.arange(25)
    M = rng.normal(size=(shape[0], 25)) * scale @ np.linalg.qr(rng.normal(size=(shape[1], 25)))[0].T
    M = M.astype(np.float32)
    found, values = principal_directions(
        lambda one: M @ one, lambda one: M.T @ one, shape, width, rng
    )
    _, expected, right = np.linalg.svd(M, full_matrices=False)
    np.testing.assert_allclose(values[:5], expected[:5], rtol=1e-3)
    np.testing.assert_allclose(np.abs(np.diag(right[:5] @ found[:, :5])), 1, atol=1e-3)
    np.testing.assert_allclose(found.T @ found, np.eye(found.shape[1]), atol=1e-3)
    assert (values > 1e-4 * values[0]).all()


def test_the_start_is_the_principal_components_of_the_channels():
    data = packages()
    weights = started(data, HOMOGENEOUS)
    embedding = embed_with(weights, data).astype(np.float64)
    np.testing.assert_allclose(embedding.mean(axis=0), 0, atol=1e-5)
    covariance = embedding.T @ embedding
    off = covariance - np.diag(np.diag(covariance))
    assert np.abs(off).max() < 1e-4 * covariance.max()
    assert (np.diff(np.diag(covariance)) <= 1e-5).all()
    own = weights.numbers[0]
    np.testing.assert_allclose(own.column_weights, column_weights(data.features, 100))
    smooth = weights.numbers[-1]
    np.testing.assert_allclose(smooth.column_weights, column_weights(data.features))
    assert own.length_prior > 0 == smooth.length_prior
    again = started(data, HOMOGENEOUS)
    for one, other in zip(weights.to_list(), again.to_list(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nodes_that_are_all_alike():
    """No direction is made of rounding."""
    data = make_graph_data(
        name="g", features=np.full((9, 4), 0.1), edge_index=[[0, 1, 2], [1, 2, 3]]
    )
    weights = started(data, {"own": 1.0})
    np.testing.assert_array_equal(embed_with(weights, data), 0)
