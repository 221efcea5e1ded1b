"""The views of a training: traced once, drawn by seed and step, in a pipeline that ends at once."""

import graph_barlow_twins.tfgnn_task as gbt
import numpy as np
import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.training.recipe import make_recipe

tf = pytest.importorskip("tensorflow")
from graph_barlow_twins.pretrain.graph.tensor import (  # noqa: E402
    EDGE_SET,
    graph_tensor_from_data,
    with_step,
)
from graph_barlow_twins.pretrain.training.steps.build import make_task  # noqa: E402
from graph_barlow_twins.pretrain.training.steps.fit import _Provider  # noqa: E402


def make_graph():
    rng = np.random.default_rng(0)
    features = rng.random((50, 6)).astype(np.float32)
    data = make_graph_data(name="g", features=features, edge_index=rng.integers(0, 50, (2, 200)))
    return data, graph_tensor_from_data(data)


def edges_of(graph):
    adjacency = graph.edge_sets[EDGE_SET].adjacency
    return np.stack([adjacency.source.numpy(), adjacency.target.numpy()])


def test_what_is_traced_once_is_what_is_drawn_eagerly():
    data, graph = make_graph()
    config = PretrainConfig(output="-", encoder="linear", drop_edges=(0.5, 0.3))
    task = make_task(make_recipe(config, data))
    traces = []

    @tf.function(autograph=False)
    def views(graph):
        traces.append(1)
        return task.preprocess(graph)[0]

    drawn = []
    for step in range(3):
        numbered = with_step(graph, tf.constant(step, tf.int64))
        _, *eager = task.preprocess(numbered)[0]
        clean, *compiled = views(numbered)
        np.testing.assert_array_equal(edges_of(clean), edges_of(graph))
        for one, other, rate in zip(eager, compiled, (0.5, 0.3), strict=True):
            np.testing.assert_array_equal(edges_of(one), edges_of(other))
            share = edges_of(other).shape[1] / edges_of(graph).shape[1]
            assert abs(share - (1 - rate)) < 0.12
        drawn += map(edges_of, compiled)
    assert len(traces) == 1
    assert len({one.tobytes() for one in drawn}) == len(drawn)  # every view and step its own


def test_the_pipeline_waits_for_no_tuner():
    provider = _Provider(lambda part: tf.data.Dataset.range(3))
    provided = provider.get_dataset(tf.distribute.InputContext())
    assert provided.options().autotune.enabled is False


def test_a_batch_of_graphs_is_told_how_to_become_one():
    _, graph = make_graph()
    batch = next(iter(tf.data.Dataset.from_tensors(graph).repeat(2).batch(2)))
    for layer in (gbt.DropEdges(0.5), gbt.ShuffleFeaturesGlobally()):
        with pytest.raises(ValueError, match=r"merge_batch_to_components\(\)"):
            layer(batch)
    with pytest.raises(ValueError, match=r"merge_batch_to_components\(\)"):
        gbt.BarlowTwinsTask("nodes").preprocess(batch)


def test_a_node_set_that_is_not_there_names_those_that_are():
    _, graph = make_graph()
    with pytest.raises(ValueError, match=r"'node' is not a node set .*\['nodes'\]"):
        gbt.BarlowTwinsTask("node").preprocess(graph)
