"""Padding and weights, through the task: a padded batch trains like the batch without padding."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import (
    AlignmentUniformityMetrics,
    BarlowTwinsTask,
    CrossCorrelationMetrics,
    ShuffleFeaturesGlobally,
)
from tensorflow_gnn import runner
from tensorflow_gnn.models.contrastive_losses import tasks as upstream

from tests.task.graphs import COMPONENTS, NODES, dropout, make_graph, pair
from tests.task.production_runs import (
    SPEC,
    KeepEpochs,
    Provider,
    assert_close,
    loss_gradients_metrics,
    make_model,
    no_chance,
    padded,
    run,
)

CORRUPTORS = {
    "shuffle": lambda: ShuffleFeaturesGlobally(seed=5),
    "dropout": dropout,
    "pair": pair,
}


class TaskWithAllMetrics(BarlowTwinsTask):
    """The task, with every metric that takes weights."""

    def metrics(self):
        return (*super().metrics(), CrossCorrelationMetrics(), AlignmentUniformityMetrics())


FAST = [("first_node", "shuffle", 7), ("all_nodes", "dropout", 1)]
SLOW = [
    ("first_node", "pair", 1), ("all_nodes", "pair", 7), ("all_nodes", "shuffle", 7),
    ("first_node", "dropout", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("readout", "corruptor", "components"),
    [*FAST, *[pytest.param(*case, marks=pytest.mark.slow) for case in SLOW]],
)
def test_padding_changes_nothing(readout, corruptor, components):
    graph = make_graph()
    model, results = None, []
    for extra in (0, components):
        task = TaskWithAllMetrics("node", corruptor=CORRUPTORS[corruptor](), readout=readout)
        batch, mask = padded(graph, extra) if extra else (graph, None)
        graphs, labels = task.preprocess(batch)
        model = model or make_model(task, graphs)
        results.append(loss_gradients_metrics(model, graphs, labels, mask))
    (loss, gradients, metrics), (padded_loss, padded_gradients, padded_metrics) = results
    assert padded_loss == pytest.approx(loss, rel=1e-6)
    assert_close(gradients, padded_gradients, rtol=2e-6)
    assert len(metrics) == 1 + 4 + 2 + 2
    assert padded_metrics == pytest.approx(metrics, rel=1e-6)
    # What it would be if the mask got lost.
    unmasked, *_ = loss_gradients_metrics(model, graphs, labels)
    assert abs(unmasked - loss) > 1e-4 * loss


def fit_or_skip():
    return runner.FitOrSkipPadding(SPEC, Provider(), fit_or_skip_sample_sample_size=50)


def tight():
    return runner.TightPadding(SPEC, Provider())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("readout", "padding"), [("first_node", fit_or_skip), ("all_nodes", tight)]
)
def test_runner_trains_on_padded_batches(readout, padding, tmp_path):
    """The weights after five steps with momentum are those of the run without padding."""
    weights, logs = [], []
    for name in ("plain", "padded"):
        task = TaskWithAllMetrics("node", corruptor=no_chance, readout=readout)
        keep = KeepEpochs()
        options = {"train_padding": padding()} if name == "padded" else {}
        result = run(task, tmp_path / name, callbacks=[keep], **options)
        weights.append(result.trained_model.get_weights())
        logs.append(keep.logs)
    assert_close(*weights, rtol=1e-5)
    assert len(logs[0]) == len(logs[1]) == 5
    assert logs[1][0]["loss"] > 1.1 * logs[1][-1]["loss"]
    for plain, with_padding in zip(*logs, strict=True):
        assert with_padding == pytest.approx(plain, rel=1e-4)


@pytest.mark.slow
def test_validation_may_be_padded_too(tmp_path):
    keep = KeepEpochs()
    run(
        BarlowTwinsTask("node", corruptor=no_chance),
        tmp_path,
        train_padding=tight(),
        valid_ds_provider=Provider(),
        valid_padding=fit_or_skip(),
        trainer=runner.KerasTrainer(
            tf.distribute.get_strategy(),
            model_dir=str(tmp_path),
            verbose=0,
            summarize_every_n_steps="never",
            checkpoint_every_n_steps="never",
            backup_and_restore=False,
            restore_best_weights=False,
            callbacks=[keep],
        ),
    )
    # Of the same graphs, one step later than the training's.
    assert keep.logs[0]["val_loss"] == pytest.approx(keep.logs[1]["loss"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_upstream_raises_on_padded_batches(tmp_path):
    """The reason for this file; once upstream trains as well, its documentation may say so."""
    with pytest.raises(Exception, match=r"(?i)weight|shape|broadcast|rank"):
        run(upstream.BarlowTwinsTask("node"), tmp_path, train_padding=tight())


# Labels and weights of rows


def test_labels_name_the_component_of_each_row():
    graph = make_graph(3)
    _, labels = BarlowTwinsTask("node", readout="all_nodes").preprocess(graph)
    assert labels.dtype == tf.int32
    np.testing.assert_array_equal(labels, [[row // NODES, 3] for row in range(3 * NODES)])


def test_labels_pass_over_empty_components():
    import tensorflow_gnn as tfgnn

    graph = tfgnn.GraphTensor.from_pieces(
        node_sets={
            "node": tfgnn.NodeSet.from_fields(
                sizes=[0, 2, 0, 1, 0], features={tfgnn.HIDDEN_STATE: tf.ones([3, 2])}
            )
        }
    )
    _, labels = BarlowTwinsTask("node", readout="all_nodes").preprocess(graph)
    np.testing.assert_array_equal(labels, [[1, 5], [1, 5], [3, 5]])


def test_weights_of_components_and_of_rows_agree():
    task = BarlowTwinsTask("node", readout="all_nodes", corruptor=dropout())
    graphs, labels = task.preprocess(make_graph())
    outputs, loss = task.predict(*graphs), task.losses()
    per_component = np.random.default_rng(0).uniform(0, 2, COMPONENTS).astype(np.float32)
    per_row = np.repeat(per_component, NODES)
    values = [
        float(loss(labels, outputs, sample_weight=weights))
        for weights in (per_component, per_component[:, np.newaxis], per_row, per_row[:, None])
    ]
    assert values == pytest.approx([values[0]] * 4, rel=1e-6)
    assert abs(values[0] - float(loss(labels, outputs))) > 1e-3
    metrics = []
    for weights in (per_component, per_row):
        (metric,) = task.metrics()
        metric.update_state(labels, outputs, sample_weight=weights)
        metrics.append({name: float(value) for name, value in metric.result().items()})
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-6)


def test_one_weight_each_for_as_many_rows_as_components():
    """Of components [0, 2, 1] the first has no row: the weights are those of the components."""
    labels = tf.constant([[1, 3], [1, 3], [2, 3]])
    outputs = tf.random.stateless_normal([3, 2, 4], [1, 2])
    loss = BarlowTwinsTask("node", readout="all_nodes").losses()
    by_component = loss(labels, outputs, sample_weight=tf.constant([9.0, 1.0, 3.0]))
    by_row = loss(None, outputs, sample_weight=tf.constant([1.0, 1.0, 3.0]))
    assert float(by_component) == pytest.approx(float(by_row), rel=1e-6)


@pytest.mark.parametrize("weights", [5, COMPONENTS + 1])
def test_other_numbers_of_weights_are_refused(weights):
    task = BarlowTwinsTask("node", readout="all_nodes", corruptor=dropout())
    graphs, labels = task.preprocess(make_graph())
    with pytest.raises(tf.errors.InvalidArgumentError, match="one weight per row or one per"):
        task.losses()(labels, task.predict(*graphs), sample_weight=tf.ones(weights))


def test_foreign_labels_are_left_alone():
    outputs = tf.random.stateless_normal([4, 2, 4], [1, 2])
    weights = tf.constant([0.0, 1.0, 2.0, 3.0])
    loss = BarlowTwinsTask("node").losses()
    values = [
        float(loss(labels, outputs, sample_weight=weights))
        for labels in (None, tf.zeros([4, 0], tf.int32), tf.constant([[3, 0]] * 4), tf.ones([4, 2]))
    ]
    assert values == pytest.approx([values[0]] * 4)


def test_a_batch_of_padding_alone_trains_nothing():
    task = BarlowTwinsTask("node", corruptor=dropout())
    graphs, labels = task.preprocess(make_graph())
    model = make_model(task, graphs)
    loss, gradients, _ = loss_gradients_metrics(model, graphs, labels, tf.zeros(COMPONENTS))
    assert np.isfinite(loss)
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, tf.zeros_like(gradient))


@pytest.mark.slow
def test_user_given_weights_through_fit():
    """A weight of 2 is the row twice; Keras passes the weights on to loss and metrics."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(8, 2, 4)).astype(np.float32)
    weights = np.array([1, 2, 1, 1, 0, 1, 2, 1], np.float32)
    fitted = []
    for x, w in ((rows, weights), (np.repeat(rows, weights.astype(int), axis=0), None)):
        tf.keras.utils.set_random_seed(1)
        task = TaskWithAllMetrics("node")
        inputs = tf.keras.Input([2, 4])
        model = tf.keras.Model(inputs, tf.keras.layers.Dense(3)(inputs))
        model.compile("sgd", loss=task.losses(), weighted_metrics=[CrossCorrelationMetrics()])
        labels = np.zeros((len(x), 0), np.int32)
        history = model.fit(x, labels, sample_weight=w, batch_size=16, epochs=3, verbose=0)
        fitted.append((model.get_weights(), history.history))
    assert_close(fitted[0][0], fitted[1][0], rtol=1e-5)
    for name in fitted[0][1]:
        np.testing.assert_allclose(fitted[0][1][name], fitted[1][1][name], rtol=1e-4)
