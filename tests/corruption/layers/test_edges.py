"""DropEdges keeps an edge set's indices, features and sizes together."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.reference.corruption import graph as corruption_graph
from graph_barlow_twins.tfgnn_task import DropEdges

from tests.corruption.graphs import (
    CITES,
    PAPERS,
    assert_consistent,
    features_of,
    make_graph,
    padded,
    real_part,
)


@pytest.mark.parametrize("hyper", [False, True])
@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_drop_edges_keeps_an_edge_set_together(rate, hyper):
    graph = make_graph(hyper=hyper)
    dropped = DropEdges({"cites": rate}).corrupt(graph, tf.constant(5, tf.uint64))
    before, after = graph.edge_sets["cites"], dropped.edge_sets["cites"]
    kept = after["id"].numpy().astype(int)

    key = reference.derive_key(5, "edge_set:cites")
    edges = np.arange(30)
    expected, _, _, sizes = reference.drop_edges(edges, edges, rate, key, sizes=np.array(CITES))
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(after.sizes, sizes)
    assert len(kept) < 30
    np.testing.assert_array_equal(after["weight"], before["weight"].numpy()[kept])

    assert type(after.adjacency) is type(before.adjacency)
    tags = before.adjacency.get_indices_dict()
    assert after.adjacency.get_indices_dict().keys() == tags.keys()
    for tag, (node_set, index) in tags.items():
        assert after.adjacency.node_set_name(tag) == node_set
        np.testing.assert_array_equal(after.adjacency[tag], index.numpy()[kept])

    untouched = [path for path in features_of(graph) if not path.startswith("edge/cites")]
    for path in untouched:
        np.testing.assert_array_equal(features_of(dropped)[path], features_of(graph)[path])
    assert dropped.spec.relax(num_edges=True) == graph.spec.relax(num_edges=True)


def test_drop_edges_of_batched_components():
    batch = next(iter(tf.data.Dataset.from_tensors(make_graph()).repeat(2).batch(2)))
    dropped = DropEdges(0.5, seed=1)(batch.merge_batch_to_components())
    assert_consistent(dropped)
    cites = dropped.edge_sets["cites"]
    ids = cites["id"].numpy()
    bounds = np.cumsum(cites.sizes.numpy())
    assert len(bounds) == 4
    assert bounds[-1] == len(ids) < 60
    for component, part in enumerate(np.split(ids, bounds[:-1])):
        first = component % 2 == 0
        assert np.all((part < CITES[0]) == first)
        nodes = np.cumsum([0, *PAPERS, *PAPERS])
        in_component = cites.adjacency.source.numpy()[bounds[component] - len(part) :][: len(part)]
        assert np.all(in_component >= nodes[component])
        assert np.all(in_component < nodes[component + 1])


def test_drop_edges_wildcard():
    graph = make_graph()
    counts = {}
    for name, rate in {
        "number": 1.0,
        "wildcard": {"*": 1.0},
        "but one": {"*": 1.0, "writes": 0.0},
        "one": {"writes": 1.0},
        "none": 0.0,
    }.items():
        dropped = DropEdges(rate, seed=1)(graph)
        counts[name] = {n: int(e.total_size) for n, e in dropped.edge_sets.items()}
    aux = {"_readout/paper": 20}
    assert counts["number"] == counts["wildcard"] == {"cites": 0, "writes": 0, **aux}
    assert counts["but one"] == {"cites": 0, "writes": 20, **aux}
    assert counts["one"] == {"cites": 30, "writes": 0, **aux}
    assert counts["none"] == {"cites": 30, "writes": 20, **aux}


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_drop_edges_errors_name_the_edge_set(rate):
    with pytest.raises(ValueError, match=r'"cites": rate should be in \[0, 1\]'):
        DropEdges({"cites": rate})
    with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
        DropEdges(rate)
    with pytest.raises(ValueError, match=r"does not have: \['sites'\].*'cites'"):
        DropEdges({"sites": 0.1})(make_graph())


# Undirected


@pytest.mark.parametrize("rate", [0.2, 0.6])
@pytest.mark.parametrize("undirected", [True, ["cites"]], ids=str)
def test_undirected_edges_agree_with_the_reference(rate, undirected):
    graph = make_graph()
    rates = {"cites": rate} if undirected is True else rate
    for before in (graph, padded(graph)):
        corruptor = DropEdges(rates, undirected=undirected)
        after = real_part(corruptor.corrupt(before, tf.constant(5, tf.uint64)))
        cites = graph.edge_sets["cites"]
        source, target, features, sizes = corruption_graph.drop_edges(
            cites.adjacency.source.numpy(),
            cites.adjacency.target.numpy(),
            rate,
            reference.derive_key(5, "edge_set:cites"),
            features={"id": cites["id"].numpy()},
            sizes=np.array(CITES),
            undirected=True,
        )
        assert 0 < len(source) < 30
        np.testing.assert_array_equal(after.edge_sets["cites"]["id"], features["id"])
        np.testing.assert_array_equal(after.edge_sets["cites"].sizes, sizes)
        np.testing.assert_array_equal(after.edge_sets["cites"].adjacency.source, source)
        np.testing.assert_array_equal(after.edge_sets["cites"].adjacency.target, target)


def test_both_directions_of_a_symmetric_graph_go_together():
    rng = np.random.default_rng(1)
    pairs = rng.integers(0, 30, (100, 2))
    source, target = np.concatenate([pairs, pairs[:, ::-1]]).T
    graph = tfgnn.homogeneous(tf.constant(source), tf.constant(target), node_set_sizes=[30])
    after = DropEdges(0.5, undirected=True, seed=1)(graph).edge_sets["edges"].adjacency
    edges = sorted(zip(after.source.numpy(), after.target.numpy(), strict=True))
    assert edges == sorted((v, u) for u, v in edges)
    assert 50 < len(edges) < 150


def test_undirected_edge_sets_connect_a_node_set_with_itself():
    for options in ({"undirected": True}, {"undirected": {"writes", "cites"}}):
        with pytest.raises(ValueError, match=r'Edge set "writes" cannot be undirected.*author'):
            DropEdges(0.5, **options)(make_graph())
    DropEdges({"cites": 0.5}, undirected=True)(make_graph())
    with pytest.raises(ValueError, match='Edge set "cites" cannot be undirected'):
        DropEdges({"cites": 0.5}, undirected=True)(make_graph(hyper=True))
    with pytest.raises(ValueError, match=r"undirected=.* does not have: \['sites'\]"):
        DropEdges(0.5, undirected=["sites"])(make_graph())
    for bad in ("cites", 3):
        with pytest.raises(TypeError, match="undirected should be a bool or a collection"):
            DropEdges(0.5, undirected=bad)


def test_rates_are_numbers():
    for bad in (True, "0.5", None):
        with pytest.raises(TypeError, match='Edge set "cites": rate should be a number'):
            DropEdges({"cites": bad})


def test_no_edge_is_dropped_by_default():
    graph = make_graph()
    unchanged = DropEdges().corrupt(graph, tf.constant(5, tf.uint64))
    for name, before in graph.edge_sets.items():
        np.testing.assert_array_equal(unchanged.edge_sets[name].sizes, before.sizes)
