"""The encoder of few features: its statistics node by node, and every way to compute it."""

import graph_barlow_twins.tfgnn_task  # noqa: F401 - before TensorFlow: it selects Keras 2
import numpy as np
import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.encoder.by_weights import embed_with
from graph_barlow_twins.pretrain.encoder.wide.layers import build_wide_encoder
from graph_barlow_twins.pretrain.encoder.wide.weights import start_wide, statistics
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.training.recipe import make_recipe

NODES, FEATURES, WIDTH = 40, 3, 16


def make_data(seed=0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(NODES, FEATURES)) * [1, 1e-3, 1e9] + [0, 5, 1.6e9]
    edges = rng.integers(0, NODES - 2, (2, 70))  # two nodes without neighbours
    return make_graph_data(name="g", features=features, edge_index=edges)


def by_definition(data, center, spread):
    X = (data.feature_rows(slice(None)).astype(np.float64) - center) / spread
    source, target = data.edge_index
    neighbours = [target[source == node] for node in range(NODES)]

    def mean_of(values):
        nothing = np.zeros(values.shape[1])
        return np.array([values[n].mean(axis=0) if len(n) else nothing for n in neighbours])

    degree = np.log1p([len(n) for n in neighbours])[:, np.newaxis]
    spreads = np.array([X[n].std(axis=0) if len(n) else np.zeros(FEATURES) for n in neighbours])
    mean = mean_of(X)
    parts = [X, mean, spreads, mean_of(mean), degree, mean_of(spreads), mean_of(degree)]
    return np.hstack(parts)


def test_every_way_is_the_definition():
    from graph_barlow_twins.pretrain.encoder.apply import embed
    from graph_barlow_twins.pretrain.graph.tensor import plain_graph, plain_spec

    data = make_data()
    weights = start_wide(data, WIDTH, seed=0)
    expected = by_definition(data, weights.center, weights.spread)
    np.testing.assert_allclose(
        statistics(data, weights.center, weights.spread), expected, atol=1e-3
    )
    state = expected @ weights.kernel + weights.bias
    expected = np.where(state < 0, 0.25 * state, state)
    np.testing.assert_allclose(embed_with(weights, data), expected, atol=5e-3)
    model = build_wide_encoder(plain_spec(data), weights)
    np.testing.assert_allclose(embed(model, plain_graph(data)), expected, atol=5e-3)


def test_before_the_bend_columns_have_mean_0_and_variance_1():
    """Whatever the features' units: also one in seconds since 1970 beside small ones."""
    data = make_data()
    weights = start_wide(data, WIDTH, seed=0)
    state = statistics(data, weights.center, weights.spread) @ weights.kernel + weights.bias
    np.testing.assert_allclose(state.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(state.std(axis=0), 1, atol=1e-3)
    other = start_wide(data, WIDTH, seed=1)
    assert not np.allclose(other.kernel, weights.kernel)


def test_units_do_not_matter():
    data = make_data()
    scaled = make_graph_data(
        name="g", features=data.features * np.float32([4, 0.5, 2]), edge_index=data.edge_index
    )
    found = [embed_with(start_wide(one, WIDTH, seed=0), one) for one in (data, scaled)]
    np.testing.assert_allclose(*found, atol=1e-3)


@pytest.mark.filterwarnings("ignore:.*no edges")
def test_constant_features_without_edges():
    data = make_graph_data(
        name="g", features=np.full((5, 2), 0.1), edge_index=np.zeros((2, 0), int)
    )
    np.testing.assert_array_equal(embed_with(start_wide(data, WIDTH, seed=0), data), 0)


def test_a_column_of_another_scale_drowns_nothing():
    """Twelve columns in [0, 1] and the time in seconds since 1970, by default options."""
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    shares = np.clip(0.3 * (np.arange(12) % 3 == labels[:, np.newaxis]) + 0.35, 0, 1)
    shares = np.clip(shares + 0.15 * rng.normal(size=shares.shape), 0, 1)
    time = 1.6e9 + 1e7 * rng.random((300, 1))
    source, target = rng.integers(300, size=(2, 4000))
    same = labels[source] == labels[target]
    features = np.hstack([shares, time])
    data = make_graph_data(
        name="g", features=features, edge_index=[source[same], target[same]], labels=labels
    )
    recipe = make_recipe(PretrainConfig(output="none"), data)
    assert recipe.encoder == "wide"
    embeddings = embed_with(start_wide(data, recipe.units[0], recipe.seed), data)
    assert linear_probe(embeddings, data, folds=3).accuracy > 0.95
    assert linear_probe(data.features, data, folds=3).accuracy < 0.6
