"""Two workers train an encoder of several node sets to the representations of one process."""

import json

import numpy as np
import pytest

from tests.distribution.replicas import free_ports, wait_for
from tests.distribution.test_many_workers import LONG, start
from tests.schema.flights import flights, write

pytestmark = pytest.mark.slow  # whole runs in several processes

_TRAINING = "--encoder graph_sage --units 8 --fan-out 3 2 --epochs 10 --batch-size 21"
OPTIONS = f"--target flight {_TRAINING} --no-evaluation --quiet".split()
STEPS = 20


def representations(folder):
    """Without their means: a loss that standardises says nothing of the last bias."""
    with np.load(folder / "embeddings.npz") as file:
        found = file["embeddings"]
    return found - found.mean(axis=0)


def test_two_workers_are_as_one(tmp_path):
    sets = flights()
    names = ("flight", "plane", "flown_by", "next")
    write(tmp_path / "flights", {name: sets[name] for name in names}, ".tfrecord")
    base = ["--dataset", f"tfgnn:{tmp_path / 'flights'}", *OPTIONS, "--output"]
    wait_for([start(*base, tmp_path / "one")], seconds=LONG)
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = ["--workers", *addresses, "--worker-index"]
    wait_for([start(*base, tmp_path / "two", *workers, i) for i in range(2)], seconds=LONG)
    losses = [
        json.loads((tmp_path / name / "metrics.json").read_text())["curves"]["loss"]
        for name in ("one", "two")
    ]
    assert len(losses[0]) == STEPS
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    one, two = (representations(tmp_path / name) for name in ("one", "two"))
    np.testing.assert_allclose(two, one, rtol=0, atol=1e-4 * np.abs(one).max())
