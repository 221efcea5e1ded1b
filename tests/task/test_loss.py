"""BarlowTwinsLoss, the Keras loss: configuration, weights, shapes, a batch of one row."""

import warnings

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import (
    AlignmentUniformityMetrics,
    BarlowTwinsLoss,
    BarlowTwinsTask,
    CrossCorrelationMetrics,
)


def test_loss_config_round_trip():
    stacked = tf.random.stateless_normal([9, 2, 4], [1, 2])
    original = BarlowTwinsLoss(
        lambda_=0.3, normalize_batch=False, epsilon=1e-3, ddof=1, name="twins"
    )
    copies = [
        BarlowTwinsLoss.from_config(original.get_config()),
        tf.keras.losses.deserialize(tf.keras.losses.serialize(original)),
        BarlowTwinsLoss.from_config(
            BarlowTwinsLoss(
                lambda_=tf.constant(0.25), normalize_batch=False, epsilon=1e-3, ddof=1, name="twins"
            ).get_config()
            | {"lambda_": 0.3}
        ),
    ]
    for copy in copies:
        assert copy.get_config() == original.get_config()
        assert float(copy(None, stacked)) == float(original(None, stacked))
    assert BarlowTwinsLoss(lambda_=tf.constant(0.25)).get_config()["lambda_"] == 0.25


@pytest.mark.parametrize("shape", [[9], [9, 1]])
def test_loss_sample_weight(shape):
    stacked = tf.random.stateless_normal([9, 2, 4], [1, 2])
    weight = np.array([1.0, 0.0, 2.0, 1.0, 0.5, 0.0, 1.0, 1.0, 3.0], np.float32)
    loss = BarlowTwinsLoss()(None, stacked, sample_weight=weight.reshape(shape))
    z_a, z_b = np.moveaxis(stacked.numpy(), 1, 0)
    expected = reference.barlow_twins_loss(z_a, z_b, sample_weight=weight)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    assert abs(expected - reference.barlow_twins_loss(z_a, z_b)) > 1e-3


def test_loss_options_reach_the_loss():
    stacked = tf.random.stateless_normal([9, 2, 4], [1, 2])
    z_a, z_b = np.moveaxis(stacked.numpy(), 1, 0)
    for options in ({"epsilon": 0.5}, {"ddof": 1}, {"lambda_": 3.0}, {"normalize_batch": False}):
        expected = reference.barlow_twins_loss(z_a, z_b, **options)
        for loss in (BarlowTwinsLoss(**options), BarlowTwinsTask("node", **options).losses()):
            np.testing.assert_allclose(loss(None, stacked), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 2), (4, 3, 5), (4, 2, 5, 1)])
def test_loss_shape_errors(shape):
    with pytest.raises(ValueError, match=r"predictions of shape \[N, 2, D\] \(got \(4, "):
        BarlowTwinsLoss()(None, tf.ones(shape))


@pytest.mark.parametrize("shape", [None, [None, None, 4], [4, None, 4]])
def test_predictions_of_unknown_shape(shape):
    """What is not known while TensorFlow traces is said to be missing."""
    signature = [tf.TensorSpec(shape, tf.float32)]
    with pytest.raises(ValueError, match=r"expected predictions of shape \[N, 2, D\] \(got "):
        tf.function(lambda y: BarlowTwinsLoss()(None, y), signature).get_concrete_function()
    for metric in (AlignmentUniformityMetrics(), CrossCorrelationMetrics()):
        with pytest.raises(ValueError, match=r"expected predictions of shape \[N, 2, D\] \(got "):
            tf.function(lambda y, m=metric: m.check(y), signature).get_concrete_function()


def test_features_of_unknown_number():
    signature = [tf.TensorSpec([None, 2, None], tf.float32)]
    with pytest.raises(ValueError, match=r"a static number of features D \(got \(None, 2, None"):
        tf.function(lambda y: BarlowTwinsLoss()(None, y), signature).get_concrete_function()


# A batch of one row


def one_row_warnings(caught):
    return [w for w in caught if w.category is RuntimeWarning and "one row" in str(w.message)]


def test_one_row_warns_once_in_eager_mode():
    loss = BarlowTwinsLoss()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss(None, tf.ones([2, 2, 3]))
        assert not one_row_warnings(caught)
        values = [float(loss(None, tf.ones([1, 2, 3]))) for _ in range(3)]
        assert len(one_row_warnings(caught)) == 1
        BarlowTwinsLoss()(None, tf.ones([1, 2, 3]))
        assert len(one_row_warnings(caught)) == 2
    assert values == [3.0] * 3


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "jit_compile"), [(1, False), (1, True), (4, False)])
def test_one_row_in_fit(rows, jit_compile):
    """The number of rows is dynamic in the graph; XLA has no way to call the host."""
    inputs = tf.keras.Input([2, 3])
    model = tf.keras.Model(inputs, tf.keras.layers.Dense(3)(inputs))
    model.compile("sgd", loss=BarlowTwinsLoss(), jit_compile=jit_compile)
    x = np.random.default_rng(0).normal(size=(3 * rows, 2, 3)).astype(np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((x, np.zeros((3 * rows, 0)))).batch(rows)
    assert dataset.element_spec[0].shape[0] is None
    before = model.get_weights()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(dataset, epochs=2, verbose=0)
    assert len(one_row_warnings(caught)) == (1 if rows == 1 and not jit_compile else 0)
    unchanged = all(np.array_equal(b, a) for b, a in zip(before, model.get_weights(), strict=True))
    assert unchanged == (rows == 1)
