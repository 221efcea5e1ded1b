"""Which components count as padding, and what a named padding promises."""

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
    ShuffleFeaturesGlobally,
)
from graph_barlow_twins.tfgnn_task.corruption.padding import real_components

from tests.corruption.graphs import (
    assert_same_graph,
    make_graph,
    mixed_graph,
    padded,
    same,
    small_graph,
    to_list,
)

KEY = 77


def key():
    return tf.constant(KEY, tf.uint64)


def count(graph, padding="auto"):
    result = real_components(graph, padding)
    return None if result is None else int(result)


def test_which_components_are_real():
    graph = make_graph(None)
    assert count(graph) is None  # the last rows are not zero
    assert count(padded(graph)) == 2
    assert count(padded(graph), None) is None
    assert count(padded(graph, components=3)) == 2
    assert count(padded(mixed_graph())) == 2
    graph = small_graph()
    assert int(tf.function(real_components, autograph=False)(graph)) == 2
    assert int(tf.function(real_components, jit_compile=True, autograph=False)(padded(graph))) == 2


def test_a_single_component_costs_nothing():
    graph = tfgnn.GraphTensor.from_pieces(
        node_sets={"a": tfgnn.NodeSet.from_fields(sizes=[3], features={"x": tf.zeros([3, 2])})}
    )
    traced = tf.function(
        lambda g: real_components(g) is None, autograph=False
    ).get_concrete_function(graph)
    assert bool(traced(graph))
    assert not [op for op in traced.graph.get_operations() if op.type in ("If", "StatelessIf")]


@pytest.mark.parametrize("where", ["context", "node", "edge", "ragged", "string", "nan"])
def test_one_value_makes_a_component_real(where):
    """Whatever part of the graph it is in, though the very last rows are zero."""
    ragged = tf.RaggedTensor.from_row_splits(
        tf.constant([0.0, 0.0, 7.0, 0.0]), tf.constant([0, 1, 1, 3, 4], tf.int64)
    )
    values = {
        "context": ("context", tf.constant([0, 0, 1, 0])),
        "node": ("node", tf.constant([[0, 0], [0, 0], [0, 1], [0, 0]])),
        "edge": ("edge", tf.constant([False, False, True, False])),
        "ragged": ("node", ragged),
        "string": ("node", tf.constant(["", "", "x", ""])),
        "nan": ("node", tf.constant([0.0, 0.0, float("nan"), 0.0])),
    }
    place, value = values[where]
    features = {"context": {}, "node": {"zero": tf.zeros([4])}, "edge": {}}
    features[place] = {**features[place], "x": value}
    traced = tf.function(real_components, autograph=False)
    # The four components have one row each, or the third has all.
    for sizes in ([1, 1, 1, 1], [0, 0, 4, 0]):
        edges = tfgnn.EdgeSet.from_fields(
            sizes=sizes,
            features=features["edge"],
            adjacency=tfgnn.Adjacency.from_indices(("a", tf.range(4)), ("a", tf.range(4))),
        )
        graph = tfgnn.GraphTensor.from_pieces(
            context=tfgnn.Context.from_fields(features=features["context"], sizes=[1, 1, 1, 1]),
            node_sets={"a": tfgnn.NodeSet.from_fields(sizes=sizes, features=features["node"])},
            edge_sets={"e": edges},
        )
        assert count(graph) == 3
        assert int(traced(graph)) == 3


def test_all_zero_leaves_the_first_component():
    graph = tfgnn.GraphTensor.from_pieces(
        node_sets={"a": tfgnn.NodeSet.from_fields(sizes=[2, 2], features={"x": tf.zeros([4])})}
    )
    assert count(graph) == 1


def test_without_features_all_components_are_real():
    graph = tfgnn.GraphTensor.from_pieces(
        node_sets={"a": tfgnn.NodeSet.from_fields(sizes=[2, 2])},
        edge_sets={
            "e": tfgnn.EdgeSet.from_fields(
                sizes=[2, 2],
                adjacency=tfgnn.Adjacency.from_indices(("a", [0, 1, 2, 3]), ("a", [1, 0, 3, 2])),
            )
        },
    )
    assert count(graph) is None
    assert int(DropEdges(1.0, seed=1)(graph).edge_sets["e"].total_size) == 0
    assert int(DropNodes(1.0, seed=1)(graph).node_sets["a"].total_size) == 2


def with_mask(graph, mask):
    return graph.replace_features(context={**graph.context.features, "real": mask})


@pytest.mark.parametrize("dtype", [tf.bool, tf.int64, tf.float32])
def test_padding_by_a_context_feature(dtype):
    graph = padded(make_graph())
    graph = with_mask(graph, tf.cast([1, 1, 0, 0, 0], dtype))
    assert count(graph, "real") == 2
    by_name, by_zeros = (DropEdges(0.5, padding=p).corrupt(graph, key()) for p in ("real", "auto"))
    assert_same_graph(by_name, by_zeros)
    # Features that are not zero in the padding.
    noisy = with_mask(make_graph(), tf.constant([1, 0]))
    shuffled = ShuffleFeaturesGlobally(seed=1, padding="real")(noisy)
    words = shuffled.node_sets["paper"]["words"]
    assert to_list(words[9:]) == to_list(noisy.node_sets["paper"]["words"][9:])
    assert to_list(words[:9]) != to_list(noisy.node_sets["paper"]["words"][:9])


def test_a_named_padding_keeps_static_sizes_in_graph_mode():
    graph = with_mask(padded(small_graph()), tf.constant([1, 1, 0, 0, 0]))
    spec = CorruptionSpec(context_corruption={"step": 0.0})
    corruptor = Compose(
        [
            DropNodes(0.3, padding="real"),
            DropEdges(0.3, padding="real"),
            ShuffleFeaturesGlobally(spec, padding="real"),
        ],
        seed=1,
    )
    traced = tf.function(corruptor, autograph=False).get_concrete_function(graph)
    assert traced.structured_outputs.spec == graph.spec


def test_errors_of_a_named_padding():
    graph = make_graph()
    with pytest.raises(ValueError, match=r'padding="real" is not a context feature .*step'):
        DropEdges(0.5, padding="real")(graph)
    for value in (tf.constant(["a", ""]), tf.zeros([2, 2])):
        with pytest.raises(ValueError, match=r'padding="real" should be a context feature with'):
            DropEdges(0.5, padding="real")(with_mask(graph, value))
    with pytest.raises(TypeError, match="padding should be a string or None"):
        DropEdges(0.5, padding=True)


def test_what_marks_the_padding_is_not_corrupted():
    graph = with_mask(padded(make_graph()), tf.constant([1.0, 1.0, 0.0, 0.0, 0.0]))
    options = {"padding": "real", "step_feature": "step"}
    dropped = DropoutFeatures(default=1.0, **options)(graph)
    for name in ("real", "step"):
        assert same(dropped.context[name], graph.context[name])
    with pytest.raises(ValueError, match='"real" of the context keys the corruption or marks'):
        DropoutFeatures(CorruptionSpec({}, {}, {"real": 0.5}), **options)(graph)


def test_compose_looks_at_the_graph_that_comes_in():
    """After dropout of everything all components would look like padding."""
    graph = make_graph(None)
    everything = DropoutFeatures(
        default=1.0, allowed_aux_node_sets_pattern=".*", allowed_aux_edge_sets_pattern=".*"
    )
    corruptor = Compose([everything, DropEdges({"writes": 1.0})], seed=1)
    assert int(corruptor(graph).edge_sets["writes"].total_size) == 0
    after = corruptor(padded(graph))
    np.testing.assert_array_equal(after.edge_sets["writes"].sizes, [0, 0, 31, 0, 0])
