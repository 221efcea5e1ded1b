"""Somebody else on the machine, as reproducible as a neighbour can be: `--neighbour KIND`.

A measurement on a quiet machine says little about one where other work runs: pools of threads that
wait for each other in a spin lose most. Each kind is a process of its own, which works until the
measurement is over.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

NONE = "none"

_YES = "while True: pass"
_BLAS = """
import numpy as np
left, right = np.random.default_rng(0).standard_normal((2, 1500, 1500))
while True: left @ right
"""
# Workers of tf.data, which map many small elements, and TensorFlow's own threads behind them.
_PIPELINE = """
import tensorflow as tf
rows = tf.random.stateless_normal([20000, 64], (0, 0))
batches = tf.data.Dataset.range(1 << 60)
draw = lambda step: tf.random.stateless_uniform([2000], tf.stack([step, step]), 0, 20000, tf.int32)
batches = batches.map(lambda step: tf.matmul(tf.gather(rows, draw(step)), rows[:64]), 2).prefetch(2)
for batch in batches: tf.linalg.matmul(batch, batch, transpose_a=True)
"""

# Ends with the measurement, even one that is killed: the pipe to it closes then.
_WATCH = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
"""

# One busy thread, two threads of matrix products, an input pipeline.
KINDS = {"yes": _YES, "blas": _BLAS, "pipeline": _PIPELINE}
_BLAS_THREADS = "2"


def add_option(parser: argparse.ArgumentParser) -> None:
    """Adds ``--neighbour``."""
    parser.add_argument(
        "--neighbour",
        choices=(NONE, *KINDS),
        default=NONE,
        help="measure beside a busy thread, two threads of matrix products, or an input pipeline"
        " (default: none); appends nothing",
    )


@contextlib.contextmanager
def neighbour(kind: str) -> Iterator[None]:
    """Runs a neighbour inside the block.

    Args:
        kind: one of KINDS, or NONE.

    Raises:
        RuntimeError: at the end, if it did not live as long: then it was no neighbour.
    """
    if kind == NONE:
        yield
        return
    environment = os.environ | {"OPENBLAS_NUM_THREADS": _BLAS_THREADS, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-c", _WATCH + KINDS[kind]],
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError(f"the neighbour {kind!r} ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()
