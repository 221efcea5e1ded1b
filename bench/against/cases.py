"""What is timed in both trees, through public names that both have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Call = Callable[[], object]


def _views(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((rows, columns))
    first, second = (shared + 0.3 * rng.standard_normal(shared.shape) for _ in range(2))
    return first.astype(np.float32), second.astype(np.float32)


def _numba(rows: int, columns: int) -> Call:
    from graph_barlow_twins.kernels import barlow_twins_loss_and_gradients

    views = _views(rows, columns)
    return lambda: barlow_twins_loss_and_gradients(*views)


def _tensorflow(rows: int, columns: int) -> Call:
    import tensorflow as tf
    from graph_barlow_twins.kernels import barlow_twins_loss

    views = [tf.constant(view) for view in _views(rows, columns)]

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch(views)
            loss = barlow_twins_loss(*views)
        return tape.gradient(loss, views)

    return lambda: [one.numpy() for one in step()]


def _metrics(rows: int, columns: int) -> Call:
    import tensorflow as tf
    from graph_barlow_twins.tfgnn_task import AllSvdMetrics

    metrics, view = AllSvdMetrics(), tf.constant(_views(rows, columns)[0])

    @tf.function
    def update():
        metrics.update_state(None, view)

    return update


def _start() -> Call:
    from graph_barlow_twins.pretrain.encoder.start import start_weights
    from graph_barlow_twins.pretrain.graph.datasets import load_dataset

    data = load_dataset("digits")
    return lambda: start_weights(data, 64, 8, 0)


def _linear_probe() -> Call:
    from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
    from graph_barlow_twins.pretrain.graph.datasets import load_dataset

    data = load_dataset("digits")
    return lambda: linear_probe(data.features, data, folds=3)


def _main_job() -> Call:
    import subprocess
    import sys
    import tempfile

    command = [sys.executable, "-m", "graph_barlow_twins.pretrain", "pretrain", "--quiet"]
    command += ["--dataset", "digits", "--encoder", "linear", "--steps", "5", "--folds", "3"]

    def run():
        with tempfile.TemporaryDirectory() as folder:
            output = ["--output", f"{folder}/run"]
            subprocess.run([*command, *output], check=True, capture_output=True)

    return run


# Seconds for one call are from 0.1 ms to 20 s.
CASES: dict[str, Callable[[], Call]] = {
    "loss and gradients, NumPy [128, 128]": lambda: _numba(128, 128),
    "loss and gradients, NumPy [900, 500]": lambda: _numba(900, 500),
    "loss and gradients, NumPy [256, 1800]": lambda: _numba(256, 1800),
    "loss and gradients, TensorFlow [128, 128]": lambda: _tensorflow(128, 128),
    "loss and gradients, TensorFlow [900, 500]": lambda: _tensorflow(900, 500),
    "AllSvdMetrics [128, 128]": lambda: _metrics(128, 128),
    "AllSvdMetrics [900, 500]": lambda: _metrics(900, 500),
    "start of the linear encoder, digits": _start,
    "linear probe, digits": _linear_probe,
}
LONG_CASES = {"the main job, digits, five steps": _main_job}
