"""Corruptors under `jit_compile=True`: static sizes in padded graphs, and errors that help."""

import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import DropEdges, DropNodes

from tests.corruption.graphs import (
    assert_same_graph,
    fast_by_class,
    make_corruptors,
    make_graph,
    padded,
    real_part,
    small_graph,
)


def key():
    return tf.constant(77, tf.uint64)


@fast_by_class(7)
def test_padded_graphs_compile(number):
    graph = padded(small_graph())
    corruptor = make_corruptors()[number]
    compiled = tf.function(lambda g: corruptor.corrupt(g, key()), jit_compile=True, autograph=False)
    result = compiled(graph)
    assert result.spec == graph.spec
    assert_same_graph(result, corruptor.corrupt(graph, key()))


@pytest.mark.parametrize("corruptor", [DropEdges({"cites": 0.5}), DropNodes({"paper": 0.5})])
def test_without_padding_xla_cannot_drop(corruptor):
    one_component = real_part(make_graph(), components=1)
    with pytest.raises(ValueError, match=r'"(cites|paper)": XLA needs static sizes.*PadToTotal'):
        tf.function(corruptor, jit_compile=True, autograph=False)(one_component)
    unpadded = type(corruptor).from_config({**corruptor.get_config(), "padding": None})
    with pytest.raises(ValueError, match="XLA needs static sizes"):
        tf.function(unpadded, jit_compile=True, autograph=False)(padded(make_graph()))


@pytest.mark.parametrize("corruptor", [DropEdges(0.5), DropNodes({"author": 0.5})])
def test_ragged_features_cannot_be_dropped_under_xla(corruptor):
    weights = tf.RaggedTensor.from_row_lengths(tf.range(190.0), tf.range(20))
    graph = make_graph()
    features = {**graph.edge_sets["writes"].features, "ragged": weights}
    graph = padded(graph.replace_features(edge_sets={"writes": features}))
    with pytest.raises(ValueError, match='"ragged" of edge set "writes": XLA needs dense'):
        tf.function(corruptor, jit_compile=True, autograph=False)(graph)


def test_a_full_batch_keeps_its_edges_under_xla():
    graph = small_graph()
    corruptor = DropEdges(0.9)
    compiled = tf.function(lambda g: corruptor.corrupt(g, key()), jit_compile=True, autograph=False)
    assert_same_graph(compiled(graph), graph)
