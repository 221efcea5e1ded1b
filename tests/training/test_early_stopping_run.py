"""A training that stops early, and one that is resumed after that."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.tensor import graph_tensor_from_data
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.training.full_graph import initial_weights, make_optimizer, train


@pytest.fixture(scope="module")
def data():
    nodes = np.arange(40)
    features = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    edge_index = np.stack([nodes, (nodes + 1) % 40])
    return make_graph_data(name="ring", features=features, edge_index=edge_index)


def config(**options):
    return PretrainConfig(
        output="unused",
        units=(16, 8),
        drop_edges=0.3,
        mask_features=0.1,
        drop_entries=0.1,
        steps=60,
        quiet=True,
        **options,
    )


def test_stops_at_a_checkpoint_and_stays_stopped(data, tmp_path):
    """A learning rate of almost 0 settles at once; a resume trains no further."""
    options = {"learning_rate": 1e-12, "early_stopping": "rankme", "patience": 10}
    graph, weights = graph_tensor_from_data(data), initial_weights(data, config(**options))
    first = train(graph, weights, config(**options), OutputFolder(tmp_path))
    assert len(first.history["loss"]) == 20
    again = train(graph, weights, config(**options), OutputFolder(tmp_path))
    assert again.first_step == 20
    assert again.history == first.history
    weights = zip(first.encoder.get_weights(), again.encoder.get_weights(), strict=True)
    for before, after in weights:
        np.testing.assert_array_equal(before, after)


def rates(*steps, **options):
    optimizer = make_optimizer(config(learning_rate=0.5, **options), 60)
    rate = optimizer._learning_rate
    return [float(rate(step)) if callable(rate) else float(rate.numpy()) for step in steps]


def test_learning_rates():
    assert rates(0, 59) == [0.5, 0.5]
    assert rates(0, 5, 10, 59, warmup_steps=10) == pytest.approx([0, 0.25, 0.5, 0.5])
    assert rates(0, 30, 60, schedule="cosine") == pytest.approx([0.5, 0.25, 0])
    expected = [0, 0.25, 0.5, 0.25, 0]
    assert rates(0, 5, 10, 35, 60, schedule="cosine", warmup_steps=10) == pytest.approx(expected)
