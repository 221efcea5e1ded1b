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
    function = tf.function(barlow_twins_loss)
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
