"""C of the views that a report shows."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.tensor import (
    graph_tensor_from_data,
    relaxed_spec,
    with_step,
)
from graph_barlow_twins.pretrain.training.initial import initial_weights
from graph_barlow_twins.pretrain.training.recipe import make_recipe
from graph_barlow_twins.pretrain.training.steps.build import make_encoder, make_task
from graph_barlow_twins.pretrain.training.steps.correlation import view_correlation


@pytest.mark.parametrize("density", [pytest.param(1.0, marks=pytest.mark.slow), 0.04])
def test_is_that_of_the_loss(density):
    """Against C of the views as the task makes them, for dense and for sparse features."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(50, 40)) * (rng.random((50, 40)) < density)
    edges = np.stack([np.arange(50), (np.arange(50) + 1) % 50])
    data = make_graph_data(name="g", features=features, edge_index=edges)
    graph = graph_tensor_from_data(data)
    rates = {"drop_edges": 0.7, "mask_features": 0.3, "drop_entries": 0.2}
    recipe = make_recipe(PretrainConfig(output="-", units=(8, 4), seed=5, **rates), data)
    encoder = make_encoder(relaxed_spec(graph), recipe)
    encoder.set_weights(initial_weights(data, recipe))
    C = view_correlation(encoder, make_task(recipe), graph)
    assert C.shape == (4, 4)
    assert C.dtype == np.float32
    np.testing.assert_array_equal(view_correlation(encoder, make_task(recipe), graph), C)
    other = view_correlation(encoder, make_task(recipe), graph, step=1)
    assert np.abs(other - C).max() > 0.01

    stepped = with_step(graph, tf.constant(0, tf.int64))
    graphs, _ = make_task(recipe).preprocess(stepped)
    beside = make_encoder(relaxed_spec(stepped), recipe)  # takes the graphs of training
    beside.set_weights(encoder.get_weights())
    stacked = make_task(recipe).predict(*(beside(one) for one in graphs)).numpy()
    expected = reference.cross_correlation(stacked[:, 0], stacked[:, 1])
    np.testing.assert_allclose(C, expected, atol=1e-5)
