"""BarlowTwinsTask's losses and metrics against upstream's, number by number."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask
from tensorflow_gnn.models.contrastive_losses import tasks as upstream

from tests.task.graphs import dropout, make_encoder, make_graph, relaxed
from tests.tolerances import tolerance

OPTIONS = [
    {},
    {"normalize_batch": False},
    {"lambda_": 0.3},
    {"lambda_": 0.0, "normalize_batch": False},
    {"projector_units": [6, 5]},
    {"projector_units": [8], "lambda_": 2.0},
]


@pytest.mark.parametrize("options", [OPTIONS[0], OPTIONS[3], OPTIONS[4]], ids=str)
def test_loss_of_the_whole_chain_like_upstream(options):
    graph = make_graph()
    tf.keras.utils.set_random_seed(1)
    encoder = make_encoder(relaxed(graph))
    ours, theirs = (
        module.BarlowTwinsTask("node", corruptor=dropout(), **options)
        for module in (tfgnn_task, upstream)
    )
    losses, gradients, weights = [], [], None
    for task in (ours, theirs):
        inputs = [tf.keras.Input(type_spec=relaxed(graph)) for _ in range(2)]
        model = tf.keras.Model(inputs, task.predict(*[encoder(i) for i in inputs]))
        if weights is not None:
            model.set_weights(weights)
        weights = model.get_weights()
        graphs, labels = task.preprocess(graph)
        with tf.GradientTape() as tape:
            loss = task.losses()(labels, model(graphs))
        losses.append(float(loss))
        gradients.append(tape.gradient(loss, model.trainable_variables))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    assert losses[0] > 0
    # Relative to the largest entry of all: standardising cancels a shift, so the gradient of a bias
    # behind it is rounding error alone.
    scale = max(np.abs(gradient).max() for gradient in gradients[1])
    for first, second in zip(*gradients, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-5 * scale, rtol=0)


@pytest.mark.parametrize("shape", [(2, 2), (8, 33), (63, 5)])
@pytest.mark.parametrize(
    "options", [option for option in OPTIONS if "projector_units" not in option]
)
def test_loss_like_upstream(options, shape):
    rows, features = shape
    rng = np.random.default_rng([rows, features])
    a = rng.normal(size=shape)
    stacked = tf.constant(np.stack([a, a + 0.5 * rng.normal(size=shape)], axis=1), tf.float32)
    ours, theirs = (
        module.BarlowTwinsTask("node", **options).losses()(None, stacked)
        for module in (tfgnn_task, upstream)
    )
    assert ours.dtype == tf.float32
    assert ours.shape == ()
    # The float64 oracle separates our rounding from upstream's, whose sums run in float32.
    z_a, z_b = np.moveaxis(stacked.numpy(), 1, 0)
    expected = reference.barlow_twins_loss(z_a, z_b, **options)
    np.testing.assert_allclose(ours, expected, rtol=tolerance("float32").loss, atol=1e-6)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_lambda_may_be_a_tensor_like_upstream():
    stacked = tf.random.stateless_normal([9, 2, 4], [1, 2])
    ours, theirs = (
        module.BarlowTwinsTask("node", lambda_=tf.constant(0.2)).losses()(None, stacked)
        for module in (tfgnn_task, upstream)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("normalize_batch", [True, False])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_dtypes_that_upstream_refuses(dtype, normalize_batch):
    stacked = tf.cast(tf.random.stateless_normal([9, 2, 4], [1, 2]), dtype)
    with pytest.raises(TypeError):
        upstream.BarlowTwinsTask("node", normalize_batch=normalize_batch).losses()(None, stacked)
    task = BarlowTwinsTask("node", normalize_batch=normalize_batch)
    loss = task.losses()(None, stacked)
    assert loss.dtype == (tf.float64 if dtype == "float64" else tf.float32)
    z_a, z_b = np.moveaxis(tf.cast(stacked, tf.float64).numpy(), 1, 0)
    expected = reference.barlow_twins_loss(z_a, z_b, normalize_batch=normalize_batch)
    np.testing.assert_allclose(loss, expected, rtol=tolerance(dtype).loss)
    (metric,) = task.metrics()
    metric.update_state(None, stacked)
    np.testing.assert_allclose(metric.result()["rankme"], reference.rankme(z_a), rtol=1e-6)


def test_metrics_like_upstream():
    stacked = tf.random.stateless_normal([20, 2, 6], [1, 2])
    results = []
    for module in (tfgnn_task, upstream):
        (metric,) = module.BarlowTwinsTask("node").metrics()
        metric.update_state(None, stacked)
        results.append({name: float(value) for name, value in metric.result().items()})
    assert results[0].pop("rankme_cap") == 6  # beside upstream's
    assert results[0] == pytest.approx(results[1], rel=2e-5)
