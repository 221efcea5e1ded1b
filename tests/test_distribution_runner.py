"""`runner.run` under the strategies of upstream's own tests: one replica, two workers, servers."""

import json

import numpy as np
import pytest
import tensorflow as tf
from distribution_replicas import WORKER, free_ports, start, wait_for
from distribution_runner import train

RUNNER = WORKER.with_name("distribution_runner.py")


@pytest.fixture(scope="module")
def default():
    """Weights and losses without a strategy."""
    return train(tf.distribute.get_strategy())


def test_default_strategy_trains(default):
    weights, losses = default
    assert np.all(np.isfinite(weights))
    assert losses[-1] < losses[0]


def test_mirrored_with_one_cpu_is_the_default(default):
    weights, losses = train(tf.distribute.MirroredStrategy(["CPU:0"]))
    np.testing.assert_allclose(weights, default[0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(losses, default[1], rtol=1e-6)


def results_of(output):
    (line,) = [line for line in output.splitlines() if line.startswith("RESULTS ")]
    return json.loads(line.removeprefix("RESULTS "))


def test_two_workers_train_the_weights_of_one(default):
    """Each reads every other graph, so that both together have the batches of the one."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    configs = [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}})
        for i in range(2)
    ]
    workers = [start([RUNNER, "worker"], TF_CONFIG=config) for config in configs]
    for result in map(results_of, wait_for(workers)):
        scale = np.abs(default[0]).max()
        np.testing.assert_allclose(result["weights"], default[0], rtol=0, atol=1e-5 * scale)
        np.testing.assert_allclose(result["losses"], default[1], rtol=1e-5)
        assert not result["warnings"]


def test_parameter_servers_fall_back_with_one_warning():
    result = results_of(wait_for([start([RUNNER, "parameter servers"])])[0])
    assert np.all(np.isfinite(result["weights"]))
    ours = [message for message in result["warnings"] if "Barlow Twins loss" in message]
    assert len(ours) == 1
    assert "cross_replica=False" in ours[0]
