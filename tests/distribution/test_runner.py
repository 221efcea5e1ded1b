"""`runner.run` under the strategies of upstream's own tests, and when a worker fails."""

import json
import signal

import numpy as np
import pytest
import tensorflow as tf

from tests.distribution.replicas import RUNNER, start, start_workers, wait_for
from tests.distribution.runner import BAD_STEP, BAD_WORKER, NUMBERED_EPOCHS, STEPS, train

# Whole trainings in interpreters of their own.
pytestmark = pytest.mark.slow


def command(kind, runs):
    return [RUNNER, kind, json.dumps(runs)]


def results_of(output):
    """By the name of the run; of as many runs as came to their end."""
    found = {}
    for line in output.splitlines():
        if line.startswith("RESULTS "):
            found |= json.loads(line.removeprefix("RESULTS "))
    return found


@pytest.fixture(scope="module")
def default():
    """Weights and losses without a strategy."""
    return train(tf.distribute.get_strategy())


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Output of each of two workers. The last run raises: a cluster can do nothing more then."""
    runs = {
        "plain": {},
        "numbered": {"numbered": True, "folder": str(tmp_path_factory.mktemp("numbered"))},
        "skip": {"bad": True, "on_nonfinite": "skip"},
        "raise": {"bad": True},
    }
    return wait_for(start_workers(lambda i: command("worker", runs)), codes=None)


def test_default_strategy_trains(default):
    weights, losses = default
    assert np.all(np.isfinite(weights))
    assert losses[-1] < losses[0]


def test_mirrored_with_one_cpu_is_the_default(default):
    weights, losses = train(tf.distribute.MirroredStrategy(["CPU:0"]))
    np.testing.assert_allclose(weights, default[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(losses, default[1], rtol=1e-6)


def assert_weights(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_two_workers_train_the_weights_of_one(default, workers):
    """Each reads every other graph, so that both together have the batches of the one."""
    for output in workers:
        result = results_of(output)["plain"]
        assert_weights(result["weights"], default[0])
        np.testing.assert_allclose(result["losses"], default[1], rtol=1e-5)
        assert not result["warnings"]


def test_workers_skip_a_step_together(default, workers):
    """A NaN on one of them in one step of each epoch: the weights of a run with a step less."""
    expected, _ = train(tf.distribute.get_strategy(), steps=STEPS - 1)
    assert np.abs(expected - default[0]).max() > 1e-3 * np.abs(expected).max()
    for output in workers:
        assert_weights(results_of(output)["skip"]["weights"], expected)


def test_a_bad_graph_of_one_worker_ends_all(workers):
    assert "raise" not in results_of(workers[0]) | results_of(workers[1])
    message = f"BarlowTwinsLoss is not finite in training step {BAD_STEP}. "
    assert message in workers[BAD_WORKER]
    assert "view 0, feature column 0, row 0: nan" in workers[BAD_WORKER]
    assert message not in workers[1 - BAD_WORKER]


def test_killed_workers_go_on_where_they_were(workers, tmp_path):
    """SIGKILL of a worker after a step, both drawn by chance; the same command again."""
    rng = np.random.default_rng(0)
    killed, step = int(rng.integers(2)), int(rng.integers(1, NUMBERED_EPOCHS * STEPS))
    run = {"numbered": True, "folder": str(tmp_path)}
    interrupted = start_workers(
        lambda i: command("worker", {"numbered": {**run, "kill": [killed, step]}})
    )
    wait_for([interrupted[killed]], codes=[-signal.SIGKILL])
    wait_for([interrupted[1 - killed]], codes=None)

    restarted = start_workers(lambda i: command("worker", {"numbered": run}))
    for output, uninterrupted in zip(wait_for(restarted), workers, strict=True):
        result, expected = (results_of(o)["numbered"] for o in (output, uninterrupted))
        np.testing.assert_array_equal(result["weights"], expected["weights"])
        epochs = len(result["losses"])  # of the second run
        assert epochs <= NUMBERED_EPOCHS - (step - 1) // STEPS
        assert result["losses"] == expected["losses"][-epochs:]


def test_parameter_servers_fall_back_with_one_warning():
    (output,) = wait_for([start(command("parameter servers", {"plain": {}}))])
    result = results_of(output)["plain"]
    assert np.all(np.isfinite(result["weights"]))
    ours = [message for message in result["warnings"] if "Barlow Twins loss" in message]
    assert len(ours) == 1
    assert "cross_replica=False" in ours[0]
