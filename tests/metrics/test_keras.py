"""The Keras metrics: means, steps that are skipped, values that are not finite, Keras' own ways."""

import logging
from functools import cache

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf

from tests.fresh_process import run_python
from tests.metrics.measures import MODES, without_host

SVD_KEYS = ("numerical_rank", "rankme", "coherence", "rankme_cap")
CLASSES = (
    tfgnn_task.AllSvdMetrics,
    tfgnn_task.CrossCorrelationMetrics,
    tfgnn_task.AlignmentUniformityMetrics,
)


def make_batch(cls, seed, rows=12):
    shape = (rows, 5) if cls is tfgnn_task.AllSvdMetrics else (rows, 2, 5)
    return np.random.default_rng([seed, rows]).normal(size=shape).astype(np.float32)


def expected_of(cls, batch, weights=None):
    if cls is tfgnn_task.AllSvdMetrics:
        return {n: getattr(reference, n)(batch, sample_weight=weights) for n in SVD_KEYS}
    views = batch[:, 0], batch[:, 1]
    if cls is tfgnn_task.CrossCorrelationMetrics:
        return reference.cross_correlation_metrics(*views, sample_weight=weights)
    uniform = [reference.uniformity(z, sample_weight=weights) for z in views]
    close = reference.alignment(*views, sample_weight=weights)
    return {"alignment": close, "uniformity": np.mean(uniform)}


def assert_mean(metric, batches, weights=None):
    each = [expected_of(type(metric), batch, weights) for batch in batches]
    found = metric.result()
    assert list(found) == list(each[0])
    for name, value in found.items():
        assert value.shape == ()
        assert value.dtype == tf.float32
        np.testing.assert_allclose(value, np.mean([e[name] for e in each]), rtol=1e-5, atol=1e-6)


@cache
def updating(cls, mode, weighted=False, every=1):
    """A metric and its `update_state` of 12 rows, traced once; call `reset_state` before."""
    metric = cls(every_n_steps=every)

    def update(batch, weights=None):
        metric.update_state(None, batch, sample_weight=weights)

    if mode == "eager":
        return metric, update
    signature = [tf.TensorSpec(make_batch(cls, 0).shape), tf.TensorSpec([12])][: 1 + weighted]
    call = tf.function(update, input_signature=signature, jit_compile=mode == "xla")
    if mode == "plain ops":
        with without_host():
            call.get_concrete_function()
    return metric, call


def warnings_in(caplog):
    """Ours: TensorFlow warns of traces too."""
    messages = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    return [one for one in messages if "NaN or infinite" in one]


BY_CLASS = pytest.mark.parametrize("cls", CLASSES)
BY_MODE = pytest.mark.parametrize("mode", MODES)


@BY_CLASS
@BY_MODE
def test_means_over_batches(cls, mode):
    metric, update = updating(cls, mode)
    metric.reset_state()
    batches = [make_batch(cls, seed) for seed in range(3)]
    for number, batch in enumerate(batches):
        update(tf.constant(batch))
        assert_mean(metric, batches[: number + 1])
    metric.reset_state()
    assert all(np.isnan(value) for value in metric.result().values())
    update(tf.constant(batches[2]))
    assert_mean(metric, batches[2:])


@BY_CLASS
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_every_n_steps(cls, mode):
    metric, update = updating(cls, mode, every=3)
    metric.reset_state()
    batches = [make_batch(cls, seed) for seed in range(5)]
    for number, batch in enumerate(batches):
        update(tf.constant(batch))
        assert_mean(metric, batches[: number + 1 : 3])
    metric.reset_state()
    for batch in batches[2:]:
        update(tf.constant(batch))
    assert_mean(metric, batches[2:3])  # the first after the reset


@pytest.mark.parametrize("every", [0, -1, 1.5, None])
def test_every_n_steps_is_a_positive_integer(every):
    with pytest.raises(ValueError, match="every_n_steps should be a positive integer"):
        tfgnn_task.AllSvdMetrics(every_n_steps=every)


def padded_batch(cls):
    """``(batch, the same with NaN in its padding, weights)``."""
    batch = make_batch(cls, 0)
    padded = batch.copy()
    padded[9:] = np.nan
    return batch, padded, np.r_[np.linspace(0.5, 2, 9), 0, 0, 0].astype(np.float32)


@BY_CLASS
@BY_MODE
def test_padding_and_weights(cls, mode):
    metric, update = updating(cls, mode, weighted=True)
    metric.reset_state()
    batch, padded, weights = padded_batch(cls)
    update(tf.constant(padded), tf.constant(weights))
    assert_mean(metric, [batch], weights)
    # A batch of padding alone is passed over.
    update(tf.constant(padded), tf.zeros(12))
    assert_mean(metric, [batch], weights)


@pytest.mark.slow
@BY_CLASS
def test_under_xla(cls, caplog):
    """Weights, steps passed over, values that are not finite; nothing can be logged."""
    metric, update = updating(cls, "xla", weighted=True, every=2)
    batch, padded, weights = padded_batch(cls)
    bad = np.where(np.arange(12) == 4, np.nan, batch.T).T.astype(np.float32)
    for given in (padded, bad):  # the second is not evaluated
        update(tf.constant(given), tf.constant(weights))
        assert_mean(metric, [batch], weights)
    update(tf.constant(bad), tf.constant(weights))
    assert all(np.isnan(x) for x in metric.result().values())
    assert not warnings_in(caplog)


@BY_CLASS
@pytest.mark.parametrize(
    ("mode", "value"), [("eager", np.inf), ("eager", -np.inf), ("graph", np.nan)]
)
def test_values_that_are_not_finite(cls, mode, value, caplog):
    """NaN for as long as the latest batch is bad, then the mean of the good ones; one warning."""
    metric, update = updating.__wrapped__(cls, mode)  # its updates are counted from the start
    good = [make_batch(cls, seed) for seed in range(2)]
    bad = good[0].copy()
    bad[4, ..., 1] = value
    update(tf.constant(good[0]))
    assert not warnings_in(caplog)
    for _ in range(2):
        update(tf.constant(bad))
        assert all(np.isnan(x) for x in metric.result().values())
    update(tf.constant(good[1]))
    assert_mean(metric, good)
    (message,) = warnings_in(caplog)
    assert message.startswith(f"{metric.name}: NaN or infinite values at update 1;")
    metric.reset_state()
    caplog.clear()
    update(tf.constant(bad))
    (message,) = warnings_in(caplog)
    assert "at update 4;" in message


@BY_CLASS
def test_config_round_trip(cls):
    options = {"every_n_steps": 4, "name": "quality"}
    if cls is tfgnn_task.CrossCorrelationMetrics:
        options |= {"normalize_batch": False, "epsilon": 1e-3, "ddof": 1}
    if cls is tfgnn_task.AlignmentUniformityMetrics:
        options |= {"alpha": 1.0, "t": 3.0}
    metric = cls(**options)
    copy = tf.keras.metrics.deserialize(tf.keras.metrics.serialize(metric))
    assert type(copy) is cls
    assert copy.get_config() == metric.get_config()
    assert options.items() <= copy.get_config().items()
    batch = tf.constant(make_batch(cls, 3))
    for one in (metric, copy):
        one.update_state(None, batch)
    assert {n: float(x) for n, x in copy.result().items()} == {
        n: float(x) for n, x in metric.result().items()
    }


def make_model(**options):
    """Predictions that are the inputs [N, 2, 5], times a weight of 1 that does not train."""
    inputs = tf.keras.Input([2, 5])
    outputs = tf.keras.layers.Dense(5, use_bias=False, kernel_initializer="identity")(inputs)
    model = tf.keras.Model(inputs, outputs)
    metrics = [
        tfgnn_task.AllSvdMetrics(y_pred_transform_fn=lambda y: y[:, 0]),
        tfgnn_task.CrossCorrelationMetrics(),
        tfgnn_task.AlignmentUniformityMetrics(),
    ]
    model.compile(tf.keras.optimizers.SGD(0.0), "mse", weighted_metrics=metrics, **options)
    return model


def all_expected(batch, weights=None):
    return {
        name: value
        for cls in CLASSES
        for name, value in expected_of(
            cls, batch[:, 0] if cls is tfgnn_task.AllSvdMetrics else batch, weights
        ).items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"run_eagerly": True}, {"jit_compile": True}])
def test_fit_reports_means_and_survives_nan(options, caplog):
    model = make_model(**options)
    batches = [make_batch(tfgnn_task.CrossCorrelationMetrics, seed) for seed in range(3)]
    weights = np.tile(np.r_[np.ones(10), 0, 0], 3).astype(np.float32)
    x = np.concatenate(batches)
    history = model.fit(x, x, sample_weight=weights, batch_size=12, shuffle=False, verbose=0)
    each = [all_expected(batch, weights[:12]) for batch in batches]
    for name in each[0]:
        mean = np.mean([e[name] for e in each])
        np.testing.assert_allclose(history.history[name], mean, rtol=1e-5, atol=1e-6)
    x[3] = np.nan
    evaluated = model.evaluate(x, x, batch_size=12, verbose=0, return_dict=True)
    for name in each[0]:
        mean = np.mean([all_expected(batch)[name] for batch in batches[1:]])
        np.testing.assert_allclose(evaluated[name], mean, rtol=1e-5, atol=1e-6)
    logged = [m for m in warnings_in(caplog) if "NaN or infinite values at update 3" in m]
    assert len(logged) == (0 if "jit_compile" in options else 3)


@pytest.mark.slow  # a process of its own, for devices of its own
def test_replicas_add_up_their_batches():
    """Two devices see a batch each; the result is the mean of both, NaN if one of them is bad."""
    code = """
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import tensorflow as tf

configuration = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], configuration)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    metric = tfgnn_task.AllSvdMetrics(every_n_steps=2)
batches = np.random.default_rng(0).normal(size=(2, 12, 5)).astype(np.float32)
batches[1] *= np.linspace(1, 9, 5)
each = []
for batch in batches:
    alone = tfgnn_task.AllSvdMetrics()
    alone.update_state(None, batch)
    each.append([float(x) for x in alone.result().values()])
assert each[0] != each[1]

@tf.function
def step(batches):
    def of_replica():
        index = tf.distribute.get_replica_context().replica_id_in_sync_group
        metric.update_state(None, tf.gather(batches, index))

    strategy.run(of_replica)

def check(expected):
    found = [float(x) for x in metric.result().values()]
    np.testing.assert_allclose(found, expected, rtol=1e-5)

for _ in range(3):
    step(batches)
    check(np.mean(each, axis=0))
metric.reset_state()
step(batches)
check(np.mean(each, axis=0))
bad = batches.copy()
bad[1, 0, 0] = np.nan
step(bad)  # not evaluated
check(np.mean(each, axis=0))
step(bad)
check([np.nan] * 4)
print("checked")
"""
    assert run_python(code).endswith("checked")


def test_a_transform_may_branch_in_python():
    """Keras has AutoGraph rewrite it; of what comes after, nothing is rewritten."""

    def second_if_larger(y_pred):
        return y_pred[:, 1] if tf.reduce_sum(y_pred) > 0 else y_pred[:, 0]

    metric = tfgnn_task.AllSvdMetrics(y_pred_transform_fn=second_if_larger)
    views = np.stack([np.ones((6, 3)), np.random.default_rng(0).uniform(size=(6, 3))], axis=1)
    tf.function(lambda views: [metric.update_state(None, views)][:0])(tf.constant(views))
    assert metric.result()["numerical_rank"] > 1.001  # not of the ones
