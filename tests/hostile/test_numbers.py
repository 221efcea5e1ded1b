"""Extreme views and weights: every backend and path is right, or not finite, and training notices.

GBT_SWEEP=full makes the slow sweeps 10,000 cases long.
"""

import functools
import json
import os

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.linalg import cross_correlation
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss
from graph_barlow_twins.kernels.loss.numba.entry import barlow_twins_loss_and_gradients
from graph_barlow_twins.tfgnn_task import BarlowTwinsLoss

from tests.fresh_process import run_python
from tests.hostile.numbers import complaint, make_case
from tests.metrics.measures import measures, measuring
from tests.tolerances import metric_tolerance
from tests.views import DTYPES, PATHS, make_views

FULL = os.environ.get("GBT_SWEEP") == "full"
BACKENDS = ("graph", "xla", "numba")


@functools.cache
def tracing(backend, dtype, shape, weighted, options, path):
    """Loss and gradients in TensorFlow, traced once for all cases alike."""

    def compute(a, b, *weights):
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            weight = weights[0] if weights else None
            keywords = {"backend": backend, "path": path, **dict(options)}
            loss = barlow_twins_loss(a, b, sample_weight=weight, **keywords)
        return loss, *tape.gradient(loss, [a, b])

    signature = [tf.TensorSpec(shape, dtype)] * 2 + [tf.TensorSpec(shape[:1], "float64")] * weighted
    return tf.function(compute, input_signature=signature, autograph=False)


def compute(case, backend, path):
    if backend == "numba":
        options = {"sample_weight": case.weights, "path": path, **case.options}
        return barlow_twins_loss_and_gradients(case.a, case.b, **options)
    weights = () if case.weights is None else (case.weights,)
    options = tuple(case.options.items())
    key = (case.a.dtype.name, case.a.shape, bool(weights), options, path)
    return tracing(backend, *key)(case.a, case.b, *weights)


def sweep(backend, path, dtypes, count, first=0):
    """Complaints about so many cases, by dtype in turn."""
    found = []
    for seed in range(first, first + count):
        dtype = dtypes[seed // 2 % len(dtypes)]
        case = make_case(seed, dtype)
        with np.errstate(all="ignore"):
            words = complaint(case, path, compute(case, backend, path))
        found += [] if words is None else [(seed, dtype, words)]
    return found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", ["graph", "numba"])
def test_extreme_views_and_weights(backend, path):
    assert not sweep(backend, path, ["float32"], 120)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_many_extreme_views_and_weights(backend, path):
    assert not sweep(backend, path, list(DTYPES), 10000 if FULL else 600)


OVER_REPLICAS = """
import json
import graph_barlow_twins
import tensorflow as tf
from tests.hostile.test_numbers import sweep_over_replicas

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
print(json.dumps(sweep_over_replicas({path!r}, {count})))
"""


def sweep_over_replicas(path, count):
    """`sweep` over two replicas; the first has three of the rows."""
    from graph_barlow_twins.kernels.loss.replicas.entry import barlow_twins_loss_over_replicas

    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    @functools.cache
    def tracing(dtype, shape, weighted, options):
        def step(values):
            here = tf.distribute.get_replica_context().replica_id_in_sync_group
            a, b, *weight = (
                tf.cond(here == 0, lambda v=v: v[:3], lambda v=v: v[3:]) for v in values
            )
            with tf.GradientTape() as tape:
                tape.watch([a, b])
                keywords = {"path": path, **dict(options)}
                weight = weight[0] if weight else None
                loss = barlow_twins_loss_over_replicas(a, b, sample_weight=weight, **keywords)
            return loss, *tape.gradient(loss, [a, b])

        return tf.function(lambda *values: strategy.run(step, args=(values,)), autograph=False)

    found = []
    for seed in range(count):
        dtype = list(DTYPES)[seed // 2 % len(DTYPES)]
        case = make_case(seed, dtype)
        weights = () if case.weights is None else (case.weights,)
        values = [tf.constant(value) for value in (case.a, case.b, *weights)]
        function = tracing(dtype, case.a.shape, bool(weights), tuple(case.options.items()))
        loss, *grads = (strategy.experimental_local_results(x) for x in function(*values))
        # Of the loss' sum over the replicas, hence twice.
        grads = [np.concatenate([np.asarray(g, np.float64) for g in grad]) / 2 for grad in grads]
        words = complaint(case, path, (loss[0], *grads))
        found += [] if words is None else [(seed, dtype, words)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_many_extreme_views_over_replicas(path):
    count = 10000 if FULL else 200
    code = OVER_REPLICAS.format(path=path, count=count)
    assert json.loads(run_python(code, TF_CPP_MIN_LOG_LEVEL="3").splitlines()[-1]) == []


# What the reports were.


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", ["graph", "numba"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_a_diverged_training_has_no_loss(dtype, backend, path):
    a, b = (z.astype(DTYPES[dtype]) for z in 3e20 * np.array(make_views(10, 30)))
    loss = barlow_twins_loss(tf.constant(a), tf.constant(b), backend=backend, path=path)
    assert not np.isfinite(loss)


def test_one_entry_that_overflows_shows_in_the_loss():
    a, b = make_views(10, 30)
    a[4, 7] = 3e20
    for path in PATHS:
        for backend in ("graph", "numba"):
            loss = barlow_twins_loss(tf.constant(a), tf.constant(b), backend=backend, path=path)
            assert np.isnan(loss)


def test_values_beyond_float64_have_no_loss():
    views = 1e300 * np.array(make_views(10, 5, "float64"))
    with np.errstate(all="ignore"):
        assert np.isnan(reference.barlow_twins_loss(*views))
        assert np.isnan(cross_correlation(*views)).any()


@pytest.mark.parametrize("on_nonfinite", ["raise", "skip"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", ["graph", "numba"])
def test_training_notices_that_it_has_diverged(backend, path, on_nonfinite):
    views = tf.constant(3e20 * np.stack(make_views(10, 30), axis=1), tf.float32)
    loss_fn = BarlowTwinsLoss(backend=backend, path=path, on_nonfinite=on_nonfinite)
    with tf.GradientTape() as tape:
        tape.watch(views)
        loss = loss_fn(None, views)
    if on_nonfinite == "skip":
        assert np.isnan(tape.gradient(loss, views)).all()
        return
    with pytest.raises(tf.errors.InvalidArgumentError, match="is not finite in training step 1"):
        tape.gradient(loss, views)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("backend", ["graph", "numba"])
@pytest.mark.parametrize("unit", [1e20, 1e-22, 1e-38])
def test_only_ratios_of_weights_matter(unit, backend, path):
    a, b = (tf.constant(z) for z in make_views(10, 30))
    w = np.random.default_rng(0).uniform(0.5, 2, 10)
    results = []
    for weight in (w, unit * w):
        with tf.GradientTape() as tape:
            tape.watch(a)
            loss = barlow_twins_loss(a, b, sample_weight=weight, backend=backend, path=path)
        results.append((loss, tape.gradient(loss, a)))
    np.testing.assert_allclose(results[1][0], results[0][0], rtol=1e-6)
    np.testing.assert_allclose(results[1][1], results[0][1], atol=1e-6)


def test_a_row_that_hardly_counts_does_not_blur_those_that_do():
    a, b = make_views(10, 5)
    a[0] = 1e8
    w = np.r_[1e-30, np.ones(9)]
    expected = reference.barlow_twins_loss(a, b, sample_weight=w)
    for backend in ("graph", "numba"):
        loss = barlow_twins_loss(a, b, sample_weight=w, backend=backend, path="direct")
        np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize("path", PATHS)
def test_numba_takes_a_mean_of_which_the_spread_is_the_last_digit(path):
    a, b = make_views(9, 5, "float64")
    a = np.round(a) * 4 + 3e16
    loss, *_ = barlow_twins_loss_and_gradients(a, b, path=path)
    np.testing.assert_allclose(loss, reference.barlow_twins_loss(a, b), rtol=1e-12)


# Nothing here tells a small singular value from 0 as the SVD of the reference does.
ILL_POSED = ("rankme", "pseudo_condition_number", "coherence")


def metrics_complaint(seed):
    """What is wrong with the metrics of a case, in words; None if nothing."""
    dtype = ("float32", "float64")[seed // 2 % 2]
    case = make_case(seed, dtype)
    weights = () if case.weights is None else (case.weights.astype(dtype),)
    found = measuring("graph", dtype, bool(weights))(case.a, case.b, *weights)
    with np.errstate(all="ignore"):
        expected = measures(reference, case.a, case.b, *weights)
    for name, value in expected.items():
        x, y = float(found[name]), float(value)
        if name in ILL_POSED and np.isfinite([x, y]).all():
            continue
        right = abs(x - y) <= 10 * metric_tolerance(dtype) * max(1, abs(y))
        if not (right or np.isnan(x)) or (np.isnan(x) and np.isfinite(y) and "corr" not in name):
            return f"{name} {x} for {y}"
    return None
