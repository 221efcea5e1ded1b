"""DropNodes keeps a graph consistent: numbers of nodes, edges in every set, roots, readouts."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.reference.corruption import graph as corruption_graph
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask, Compose, DropEdges, DropNodes

from tests.corruption.graphs import (
    CITES,
    PAPERS,
    assert_consistent,
    assert_same_graph,
    features_of,
    indices,
    make_graph,
    padded,
    real_part,
    same,
)


def key(number=5):
    return tf.constant(number, tf.uint64)


def graph_without_readout():
    """The test graph without the readout, which protects every paper."""
    graph = make_graph()
    return tfgnn.GraphTensor.from_pieces(
        context=graph.context,
        node_sets={name: graph.node_sets[name] for name in ("paper", "author")},
        edge_sets={name: graph.edge_sets[name] for name in ("cites", "writes")},
    )


@pytest.mark.parametrize("keep_first_node", [True, False])
@pytest.mark.parametrize("rate", [0.4, 1.0])
def test_agrees_with_the_reference(rate, keep_first_node):
    """On one node set and its edge set; and the edges of the other edge set go as well."""
    graph = graph_without_readout()
    papers, cites = graph.node_sets["paper"], graph.edge_sets["cites"]
    corruptor = DropNodes({"paper": rate}, keep_first_node=keep_first_node)
    after = corruptor.corrupt(graph, key())
    protected = np.zeros(20, bool)
    protected[[0, PAPERS[0]]] = keep_first_node
    source, target, features, sizes, edges, edge_sizes = corruption_graph.drop_nodes(
        cites.adjacency.source.numpy(),
        cites.adjacency.target.numpy(),
        rate,
        reference.derive_key(5, "node_set:paper"),
        sizes=np.array(PAPERS),
        edge_sizes=np.array(CITES),
        protected=protected,
        features={name: value.numpy() for name, value in papers.features.items()},
    )
    assert len(source) < 30
    for name, value in features.items():
        np.testing.assert_array_equal(after.node_sets["paper"][name], value)
    np.testing.assert_array_equal(after.node_sets["paper"].sizes, sizes)
    np.testing.assert_array_equal(after.edge_sets["cites"].sizes, edge_sizes)
    np.testing.assert_array_equal(after.edge_sets["cites"].adjacency.source, source)
    np.testing.assert_array_equal(after.edge_sets["cites"].adjacency.target, target)
    for name, value in cites.features.items():
        after_value = after.edge_sets["cites"][name]
        np.testing.assert_array_equal(after_value, value.numpy()[edges])
    assert_consistent(after)
    # The year tells a paper, whatever its number is: no authorship has another paper now.
    before_years, after_years = (
        g.node_sets["paper"]["year"].numpy()[g.edge_sets["writes"].adjacency.target.numpy()]
        for g in (graph, after)
    )
    kept = np.isin(before_years, features["year"])
    np.testing.assert_array_equal(after_years, before_years[kept])
    np.testing.assert_array_equal(
        after.edge_sets["writes"]["weight"], graph.edge_sets["writes"]["weight"].numpy()[kept]
    )
    assert same(after.node_sets["author"]["words"], graph.node_sets["author"]["words"])


def test_the_first_node_of_each_component_is_kept():
    graph = graph_without_readout()
    for g in (graph, padded(graph)):
        after = real_part(DropNodes(1.0, seed=1)(g))
        for name in ("paper", "author"):
            np.testing.assert_array_equal(after.node_sets[name].sizes, [1, 1])
            first = np.cumsum([0, *graph.node_sets[name].sizes.numpy()])[:2]
            words = graph.node_sets[name]["words"].numpy()[first]
            np.testing.assert_array_equal(after.node_sets[name]["words"], words)
    all_gone = DropNodes(1.0, keep_first_node=False, seed=1)(graph)
    assert int(all_gone.node_sets["paper"].total_size) == 0
    assert int(all_gone.edge_sets["cites"].total_size) == 0


def test_empty_components_have_no_first_node():
    graph = tfgnn.GraphTensor.from_pieces(
        node_sets={
            "a": tfgnn.NodeSet.from_fields(
                sizes=[0, 3, 0, 2, 0], features={"x": tf.constant([1, 2, 3, 4, 5])}
            )
        }
    )
    # An empty component at the end is no padding either: it has no node.
    for drop in (DropNodes(1.0, seed=1), tf.function(DropNodes(1.0, seed=1), autograph=False)):
        after = drop(graph)
        np.testing.assert_array_equal(after.node_sets["a"]["x"], [1, 4])
        np.testing.assert_array_equal(after.node_sets["a"].sizes, [0, 1, 0, 1, 0])


def test_auxiliary_sets_stay_and_protect_what_they_refer_to():
    graph = make_graph()
    after = DropNodes({"paper": 1.0}, seed=1)(graph)
    assert_same_graph(graph, after)  # the readout refers to every paper
    after = DropNodes({"*": 1.0}, seed=1)(graph)
    np.testing.assert_array_equal(after.node_sets["author"].sizes, [1, 1])
    np.testing.assert_array_equal(after.node_sets["_readout"].sizes, PAPERS)
    assert_consistent(after)


def test_wildcards_and_hyper_edges():
    graph = make_graph(hyper=True)
    for seed in range(2):
        after = DropNodes({"*": 0.5, "paper": 0.0}, seed=seed)(graph)
        assert 2 < int(after.node_sets["author"].total_size) < 20
        assert int(after.node_sets["paper"].total_size) == 20
        assert_consistent(after)
        authors = indices(CITES, (8, 12), 2)
        ages = graph.node_sets["author"]["age"].numpy()[authors, 0]
        kept = np.isin(ages, after.node_sets["author"]["age"])
        np.testing.assert_array_equal(after.edge_sets["cites"]["id"], np.flatnonzero(kept))
        assert_same_graph(real_part(DropNodes({"author": 0.5}, seed=seed)(padded(graph))), after)


def test_rates_are_those_asked_for():
    """Of 20,000 nodes: within five standard deviations."""
    graph = tfgnn.GraphTensor.from_pieces(
        node_sets={"a": tfgnn.NodeSet.from_fields(sizes=[20_000], features={"x": tf.ones(20_000)})}
    )
    for rate in (0.05, 0.5, 0.9):
        kept = int(DropNodes(rate, seed=1)(graph).node_sets["a"].total_size)
        deviation = (20_000 * rate * (1 - rate)) ** 0.5
        assert abs(kept - 20_000 * (1 - rate)) < 5 * deviation + 1


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), True, "0.1"])
def test_errors_name_the_node_set(rate):
    with pytest.raises((ValueError, TypeError), match=r'Node set "paper": rate should be'):
        DropNodes({"paper": rate})
    with pytest.raises((ValueError, TypeError), match=r'Edge set "cites": rate should be'):
        DropEdges({"cites": rate})
    with pytest.raises(ValueError, match=r"DropNodes names node sets .*\['venue'\].*'paper'"):
        DropNodes({"venue": 0.1})(make_graph())


def test_rate_zero_is_the_identity():
    graph = make_graph()
    assert_same_graph(DropNodes()(graph), graph)
    assert features_of(DropNodes({"paper": 0.0})(graph)).keys() == features_of(graph).keys()


def test_the_task_refuses_views_with_other_rows():
    drop = DropNodes(0.1)
    assert drop.changes_nodes
    assert not DropEdges(0.1).changes_nodes
    for corruptor in (drop, (DropEdges(0.1), Compose([DropEdges(0.1), Compose([drop])]))):
        BarlowTwinsTask("paper", corruptor=corruptor)
        with pytest.raises(ValueError, match='readout="all_nodes" needs corruptors that keep'):
            BarlowTwinsTask("paper", corruptor=corruptor, readout="all_nodes")
