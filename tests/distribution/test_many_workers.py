"""`pretrain` as two and three processes on this machine, against one process."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.distribution.replicas import free_ports, wait_for
from tests.fresh_process import ROOT

# Whole runs in several processes.
pytestmark = pytest.mark.slow

LONG = 600  # seconds; a quiet machine takes a tenth
STEPS, STEPS_PER_CHECKPOINT = 60, 10
# 20 roots in a batch, which three workers cannot share evenly; edges, columns, entries are drawn.
_SAMPLING = "--fan-out 4 3 --units 16 8 --epochs 6 --batch-size 20"
OPTIONS = f"{_SAMPLING} --drop-entries 0.1 --mask-features 0.2 --no-evaluation".split()


def save_graph(folder):
    rng = np.random.default_rng(0)
    nodes = 200
    features = rng.normal(size=(nodes, 6)).astype(np.float32)
    np.savez(folder / "g.npz", features=features, edge_index=rng.integers(0, nodes, (2, 900)))
    return ["--dataset", f"npz:{folder / 'g.npz'}"]


def start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "graph_barlow_twins.pretrain", "pretrain", *map(str, arguments)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The folder of a run in one process, and the options that name its graph."""
    folder = tmp_path_factory.mktemp("alone")
    graph = save_graph(folder)
    wait_for([start(*graph, *OPTIONS, "--output", folder / "run", "--quiet")], seconds=LONG)
    return folder / "run", graph


def same_training(found, expected):
    """Weights to 1e-5 of the largest of each; losses."""
    name = "model/encoder.npz"
    with np.load(found / name) as ours, np.load(expected / name) as theirs:
        assert set(ours) == set(theirs)
        for key in (one for one in theirs if theirs[one].dtype.kind == "f"):
            scale = max(1, np.abs(theirs[key]).max())
            np.testing.assert_allclose(ours[key], theirs[key], rtol=0, atol=1e-5 * scale)
    ours, theirs = (json.loads((one / "metrics.json").read_text()) for one in (found, expected))
    assert len(ours["curves"]["loss"]) == STEPS
    np.testing.assert_allclose(ours["curves"]["loss"], theirs["curves"]["loss"], rtol=1e-4)
    return ours


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("count", [2, 3])
def test_workers_train_the_weights_of_one_process(alone, tmp_path, count):
    expected, graph = alone
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    outputs = [tmp_path / "shared"] * count
    arguments = [*graph, *OPTIONS]
    if count == 2:  # by TF_CONFIG, each on a file system of its own
        outputs = [tmp_path / "chief", tmp_path / "other"]
        tasks = [{"type": "worker", "index": i} for i in range(count)]
        cluster = {"worker": addresses}
        processes = [
            start(
                *(*arguments, "--output", output),
                TF_CONFIG=json.dumps({"cluster": cluster, "task": task}),
            )
            for output, task in zip(outputs, tasks, strict=True)
        ]
    else:
        workers = ["--workers", *addresses, "--worker-index"]
        processes = [start(*arguments, "--output", outputs[i], *workers, i) for i in range(count)]
    chief, *others = wait_for(processes, seconds=LONG)
    same_training(outputs[0], expected)
    ours, theirs = files_of(outputs[0]), files_of(expected)
    assert [one for one in ours if "tfevents" not in one] == [
        one for one in theirs if "tfevents" not in one
    ]
    assert sum("tfevents" in one for one in ours) == sum("tfevents" in one for one in theirs)
    assert "127.0.0.1" not in (outputs[0] / "config.json").read_text()
    assert str(outputs[0] / "metrics.json") in chief
    for number, other in enumerate(others, start=1):
        last = (
            f"worker {number} of {count} took part in {STEPS} steps; the chief writes the results"
        )
        assert other.splitlines()[-1] == last
    if count == 2:
        assert not outputs[1].exists()


def test_a_killed_worker_comes_back(alone, tmp_path):
    """SIGKILL after the first checkpoint; the chief needs nobody's hand."""
    killed = 1
    expected, graph = alone
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    output = tmp_path / "run"
    base = [*graph, *OPTIONS, "--output", output, "--workers", *addresses, "--worker-index"]
    processes = [start(*base, i) for i in range(2)]
    until = time.monotonic() + LONG
    while not (output / "checkpoint" / "backup" / "chief" / "checkpoint").exists():
        if any(one.poll() is not None for one in processes) or time.monotonic() > until:
            wait_for(processes, seconds=1)  # which fails, and tells what they have said
        time.sleep(0.01)
    processes[killed].send_signal(signal.SIGKILL)
    wait_for([processes[killed]], codes=[-signal.SIGKILL])
    processes[killed] = start(*base, killed, "--resume")
    outputs = wait_for(processes, seconds=LONG)
    assert outputs[1 - killed].count("has lost another one; starting again, to wait for it") == 1
    metrics = same_training(output, expected)
    assert metrics["resumed_at_step"] in range(STEPS_PER_CHECKPOINT, STEPS, STEPS_PER_CHECKPOINT)
