"""The whole training step compiles under XLA, and computes what it computes without."""

import contextlib

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import (
    AlignmentUniformityMetrics,
    BarlowTwinsTask,
    ContrastiveLossTask,
    CrossCorrelationMetrics,
)

from tests.task.graphs import dropout, make_graph, pair
from tests.task.production_runs import assert_close, make_model, padded

STEPS = {
    "one view": (1, {}),
    "one view, all nodes, units": (1, {"readout": "all_nodes", "projector_units": [6]}),
    "two views, all nodes, head": (2, {"readout": "all_nodes", "projector": "6-5"}),
}


class TaskWithAllMetrics(BarlowTwinsTask):
    """The task, with every metric that a step can update."""

    def metrics(self):
        return (*super().metrics(), CrossCorrelationMetrics(), AlignmentUniformityMetrics())


def batches(task):
    """Three padded batches with static sizes, as a data set of ``(graphs, labels, mask)``."""
    dataset = None
    for seed in range(3):
        graph, mask = padded(make_graph(seed=seed), 3)
        batch = tf.data.Dataset.from_tensors((*task.preprocess(graph), mask))
        dataset = dataset.concatenate(batch) if dataset else batch
    return dataset


@pytest.mark.slow
def test_a_compiled_step():
    """Encoder, projector, loss and gradients in one XLA program, of a padded batch."""
    task = BarlowTwinsTask("node", corruptor=dropout(), projector="6-5", readout="all_nodes")
    graph, mask = padded(make_graph(), 3)
    graphs, labels = task.preprocess(graph)
    model = make_model(task, graphs, spec=graphs[0].spec)
    loss = task.losses()

    def step(graphs, labels, mask):
        with tf.GradientTape() as tape:
            value = loss(labels, model(graphs, training=True), sample_weight=mask)
        return value, tape.gradient(value, model.trainable_variables)

    plain, gradients = step(graphs, labels, mask)
    compiled, compiled_gradients = tf.function(step, jit_compile=True)(graphs, labels, mask)
    assert float(compiled) == pytest.approx(float(plain), rel=1e-5)
    assert_close(gradients, compiled_gradients, rtol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_compiled_step_trains_like_the_plain_one(step):
    """Forward, loss, gradients, optimizer and metrics, in one XLA program."""
    views, options = STEPS[step]
    weights, logs = [], []
    for jit_compile in (False, True):
        tf.keras.utils.set_random_seed(1)
        task = TaskWithAllMetrics(
            "node",
            corruptor=dropout() if views == 1 else (dropout(1), dropout(2)),
            **options,
        )
        data = batches(task)
        graphs, _, _ = next(iter(data))
        spec = data.element_spec[0][0]
        assert spec.node_sets_spec["node"].total_size is not None
        optimizer = tf.keras.optimizers.SGD(0.05, momentum=0.9, jit_compile=jit_compile)
        model = make_model(task, graphs, optimizer, spec=spec, jit_compile=jit_compile)
        log = {name: value[0] for name, value in model.fit(data, verbose=0).history.items()}
        weights.append(model.get_weights())
        logs.append(log)
    assert_close(*weights, rtol=2e-5)
    assert logs[1] == pytest.approx(logs[0], rel=2e-4)
    assert len(logs[1]) == 1 + 4 + 2 + 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("readout", "is_padded"),
    [("all_nodes", True), ("first_node", False)],
)
def test_preprocess_compiles(readout, is_padded):
    """Views with as many edges as before, so that all shapes are static."""
    task = BarlowTwinsTask("node", corruptor=(dropout(1), dropout(2)), readout=readout)
    graph = padded(make_graph(), 3)[0] if is_padded else make_graph()

    def preprocess(graph):
        (_, *views), labels = task.preprocess(graph)
        return [tf.nest.flatten(view, expand_composites=True) for view in views], labels

    compiled = tf.function(preprocess, jit_compile=True)
    results = []
    for function in (compiled, tf.function(preprocess)):
        fresh = (dropout(1), dropout(2))
        task._corruptors = fresh  # the draws of a seeded corruptor count its calls
        results.append(function(graph))
    for one, other in zip(*map(tf.nest.flatten, results), strict=True):
        np.testing.assert_array_equal(one, other)


@contextlib.contextmanager
def on_a_tpu(monkeypatch):
    """As far as the guard of `predict` can see."""
    with monkeypatch.context() as patch:
        strategy = tf.distribute.TPUStrategy.__new__(tf.distribute.TPUStrategy)
        patch.setattr(tf.distribute, "get_strategy", lambda: strategy)
        yield


class OtherTask(ContrastiveLossTask):
    """A task that says nothing about TPUs."""

    def make_contrastive_layer(self):
        return tf.keras.layers.Layer()

    def losses(self):
        return tf.keras.losses.MeanSquaredError()


def test_the_guard_against_tpus_is_for_other_tasks(monkeypatch):
    graphs, _ = BarlowTwinsTask("node", corruptor=dropout()).preprocess(make_graph())
    with on_a_tpu(monkeypatch):
        assert BarlowTwinsTask("node", corruptor=pair()[1]).predict(*graphs).shape == (12, 2, 4)
        with pytest.raises(AssertionError, match="do not support TPU yet"):
            OtherTask("node").predict(*graphs)
    assert OtherTask("node").predict(*graphs).shape == (12, 2, 4)
