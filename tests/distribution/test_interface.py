"""cross_replica in one process: one replica changes nothing, parameter servers warn, the choice."""

import warnings

import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins import reference
from graph_barlow_twins.kernels.loss.replicas import entry as loss_distributed
from graph_barlow_twins.kernels.loss.replicas.entry import (
    barlow_twins_loss_over_replicas,
    prefers_gather,
    replicas_in_sync,
)

from tests.distribution.threads import enter_replica
from tests.distribution.worker import make_batch
from tests.tolerances import tolerance

HALF = ("float16", "float64")
STACKED = np.stack(make_batch(9, 4)[:2], axis=1)


def operations(cross_replica, strategy=None):
    """The operations of loss and gradient, in order."""
    loss = tfgnn_task.BarlowTwinsLoss(cross_replica=cross_replica)

    def step(stacked):
        with tf.GradientTape() as tape:
            tape.watch(stacked)
            value = loss(None, stacked)
        return value, tape.gradient(value, stacked)

    def run(stacked):
        return step(stacked) if strategy is None else strategy.run(step, args=(stacked,))

    spec = tf.TensorSpec([None, 2, 4])
    graph = (
        tf.function(run, input_signature=[spec], autograph=False)
        .get_concrete_function()
        .graph.as_graph_def()
    )
    functions = [node.op for function in graph.library.function for node in function.node_def]
    return [node.op for node in graph.node], sorted(functions)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    ["no strategy", "one device", "mirrored"],
)
def test_one_replica_has_the_same_graph(kind):
    strategy = {
        "no strategy": lambda: None,
        "one device": lambda: tf.distribute.OneDeviceStrategy("CPU:0"),
        "mirrored": lambda: tf.distribute.MirroredStrategy(["CPU:0"]),
    }[kind]()
    ours = operations(True, strategy)
    assert ours == operations(False, strategy)
    assert not [op for op in ours[0] + ours[1] if "Collective" in op]


@pytest.mark.parametrize("backend", ["graph", pytest.param("numba", marks=pytest.mark.slow), "xla"])
def test_one_replica_keeps_all_arguments(backend):
    z_a, z_b = STACKED[:, 0], STACKED[:, 1]
    weight = np.arange(9.0)
    options = {"lambda_": 0.3, "normalize_batch": False, "epsilon": 0.1, "ddof": 1}
    options |= {"backend": backend, "path": "gram", "sample_weight": weight}
    value = barlow_twins_loss_over_replicas(z_a, z_b, **options)
    assert float(value) == float(loss_distributed.barlow_twins_loss(z_a, z_b, **options))


def test_cross_replica_is_part_of_the_configuration():
    assert tfgnn_task.BarlowTwinsLoss().get_config()["cross_replica"] is True
    loss = tfgnn_task.BarlowTwinsTask("node", cross_replica=False).losses()
    assert loss.get_config()["cross_replica"] is False
    copy = tf.keras.losses.deserialize(tf.keras.losses.serialize(loss))
    assert copy.get_config() == loss.get_config()


def test_sum_reduction_on_one_replica_is_the_loss():
    losses = [tfgnn_task.BarlowTwinsLoss(reduction=r)(None, STACKED) for r in ("auto", "sum")]
    assert float(losses[0]) == float(losses[1])


@pytest.mark.parametrize(
    ("features", "itemsize", "row_itemsize", "first_direct"),
    [(256, 4, 4, 132), (8192, 4, 4, 4100), (256, 4, 2, 264), (256, 8, 8, 132), (2, 4, 4, 5)],
)
def test_choice_by_bytes(features, itemsize, row_itemsize, first_direct):
    """N < (b / b') (D / 2 + 4), see docs/theory/derivation.md, section 8."""
    for rows in (first_direct - 1, first_direct):
        expected = rows < first_direct
        assert prefers_gather(rows, features, itemsize, row_itemsize) is expected
        tensor = tf.constant(rows, tf.float64)
        assert bool(prefers_gather(tensor, features, itemsize, row_itemsize)) is expected


def test_cross_replica_context_is_one_replica():
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        assert replicas_in_sync() == 1


class TwoAlike:
    """Strategy and context of the first of two replicas that hold equal rows."""

    num_replicas_in_sync = 2
    replica_id_in_sync_group = 0

    def __init__(self):
        self.collectives = []

    def all_reduce(self, op, value):
        """The sum over both; what only the first one sends stays single, its counts are equal."""
        assert op == tf.distribute.ReduceOp.SUM
        self.collectives.append(("sum", value.dtype.name))
        return 2 * value

    def all_gather(self, value, axis):
        self.collectives.append(("gather", value.dtype.name))
        return tf.concat([value, value], axis=axis)


STATISTICS = ("sum", "float64")  # weights of 1e-40 are 0 in float32
COLLECTIVES = [
    ("direct", 9, "float32", [STATISTICS, ("sum", "float32")]),
    ("gram", 9, "float32", [STATISTICS, ("gather", "float32")]),
    ("gram", 9, "bfloat16", [STATISTICS, ("gather", "float16")]),
    ("gram", 9, "float16 masked", [STATISTICS, *[("gather", t) for t in HALF]]),
    ("auto", 40, "float32", [STATISTICS, ("sum", "float32")]),
    ("auto", 3, "float32", [STATISTICS, ("gather", "float32")]),
]
TRACED = [("graph", *COLLECTIVES[4]), ("xla", *COLLECTIVES[0]), ("xla", *COLLECTIVES[3])]
MORE = [(mode, *case) for mode in ("graph", "xla") for case in COLLECTIVES]


@pytest.mark.parametrize(
    ("mode", "path", "rows", "dtype", "collectives"),
    [
        *[("eager", *case) for case in COLLECTIVES],
        *TRACED,
        *[pytest.param(*c, marks=pytest.mark.slow) for c in MORE if c not in TRACED],
    ],
)
def test_collectives(monkeypatch, mode, path, rows, dtype, collectives):
    """Which ones, of what; that XLA, whose shapes are static, compiles what lies between them."""
    dtype, _, masked = dtype.partition(" ")
    replicas = TwoAlike()
    z_a, z_b, weight = make_batch(rows, 12, dtype=dtype, masked=bool(masked), filler=0.0)

    def step(z_a, z_b):
        with tf.GradientTape() as tape:
            tape.watch(z_a)
            loss = barlow_twins_loss_over_replicas(z_a, z_b, sample_weight=weight, path=path)
        return loss, tape.gradient(loss, z_a)

    with monkeypatch.context() as patch:
        enter_replica(patch, replicas)
        patch.setattr(tf.distribute, "get_replica_context", lambda: replicas)
        function = {
            "eager": step,
            "graph": tf.function(step, autograph=False),
            "xla": tf.function(step, autograph=False, jit_compile=True),
        }[mode]
        loss, grad = function(tf.constant(z_a), tf.constant(z_b))
    if mode == "graph" and path == "auto":  # known only when it runs: both are part of the graph
        collectives = [STATISTICS, ("sum", "float32"), ("gather", "float32")]
    assert replicas.collectives == collectives
    twice = [np.concatenate([z, z]).astype(np.float64) for z in (z_a, z_b)]
    twice_weight = None if weight is None else np.concatenate([weight, weight])
    expected = reference.barlow_twins_loss_and_gradients(*twice, sample_weight=twice_weight)
    allowed = tolerance(dtype)
    assert abs(float(loss) - expected[0]) <= allowed.loss * max(expected[0], 1)
    error = np.abs(tf.cast(grad, tf.float64) - 2 * expected[1][:rows]).max()
    assert error <= allowed.gradient * np.abs(2 * expected[1]).max()


@pytest.mark.parametrize("backend", ["numba", "xla"])
def test_another_backend_is_refused_before_it_begins(monkeypatch, backend):
    with monkeypatch.context() as patch:
        enter_replica(patch, TwoAlike())
        with pytest.raises(ValueError, match=f'backend="{backend}" computes the loss of one'):
            barlow_twins_loss_over_replicas(*np.ones((2, 3, 4), np.float32), backend=backend)


def test_sum_reduction_shares_the_loss_out(monkeypatch):
    """Where the caller sums the replicas' losses, each returns its part of the global one."""
    values = {}
    with monkeypatch.context() as patch:
        replicas = TwoAlike()
        enter_replica(patch, replicas)
        patch.setattr(tf.distribute, "get_replica_context", lambda: replicas)
        for reduction in ("auto", "sum"):
            loss = tfgnn_task.BarlowTwinsLoss(reduction=reduction, on_nonfinite="ignore")
            values[reduction] = float(loss(None, STACKED))
    twice = np.concatenate([STACKED, STACKED]).astype(np.float64)
    expected = reference.barlow_twins_loss(twice[:, 0], twice[:, 1])
    assert values["auto"] == pytest.approx(expected, rel=1e-6)
    assert values["sum"] == pytest.approx(expected / 2, rel=1e-6)


def test_parameter_servers_warn_once(monkeypatch):
    kind = tf.distribute.experimental.ParameterServerStrategy
    enter_replica(monkeypatch, kind.__new__(kind))
    monkeypatch.setattr(loss_distributed, "_warned", False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tfgnn_task.BarlowTwinsLoss(cross_replica=False)(None, STACKED)
        assert not caught
        values = [float(tfgnn_task.BarlowTwinsLoss()(None, STACKED)) for _ in range(3)]
    ours = [w for w in caught if "ParameterServerStrategy" in str(w.message)]
    assert len(ours) == 1
    assert ours[0].category is RuntimeWarning
    assert values == [float(tfgnn_task.BarlowTwinsLoss(cross_replica=False)(None, STACKED))] * 3
