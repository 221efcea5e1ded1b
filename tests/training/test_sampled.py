"""Training on sampled subgraphs: the trimmed encoder, the schedule, runs that resume."""

import json
import subprocess
import sys

import numpy as np
import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.training.recipe import make_recipe


def block_graph_folder(folder, nodes=2000, edges=16_000):
    from bench.block_graph import block_graph, write

    write(block_graph(nodes, edges, blocks=8, features=16, signal=1.5), folder)
    return f"npy:{folder}"


# --- options ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 2}, "--epochs needs --fan-out"),
        ({"batch_size": 64}, "--batch-size needs --fan-out"),
        ({"fan_out": (5,)}, r"--fan-out: expected one number for each of the 2 layers .* got 1"),
        ({"fan_out": (5, 5), "steps": 7}, "--steps and --fan-out contradict each other"),
        ({"fan_out": (5, 0)}, "fan-out: expected integers of at least 1"),
        ({"fan_out": (5, 5), "batch_size": 1}, "batch-size: expected an integer of at least 2"),
    ],
)
def test_options_that_contradict_each_other(options, message):
    with pytest.raises(InputError, match=message):
        PretrainConfig(output="o", **options)


# --- schedule --------------------------------------------------------------------------------


@pytest.mark.parametrize("num_nodes", [1, 5, 999, 1000, 1001, 123_457])
@pytest.mark.parametrize("batch_size", [2, 10, 1024])
def test_every_node_is_visited_once_per_epoch(num_nodes, batch_size):
    from graph_barlow_twins.pretrain.training.steps.sampled import schedule_of

    data = make_graph_data(name="g", features=np.eye(2), edge_index=[[0], [1]])
    config = PretrainConfig(output="o", fan_out=(2, 2), batch_size=batch_size, epochs=2)
    schedule = schedule_of(make_recipe(config, data), num_nodes)
    assert schedule.steps % schedule.steps_per_checkpoint == 0
    assert schedule.steps_per_checkpoint <= 50
    assert schedule.batch_size <= batch_size
    if num_nodes > 10_000 and batch_size < 100:
        return
    visits = np.concatenate([schedule.visits(step) for step in range(schedule.steps)])
    np.testing.assert_array_equal(visits, np.arange(len(visits)))
    assert 2 * num_nodes <= len(visits) < 2 * num_nodes + schedule.steps
    roots = np.concatenate([schedule.roots(schedule.visits(s)) for s in range(schedule.steps)])
    for epoch in (0, 1):
        order = roots[epoch * num_nodes : (epoch + 1) * num_nodes]
        np.testing.assert_array_equal(np.sort(order), np.arange(num_nodes))
    if num_nodes > 10:
        assert not np.array_equal(roots[:num_nodes], roots[num_nodes : 2 * num_nodes])


# --- encoder ---------------------------------------------------------------------------------


def dense_middle(nodes=40, hubs=4):
    """A random graph whose first nodes are linked with all others."""
    rng = np.random.default_rng(0)
    spokes = np.stack([np.repeat(np.arange(hubs), nodes), np.tile(np.arange(nodes), hubs)])
    edges = np.hstack([spokes, rng.integers(0, nodes, (2, 60))])
    return make_graph_data(name="g", features=rng.normal(size=(nodes, 5)), edge_index=edges)


def sampled_graph(data, roots, fan_out):
    import tensorflow as tf
    from graph_barlow_twins.pretrain.graph.adjacency import adjacency_of
    from graph_barlow_twins.pretrain.training.steps.sampler import (
        SubgraphSampler,
        UndirectedSubgraphs,
    )

    adjacency = adjacency_of(data.edge_index, data.num_nodes)
    sampler = SubgraphSampler(data, adjacency, fan_out=fan_out, seed=0)
    visits = tf.range(len(roots), dtype=tf.int64)
    batch = sampler(tf.constant(roots, tf.int64), visits, tf.constant(0, tf.int64))
    return UndirectedSubgraphs(len(fan_out))(batch.merge_batch_to_components())


@pytest.mark.slow
@pytest.mark.parametrize("units", [(4, 8), (8, 4, 8)])
def test_trimmed_encoder_equals_the_encoder_at_the_roots(units):
    """Where each subgraph is the graph, and its nodes at most a hop from the root: the statistics
    of the hidden layers are then those of the graph."""
    from graph_barlow_twins.pretrain.encoder.apply import embed
    from graph_barlow_twins.pretrain.encoder.gcn import build_encoder
    from graph_barlow_twins.pretrain.encoder.sampled import build_sampled_encoder
    from graph_barlow_twins.pretrain.graph.tensor import graph_tensor_from_data, relaxed_spec

    data, roots = dense_middle(), np.array([3, 0, 2, 3])
    graph = graph_tensor_from_data(data)
    encoder = build_encoder(relaxed_spec(graph), units)
    rng = np.random.default_rng(1)
    weights = [w + rng.normal(0, 0.3, w.shape) for w in encoder.get_weights()]
    encoder.set_weights(weights)
    sampled = sampled_graph(data, roots, (40,) * len(units))
    trimmed = build_sampled_encoder(relaxed_spec(sampled), units)
    assert [w.shape for w in trimmed.get_weights()] == [w.shape for w in weights]
    trimmed.set_weights(weights)
    np.testing.assert_array_equal(trimmed(sampled).node_sets["nodes"].sizes, [1, 1, 1, 1])
    expected = embed(encoder, graph)[roots]
    np.testing.assert_allclose(embed(trimmed, sampled), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("hops", [0, 1, 2])
def test_inward_propagation_is_propagation_at_the_inner_nodes(hops):
    from graph_barlow_twins.pretrain.encoder.layers import Propagation
    from graph_barlow_twins.pretrain.encoder.sampled import InwardPropagation

    rng = np.random.default_rng(0)
    data = make_graph_data(
        name="g", features=rng.normal(size=(90, 3)), edge_index=rng.integers(0, 90, (2, 120))
    )
    graph = sampled_graph(data, [39, 3, 17, 3], (3, 2, 2))
    distance = graph.node_sets["nodes"]["hop"].numpy()
    assert set(distance) == {0, 1, 2, 3}
    state = rng.normal(size=(len(distance), 4)).astype(np.float32)
    expected = Propagation()([graph, state]).numpy()[distance <= hops]
    found = InwardPropagation(hops)([graph, state[distance <= hops + 1]])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


# --- runs ------------------------------------------------------------------------------------

FAST = ["--fan-out", "4", "3", "--units", "32", "16", "--folds", "2", "--quiet"]


def command(*arguments):
    return [sys.executable, "-m", "graph_barlow_twins.pretrain.cli.main", *map(str, arguments)]


def run_cli(*arguments):
    result = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    return result


@pytest.mark.slow
def test_sampled_run_beats_raw_features_and_reports_memory(tmp_path):
    dataset = block_graph_folder(tmp_path / "g")
    options = [*FAST, "--batch-size", "256"]
    result = run_cli("pretrain", "--dataset", dataset, "--output", tmp_path / "run", *options)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert len(metrics["curves"]["loss"]) == 8
    probe = {name: one["accuracy"] for name, one in metrics["probe"].items()}
    assert probe["trained encoder"] > probe["raw features"] + 0.05
    assert metrics["peak_memory_mb"] > 100
    assert f"{metrics['peak_memory_mb']:,.0f} MB" in result.stdout
    # The representations are those of the full graph: the exported model gives the same.
    output = tmp_path / "again.npz"
    run_cli("embed", tmp_path / "run", "--dataset", dataset, "--output", output, "--quiet")
    found, expected = np.load(output), np.load(tmp_path / "run" / "embeddings.npz")
    np.testing.assert_array_equal(found["node_ids"], expected["node_ids"])
    scale = np.abs(expected["embeddings"]).max()
    np.testing.assert_allclose(
        found["embeddings"], expected["embeddings"], rtol=0, atol=1e-5 * scale
    )


def test_mapped_graph_without_sampling_is_the_full_graph(tmp_path):
    data = load_dataset(block_graph_folder(tmp_path / "g", nodes=300, edges=900))
    from graph_barlow_twins.pretrain.graph.tensor import graph_tensor_from_data

    graph = graph_tensor_from_data(data)
    np.testing.assert_array_equal(graph.node_sets["nodes"]["features"], data.features)
