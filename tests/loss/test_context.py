"""Which backend "auto" takes: the rule, and what a traced loss contains."""

import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.context import NUMBA_WORK, can_call_numba, pays_for_host_call
from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss

DIRECT_SIDE = round((NUMBA_WORK["direct"] / 6) ** (1 / 3))
GRAM_SIDE = round((NUMBA_WORK["gram"] / 6) ** (1 / 3))


@pytest.mark.parametrize("factor", [0.9, 1.1])
@pytest.mark.parametrize(("gram", "side"), [(False, DIRECT_SIDE), (True, GRAM_SIDE)])
def test_the_rule_counts_the_operations_of_the_path(gram, side, factor):
    # Four times one side and half the other: the same work.
    shapes = [(side, side), (side // 2, 4 * side) if gram else (4 * side, side // 2)]
    for rows, features in shapes:
        rows = int(rows * (1 if gram else factor))
        features = int(features * (factor if gram else 1))
        assert pays_for_host_call(rows, features, gram) == (factor > 1)


@pytest.mark.parametrize("gram", [False, True])
@pytest.mark.parametrize("rows", [1, 256, 3000, 10**6])
@pytest.mark.parametrize("features", [1, 600, 4096])
def test_numbers_and_tensors_give_the_same_answer(rows, features, gram):
    expected = pays_for_host_call(rows, features, gram)
    for arguments in [
        (tf.constant(rows), features, gram),
        (rows, tf.constant(features), gram),
        (rows, features, tf.constant(gram)),
        (tf.constant(rows), tf.constant(features), tf.constant(gram)),
    ]:
        assert bool(pays_for_host_call(*arguments)) == expected


@pytest.mark.parametrize(
    ("shape", "calls_host"),
    [((64, 64), False), ((512, 512), False), ((2048, 512), True), ((256, 1024), True)],
)
def test_auto_calls_the_host_where_the_rule_says_so(shape, calls_host):
    function = tf.function(barlow_twins_loss, autograph=False)
    views = [tf.TensorSpec(shape, tf.float32)] * 2
    operations = function.get_concrete_function(*views).graph.get_operations()
    assert any(op.type == "PyFuncStateless" for op in operations) == calls_host


def test_what_the_host_cannot_do(monkeypatch):
    assert can_call_numba(None)
    assert not can_call_numba(tf.constant(0.1))
    for kind in ("GPU", "TPU"):
        with monkeypatch.context() as patch:
            patch.setattr(tf.config, "list_logical_devices", [kind].__contains__)
            assert not can_call_numba(None)


@pytest.mark.parametrize("shape", [(8, 3), (3, 8)])
def test_eagerly_the_host_is_called_at_every_size(shape):
    """Op by op the plain ops take longer; the gradient is found when it is asked for."""
    z_a, z_b = (tf.random.stateless_normal(shape, (seed, 0)) for seed in range(2))
    found = {}
    for backend in ("auto", "numba", "graph"):
        with tf.GradientTape() as tape:
            tape.watch([z_a, z_b])
            doubled = 2 * barlow_twins_loss(z_a, z_b, backend=backend)
        found[backend] = doubled, *tape.gradient(doubled, [z_a, z_b])
    for auto, numba, graph in zip(*found.values(), strict=True):
        assert (auto.numpy() == numba.numpy()).all()
        tf.debugging.assert_near(auto, graph, rtol=1e-4, atol=1e-5)


def test_eagerly_a_second_derivative_is_refused_by_name():
    z = tf.random.stateless_normal([8, 3], (0, 0))
    with tf.GradientTape() as outer:
        outer.watch(z)
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = barlow_twins_loss(z, z[::-1])
        gradient = tape.gradient(loss, z)
    with pytest.raises(NotImplementedError, match='give backend="graph"'):
        outer.gradient(gradient, z)
