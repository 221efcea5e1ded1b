"""Draws by node id: the same whatever the batch, the order of the rows, or the component."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import (
    Compose,
    CorruptionSpec,
    DropEdges,
    DropNodes,
    DropoutFeatures,
    MaskFeatures,
    ShuffleFeaturesGlobally,
)

from tests.corruption.graphs import assert_same_graph, features_of, same, to_list

NODES, EDGES = 24, 60
FLOATS = {"default": 0.5, "skip_non_floating": True, "node_id_feature": "id"}
BY_ID = [
    ShuffleFeaturesGlobally(node_id_feature="id"),
    ShuffleFeaturesGlobally(default=0.4, node_id_feature="id"),
    ShuffleFeaturesGlobally(joint=True, node_id_feature="id"),
    DropoutFeatures(**FLOATS),
    MaskFeatures(CorruptionSpec({"a": {"tags": 0.0}}), **FLOATS),
    DropEdges(0.5, node_id_feature="id"),
    DropEdges(0.5, undirected=True, node_id_feature="id"),
    DropNodes(0.5, keep_first_node=False, node_id_feature="id"),
    Compose(
        [DropNodes(0.3, keep_first_node=False, node_id_feature="id"), DropoutFeatures(**FLOATS)]
    ),
]


def key():
    return tf.constant(5, tf.uint64)


def make(order=None, edge_order=None, nodes=None):
    """A graph of one component with its nodes and edges in any order, or of some nodes alone."""
    rng = np.random.default_rng(1)
    ids = rng.choice(10**12, NODES, replace=False) - 5 * 10**11
    source, target = rng.integers(0, NODES, (2, EDGES))
    words = rng.random((NODES, 30), np.float32)
    tags = [rng.random(i % 4).tolist() for i in range(NODES)]
    order = np.arange(NODES) if order is None else order
    place = np.full(NODES, -1)
    place[order] = np.arange(len(order))
    edge_order = np.arange(EDGES) if edge_order is None else edge_order
    edge_order = [e for e in edge_order if place[source[e]] >= 0 and place[target[e]] >= 0]
    return tfgnn.homogeneous(
        tf.constant(place[source[edge_order]]),
        tf.constant(place[target[edge_order]]),
        node_features={
            "id": tf.constant(ids[order]),
            "words": tf.constant(words[order]),
            "tags": tf.ragged.constant([tags[i] for i in order], ragged_rank=1, dtype=tf.float32),
        },
        edge_features={"weight": tf.constant(edge_order, tf.float32) + 1},
        node_set_name="a",
        edge_set_name="e",
    )


def by_ids(graph):
    """``{id: features}`` of the nodes, and the edges as a list of ids and weights."""
    nodes = graph.node_sets["a"]
    ids = nodes["id"].numpy()
    features = {
        int(i): (to_list(nodes["words"][row]), to_list(nodes["tags"][row]))
        for row, i in enumerate(ids)
    }
    adjacency = graph.edge_sets["e"].adjacency
    weights = graph.edge_sets["e"]["weight"].numpy().tolist()
    ends = zip(ids[adjacency.source], ids[adjacency.target], weights, strict=True)
    return features, sorted((int(u), int(v), w) for u, v, w in ends)


@pytest.mark.parametrize("corruptor", BY_ID, ids=lambda c: c.name)
def test_the_order_of_the_rows_does_not_matter(corruptor):
    rng = np.random.default_rng(2)
    expected = by_ids(corruptor.corrupt(make(), key()))
    assert expected != by_ids(make())
    shuffles_edges = isinstance(corruptor, ShuffleFeaturesGlobally)
    # Edges with equal endpoints have equal ids: their order counts in a shuffle.
    edge_order = None if shuffles_edges else rng.permutation(EDGES)
    graph = make(rng.permutation(NODES), edge_order)
    assert by_ids(corruptor.corrupt(graph, key())) == expected


@pytest.mark.parametrize("corruptor", BY_ID[3:], ids=lambda c: c.name)
def test_the_rest_of_the_batch_does_not_matter(corruptor):
    some = np.random.default_rng(3).permutation(NODES)[:15]
    features, edges = by_ids(corruptor.corrupt(make(), key()))
    alone, edges_alone = by_ids(corruptor.corrupt(make(some), key()))
    assert 3 < len(alone) <= 15
    assert alone.items() <= features.items()
    ids = set(by_ids(make(some))[0])
    assert edges_alone == [(u, v, w) for u, v, w in edges if {u, v} <= ids]


def test_undirected_pairs_share_a_draw_by_id():
    graph = tfgnn.homogeneous(
        tf.constant([0, 1, 2, 3, 0, 2]),
        tf.constant([1, 0, 3, 2, 1, 3]),
        node_features={"id": tf.constant([7, 5, 9, 4])},
    )
    seen = set()
    for number in range(12):
        after = DropEdges(0.5, undirected=True, node_id_feature="id").corrupt(
            graph, tf.constant(number, tf.uint64)
        )
        adjacency = after.edge_sets["edges"].adjacency
        seen.add(tuple(zip(adjacency.source.numpy(), adjacency.target.numpy(), strict=True)))
    first, second = ((0, 1), (1, 0), (0, 1)), ((2, 3), (3, 2), (2, 3))
    assert seen == {(), first, second, (*first[:2], *second[:2], first[2], second[2])}


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_ids_are_not_corrupted(dtype):
    graph = make()
    features = {**graph.node_sets["a"].features}
    features["id"] = tf.range(NODES, dtype=dtype)[:, tf.newaxis]  # a column will do
    graph = graph.replace_features(node_sets={"a": features})
    for corruptor in (ShuffleFeaturesGlobally(node_id_feature="id"), DropoutFeatures(**FLOATS)):
        after = corruptor.corrupt(graph, key())
        assert same(after.node_sets["a"]["id"], features["id"])
    explicit = ShuffleFeaturesGlobally(CorruptionSpec({"a": {"id": 1.0}}), node_id_feature="id")
    with pytest.raises(ValueError, match='Feature "id" of node set "a" keys the corruption'):
        explicit(graph)


def two_sets(**ids):
    """Two node sets, with the id features given."""
    sets = {
        name: tfgnn.NodeSet.from_fields(
            sizes=[2], features={"x": tf.ones([2, 1])} | ({"id": ids[name]} if name in ids else {})
        )
        for name in ("a", "b")
    }
    edges = tfgnn.EdgeSet.from_fields(
        sizes=[2],
        features={"w": tf.ones([2])},
        adjacency=tfgnn.Adjacency.from_indices(("a", [0, 1]), ("b", [0, 1])),
    )
    return tfgnn.GraphTensor.from_pieces(node_sets=sets, edge_sets={"e": edges})


@pytest.mark.parametrize(
    ("corruptor", "where"),
    [
        (ShuffleFeaturesGlobally, r'"id" is not a feature of node set "b" .it has \[\'x\'\]'),
        (DropEdges, r'Edge set "e": node_id_feature "id" is not a feature of node set "b"'),
        (DropNodes, r'"id" is not a feature of node set "b"'),
    ],
)
def test_every_node_set_needs_the_ids(corruptor, where):
    options = {"default": 1.0} if corruptor is ShuffleFeaturesGlobally else {"rate": 0.5}
    with pytest.raises(ValueError, match=where):
        corruptor(**options, node_id_feature="id")(two_sets(a=tf.constant([1, 2])))


def test_sets_that_are_not_corrupted_need_no_ids():
    graph = two_sets(a=tf.constant([1, 2]))
    spec = CorruptionSpec({"b": {"*": 0.0}}, {"e": {"*": 0.0}})
    ShuffleFeaturesGlobally(spec, node_id_feature="id")(graph)
    DropNodes({"a": 1.0}, node_id_feature="id")(graph)
    assert_same_graph(DropEdges(0.0, node_id_feature="id")(graph), graph)


@pytest.mark.parametrize("bad", [tf.ones([2]), tf.constant(["a", "b"]), tf.ones([2, 2], tf.int32)])
def test_an_id_is_one_integer(bad):
    graph = two_sets(a=bad, b=tf.constant([1, 2]))
    for corruptor in (
        ShuffleFeaturesGlobally(node_id_feature="id"),
        DropEdges(0.5, node_id_feature="id"),
    ):
        with pytest.raises(ValueError, match='"id" of node set "a" should be one integer per node'):
            corruptor(graph)
    with pytest.raises(TypeError, match="node_id_feature should be a string or None"):
        DropEdges(0.5, node_id_feature=3)


def test_the_context_is_drawn_by_position():
    graph = make()
    context = tfgnn.Context.from_fields(features={"x": tf.ones([1, 40])})
    graph = tfgnn.GraphTensor.from_pieces(
        context=context, node_sets=dict(graph.node_sets), edge_sets=dict(graph.edge_sets)
    )
    by_id, by_position = (
        features_of(
            DropoutFeatures(default=0.5, skip_non_floating=True, **options).corrupt(graph, key())
        )
        for options in ({"node_id_feature": "id"}, {})
    )
    assert same(by_id["context/x"], by_position["context/x"])
    assert not same(by_id["node/a/words"], by_position["node/a/words"])
