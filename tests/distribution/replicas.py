"""Starts `worker.py` as two replicas, in one process or in two."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tests.fresh_process import ROOT

WORKER, RUNNER = "tests.distribution.worker", "tests.distribution.runner"
SECONDS = 240  # a collective that some replica never joins waits for ever


def run_mirrored(cases, folder):
    """Results of two replicas in one process: ``{"case/result": [replica 0's, replica 1's]}``."""
    out = Path(folder) / "mirrored.npz"
    wait_for([start([WORKER, "mirrored", out, json.dumps(cases)])])
    with np.load(out) as results:
        names = sorted({name.rpartition("/")[0] for name in results})
        return {
            name: [results[f"{name}/{i}"] for i in range(2) if f"{name}/{i}" in results]
            for name in names
        }


def run_workers(cases, folder):
    """The same of two processes that talk over 127.0.0.1."""
    outs = [Path(folder) / f"worker{i}.npz" for i in range(2)]
    wait_for(start_workers(lambda i: [WORKER, "worker", outs[i], json.dumps(cases)]))
    with np.load(outs[0]) as first, np.load(outs[1]) as second:
        names = [name.rpartition("/")[0] for name in first]
        return {name: [first[f"{name}/0"], second[f"{name}/0"]] for name in names}


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(arguments, **environment):
    """A Python interpreter that runs a module with arguments; its output is kept."""
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def start_workers(arguments_of):
    """The two workers of a cluster; ``arguments_of(number)`` are a worker's."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    cluster = {"worker": addresses}
    configs = [{"cluster": cluster, "task": {"type": "worker", "index": i}} for i in range(2)]
    return [start(arguments_of(i), TF_CONFIG=json.dumps(c)) for i, c in enumerate(configs)]


def wait_for(processes, codes=(0,), seconds=SECONDS):
    """Their outputs; fails if one hangs or its exit code is another, and leaves none behind.

    Args:
        processes: what `start` returned.
        codes: of a good end, one of them each; None: any but 0.
        seconds: for all of them together.
    """
    until = time.monotonic() + seconds
    outputs = []
    try:
        for process in processes:
            try:
                left = max(until - time.monotonic(), 1)
                outputs.append(process.communicate(timeout=left)[0])
            except subprocess.TimeoutExpired:
                process.kill()
                rest = process.communicate()[0]
                raise AssertionError(f"no end after {seconds} s:\n{rest[-3000:]}") from None
            code = process.returncode
            assert code in codes if codes else code, f"exit code {code}:\n{outputs[-1][-5000:]}"
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return outputs
