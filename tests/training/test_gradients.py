"""Graphs with custom gradients do not outlive the run that made them."""

import gc
import weakref

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.pretrain.encoder.sparse_product import sparse_product
from graph_barlow_twins.pretrain.training.gradients import forgotten_gradients

from tests.runs import run_main, save_rings


def gradient_of_a_product():
    """The gradient, and a reference to the graph that computed it."""
    graphs = []

    @tf.function(autograph=False)
    def gradient(dense):
        graphs.append(weakref.ref(tf.compat.v1.get_default_graph()))
        with tf.GradientTape() as tape:
            tape.watch(dense)
            result = tf.reduce_sum(
                sparse_product([0, 1], [1, 0], tf.constant([2.0, 3.0]), 2, dense)
            )
        return tape.gradient(result, dense)

    return gradient(tf.ones([2, 1])).numpy(), graphs[0]


def test_graphs_are_freed():
    _, kept = gradient_of_a_product()
    with forgotten_gradients():
        found, freed = gradient_of_a_product()
    gc.collect()
    np.testing.assert_array_equal(found, [[3.0], [2.0]])
    assert freed() is None
    assert kept() is not None  # of before the block; without it this one, too, would be kept


def test_gradients_registered_elsewhere_are_kept():
    from tensorflow.python.framework import ops

    gradient_of_a_product()
    before = set(ops.gradient_registry.list())
    with forgotten_gradients():
        gradient_of_a_product()
        assert set(ops.gradient_registry.list()) > before
    assert set(ops.gradient_registry.list()) == before


@pytest.mark.slow
def test_repeated_runs_leave_no_graphs(tmp_path):
    """The second and third as many as the first: TensorFlow has caches of its own."""
    command = ["pretrain", "--dataset", save_rings(tmp_path / "g.npz"), "--steps", "2", "--quiet"]
    command += ["--units", "8", "4", "--folds", "2"]
    counts = []
    for number in range(3):
        assert run_main(*command, "--output", tmp_path / str(number)).returncode == 0
        gc.collect()
        counts.append(sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects()))
    assert counts[1] == counts[2]
