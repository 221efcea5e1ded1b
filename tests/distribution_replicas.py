"""Starts `distribution_worker.py` as two replicas, in one process or in two."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

WORKER = Path(__file__).with_name("distribution_worker.py")
SECONDS = 240  # a collective that some replica never joins waits for ever


def run_mirrored(cases, folder):
    """Results of two replicas in one process: ``{"case/result": [replica 0's, replica 1's]}``."""
    out = Path(folder) / "mirrored.npz"
    wait_for([_start("mirrored", out, cases)])
    with np.load(out) as results:
        names = sorted({name.rpartition("/")[0] for name in results})
        return {
            name: [results[f"{name}/{i}"] for i in range(2) if f"{name}/{i}" in results]
            for name in names
        }


def run_workers(cases, folder):
    """Likewise of two processes that talk over 127.0.0.1."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    outs = [Path(folder) / f"worker{i}.npz" for i in range(2)]
    processes = []
    for i, out in enumerate(outs):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}}
        processes.append(_start("worker", out, cases, TF_CONFIG=json.dumps(config)))
    wait_for(processes)
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
    """A Python interpreter with these arguments; its output is kept."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _start(mode, out, cases, **environment):
    return start([WORKER, mode, out, json.dumps(cases)], **environment)


def wait_for(processes, seconds=SECONDS):
    """Their outputs; fails if one fails or hangs, and leaves none behind."""
    outputs = []
    try:
        for process in processes:
            try:
                outputs.append(process.communicate(timeout=seconds)[0])
            except subprocess.TimeoutExpired:
                process.kill()
                rest = process.communicate()[0]
                raise AssertionError(f"no end after {seconds} s:\n{rest[-3000:]}") from None
            assert process.returncode == 0, outputs[-1][-5000:]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
    return outputs
