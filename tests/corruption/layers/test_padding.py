"""Corruptors on padded graphs: what is real is corrupted as without padding, the rest stays."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import (
    Compose,
    CorruptionSpec,
    DropEdges,
    DropNodes,
    DropoutFeatures,
    MaskFeatures,
    ShuffleFeaturesGlobally,
)
from graph_barlow_twins.tfgnn_task.corruption import structure

from tests.corruption.graphs import (
    assert_consistent,
    assert_same_graph,
    features_of,
    make_corruptors,
    make_graph,
    mixed_graph,
    padded,
    real_part,
    same,
    small_graph,
    to_list,
)

KEY = 77


def key():
    return tf.constant(KEY, tf.uint64)


def spec_of_any_size(graph):
    return graph.spec.relax(num_components=True, num_nodes=True, num_edges=True)


def dense_graph(step=1, **options):
    return make_graph(step, **options)


def corruptors(make=dense_graph):
    """Of every class; in the mixed graph dropout and masks leave what is not floating alone."""
    result = make_corruptors()
    if make is mixed_graph:
        spec = CorruptionSpec({"paper": {"tags": 0.0}}, context_corruption={"step": 0.0})
        masks = MaskFeatures(spec, default=0.5, skip_non_floating=True)
        result[1] = DropoutFeatures(
            CorruptionSpec(context_corruption={"step": 0.0}), default=0.5, skip_non_floating=True
        )
        result[2] = masks
        result[4] = Compose([DropEdges(0.5), masks])
    return result


def how(mode, function):
    """The function eagerly, or in a graph with shapes as they come or all open."""
    if mode == "eager":
        return function
    if mode == "graph":
        return tf.function(function, autograph=False)

    def relaxed(graph):
        return tf.function(function, input_signature=[spec_of_any_size(graph)], autograph=False)(
            graph
        )

    return relaxed


FAST = [*[(i, "eager", mixed_graph) for i in range(9)], (3, "graph", small_graph)]
FAST.append((5, "dynamic graph", small_graph))
SLOW = [(i, "graph", dense_graph) for i in (0, 4, 8)]
SLOW += [(i, "dynamic graph", mixed_graph) for i in (1, 6, 7, 8)]


@pytest.mark.parametrize(
    ("number", "mode", "make"),
    [*FAST, *[pytest.param(*case, marks=pytest.mark.slow) for case in SLOW]],
)
def test_the_real_part_is_corrupted_as_without_padding(number, mode, make):
    graph = make()
    corruptor = corruptors(make)[number]
    expected = corruptor.corrupt(graph, key())
    before = padded(graph)
    after = how(mode, lambda g: corruptor.corrupt(g, key()))(before)
    assert_same_graph(real_part(after), expected)
    assert_consistent(after)
    # All totals stay, and all components behind the first padding one.
    for pieces in ("node_sets", "edge_sets"):
        for name, piece in getattr(before, pieces).items():
            other = getattr(after, pieces)[name]
            assert int(other.total_size) == int(piece.total_size)
            np.testing.assert_array_equal(other.sizes[3:], piece.sizes[3:])
    # The padding has zero features only.
    real = features_of(real_part(after))
    for path, value in features_of(after).items():
        padding = value[len(to_list(real[path])) :]
        padding = padding.flat_values if isinstance(padding, tf.RaggedTensor) else padding
        zero = b"" if padding.dtype in (tf.string, object) else 0
        assert np.all(np.asarray(padding) == zero), path


def test_the_real_rows_are_permuted_among_themselves():
    graph = make_graph(None)
    shuffled = ShuffleFeaturesGlobally(seed=3)(padded(graph))
    for path, before in features_of(graph).items():
        after = features_of(real_part(shuffled))[path]
        if path.startswith("context"):  # two rows: one draw in two leaves them
            continue
        assert sorted(to_list(before)) == sorted(to_list(after))
        assert "_readout" in path or to_list(before) != to_list(after)


@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_dropped_edges_connect_the_first_padding_nodes(rate):
    graph = padded(make_graph())
    after = DropEdges({"cites": rate}).corrupt(graph, key())
    kept = int(np.sum(after.edge_sets["cites"].sizes[:2]))
    dropped = 30 - kept
    assert dropped > 0
    assert (kept == 0) == (rate == 1)
    adjacency = after.edge_sets["cites"].adjacency
    for index in (adjacency.source, adjacency.target):
        np.testing.assert_array_equal(index[kept:30], 20)
    np.testing.assert_array_equal(after.edge_sets["cites"].sizes[2:], [11 + dropped, 0, 0])
    assert_same_graph_but(graph, after, "cites")
    # The padding's own edges lie behind, unchanged.
    np.testing.assert_array_equal(
        adjacency.source[30:], graph.edge_sets["cites"].adjacency.source[30:]
    )


def assert_same_graph_but(first, second, edge_set_name):
    for path, value in features_of(first).items():
        if not path.startswith(f"edge/{edge_set_name}/"):
            assert same(value, features_of(second)[path])


def test_padding_without_nodes_keeps_the_edges_and_nodes():
    graph = padded(make_graph(), nodes_of={"author": 0}, edges=0)
    after = DropEdges(0.9).corrupt(graph, key())
    assert int(after.edge_sets["cites"].sizes[2]) > 20  # papers have padding nodes
    assert_same_graph_but(graph, after, "cites")
    np.testing.assert_array_equal(after.edge_sets["writes"].sizes, graph.edge_sets["writes"].sizes)
    # Authorships of a dropped paper would need a padding author.
    assert_same_graph(DropNodes({"paper": 0.9}).corrupt(graph, key()), graph)


def test_padding_in_numpy():
    """Step by step in NumPy: the reference on the real rows."""
    graph = padded(make_graph())
    shuffled = ShuffleFeaturesGlobally(CorruptionSpec(context_corruption={"step": 0.0}))
    words = shuffled.corrupt(graph, key()).node_sets["paper"]["words"].numpy()
    derived = reference.derive_key(reference.derive_key(KEY, "node_set:paper"), "words")
    expected = graph.node_sets["paper"]["words"].numpy()
    expected[:20] = reference.shuffle_rows(expected[:20], 1.0, derived)
    np.testing.assert_array_equal(words, expected)


def test_dropped_rows_of_uniform_length_keep_it():
    """A ragged row becomes empty; one of two ragged values becomes two empty ones."""
    values = tf.ragged.constant([[1.0], [2.0, 3.0], [], [4.0], [5.0], [6.0]])
    pairs = tf.RaggedTensor.from_uniform_row_length(values, 2)
    cleared = structure._clear(pairs, tf.constant([False, True, False]))
    assert cleared.to_list() == [[[1.0], [2.0, 3.0]], [[], []], [[5.0], [6.0]]]
    assert cleared.uniform_row_length == 2
