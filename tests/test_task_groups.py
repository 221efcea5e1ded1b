"""Groups of features: the loss is the mean of the losses of each group by itself."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask
from graph_barlow_twins.tfgnn_task.loss import BarlowTwinsLoss


def views(rows=20, width=12):
    return np.random.default_rng(0).normal(size=(rows, 2, width)).astype(np.float32)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("lambda_", [None, 0.3])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_mean_of_the_groups_with_gradients(groups, lambda_, compiled):
    y_pred = views()
    loss = BarlowTwinsLoss(groups=groups, lambda_=lambda_)

    @tf.function(jit_compile=compiled)
    def step(y_pred):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(None, y_pred)
        return value, tape.gradient(value, y_pred)

    value, gradient = step(tf.constant(y_pred))
    parts = [
        reference.barlow_twins_loss_and_gradients(part[:, 0], part[:, 1], lambda_=lambda_)
        for part in np.split(y_pred.astype(np.float64), groups, axis=2)
    ]
    np.testing.assert_allclose(value, np.mean([part[0] for part in parts]), rtol=1e-5)
    expected = np.concatenate([np.stack(part[1:], axis=1) for part in parts], axis=2) / groups
    scale = np.abs(expected).max()
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-5 * scale)


def test_weights_reach_every_group():
    y_pred, weight = views(), np.arange(20) % 2
    loss = BarlowTwinsLoss(groups=3)
    rows = y_pred[1::2]
    expected = loss(None, rows)
    np.testing.assert_allclose(loss(None, y_pred, weight), expected, rtol=1e-5)


def test_config_and_task_keep_the_groups():
    loss = BarlowTwinsTask("node", groups=3).losses()
    assert loss.get_config()["groups"] == 3
    again = BarlowTwinsLoss.from_config(loss.get_config())
    np.testing.assert_allclose(again(None, views()), BarlowTwinsLoss(groups=3)(None, views()))


def test_refuses_what_cannot_be_divided():
    for groups in (0, -1, 1.5, "2"):
        with pytest.raises(ValueError, match="groups should be a positive integer"):
            BarlowTwinsTask("node", groups=groups)
    with pytest.raises(ValueError, match=r"5 groups can share equally \(got 12\)"):
        BarlowTwinsLoss(groups=5)(None, views())
