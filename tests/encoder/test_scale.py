"""Dense columns of very different scale: found, divided by their spread, and so not silent."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.encoder.start import (
    column_weights,
    differ_in_scale,
    spreads,
    start_weights,
)
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.report.channels import channel_lines
from graph_barlow_twins.pretrain.training.recipe import make_recipe
from graph_barlow_twins.pretrain.training.run import make_run

NODES = 300


def make_data(columns=40, *, with_time=True, seed=0):
    """Shares in [0, 1] that tell three groups apart, and the time in seconds since 1970."""
    rng = np.random.default_rng(seed)
    labels = np.arange(NODES) % 3
    shares = 0.35 + 0.2 * (np.arange(columns) % 3 == labels[:, np.newaxis])
    features = np.clip(shares + 0.15 * rng.normal(size=shares.shape), 0, 1)
    if with_time:
        features = np.hstack([features, 1.6e9 + 1e7 * rng.random((NODES, 1))])
    edges = rng.integers(NODES, size=(2, 600))
    return make_graph_data(name="g", features=features, edge_index=edges, labels=labels)


def test_the_default_finds_it_and_says_so():
    data = make_data()
    accuracies = {}
    for scale in (True, False):
        config = PretrainConfig(output="none", encoder="channels", scale_features=scale)
        recipe = make_recipe(config, data)
        assert (recipe.encoder, recipe.scale_features) == ("channels", scale)
        said = [line for line in channel_lines(recipe.to_dict()) if "differ in scale" in line]
        assert len(said) == scale
        run = make_run(data, recipe)
        embeddings = run.embed(run.train().weights)
        accuracies[scale] = linear_probe(embeddings, data, folds=3).accuracy
    assert accuracies[True] > 0.95
    assert accuracies[False] < 0.6


@pytest.mark.parametrize(("options", "encoder"), [({}, "channels"), ({"steps": 3}, "linear")])
def test_a_gcn_takes_features_as_they_are_so_another_encoder_is_chosen(options, encoder):
    recipe = make_recipe(PretrainConfig(output="none", **options), make_data())
    assert (recipe.encoder, recipe.scale_features) == (encoder, True)
    plain = make_recipe(PretrainConfig(output="none", **options), make_data(with_time=False))
    assert not plain.scale_features
    asked = make_recipe(PretrainConfig(output="none", encoder="gcn"), make_data())
    assert not asked.scale_features


def test_the_linear_encoder_carries_the_spreads():
    data = make_data()
    _, weights, *_ = start_weights(data, 8, 2, 0, scaled=True)
    np.testing.assert_allclose(weights, 1 / spreads(data.features), rtol=1e-6)
    _, weights, *_ = start_weights(data, 8, 2, 0)
    np.testing.assert_array_equal(weights, 1)


def test_a_spread_is_that_of_the_middle_half():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(20_001, 1)) * 3
    wild = normal.copy()
    wild[::100] = 1e9
    seldom = np.where(np.arange(20_001) % 10 == 0, 4.0, 0)[:, np.newaxis]
    columns = np.hstack([normal, wild, seldom, np.full_like(normal, 7.1)])
    found = spreads(columns)
    np.testing.assert_allclose(found[:2], 3, rtol=0.05)
    assert found[2] == pytest.approx(columns[:, 2].std(), rel=0.01)
    assert found[3] == 1


def test_words_are_not_scaled():
    words = (np.random.default_rng(0).random((50, 30)) < 0.3).astype(np.float32)
    expected = column_weights(words)
    np.testing.assert_array_equal(column_weights(words, scaled=True), expected)
    data = make_data(with_time=False)
    assert not differ_in_scale(data)
    assert differ_in_scale(make_data())
