"""The training itself: views, loss, gradients and Adam, step by step."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....kernels.loss.numba.entry import barlow_twins_loss_and_gradients
from ....kernels.metrics.spectrum_host import svd_metrics
from ....kernels.training.adamw import AdamW
from ...output.folder import OutputFolder
from ..curves import CurveRecorder, Curves
from ..early_stopping import has_settled
from ..recipe import METRICS_EVERY_N_STEPS, Recipe
from .checkpoint import read_checkpoint, write_checkpoint
from .event_log import EventLog
from .inputs import Inputs

_METRICS = ("numerical_rank", "rankme", "coherence", "rankme_cap")  # of `svd_metrics`
_LOG_EVERY_N_STEPS = 10


def fit(
    network: Any,
    inputs: Inputs,
    recipe: Recipe,
    folder: OutputFolder,
    *,
    steps_per_checkpoint: int,
    show: bool,
    callbacks: Sequence[Any] = (),
) -> tuple[Curves, int]:
    """Trains the network in place, from scratch or on from the checkpoint in the folder.

    Args:
        network: `LinearNetwork` or `GcnNetwork`, with its first weights.
        inputs: the graph.
        recipe: of views, loss, optimiser and early stopping.
        folder: where checkpoint and TensorBoard log go.
        steps_per_checkpoint: a checkpoint is written after so many steps, and after the last one.
        show: whether to draw a progress bar.
        callbacks: their ``on_train_batch_begin`` and ``on_train_batch_end`` are called with the
            number of the step, and with None or the step's metrics, as Keras does.

    Returns:
        The curves, and the number of the first step done here.

    Raises:
        InputError: if the checkpoint is damaged.
        TrainingDivergedError: if the loss becomes NaN or infinite.
    """
    if inputs.matrix.shape[0] == 1:
        warnings.warn(
            "the graph is a batch of one row: its loss is a constant, so nothing is learnt from it",
            RuntimeWarning,
            stacklevel=2,
        )
    optimizer = AdamW.of(network.trained, recipe.weight_decay)
    history = read_checkpoint(folder, network.trained, optimizer)
    first_step, steps = optimizer.steps, recipe.steps
    recorder = CurveRecorder(steps=steps, history=history, show=show)
    step = _Step(network, inputs, recipe)
    step.metrics = {name: history[name][-1] for name in _METRICS if history.get(name)}
    recorder.open()
    try:
        with EventLog(folder.tensorboard / "train") as log:
            while recorder.done < steps:
                if recorder.done % steps_per_checkpoint == 0 and has_settled(
                    history, recipe.early_stopping, recipe.patience
                ):
                    break
                number = recorder.done
                for one in callbacks:
                    one.on_train_batch_begin(number, None)
                with np.errstate(all="ignore"):  # `check` looks at what comes out
                    values = step(optimizer, number)
                recorder.add(values)
                for one in callbacks:
                    one.on_train_batch_end(number, values)
                recorder.check()
                if number % _LOG_EVERY_N_STEPS == 0:
                    log.add({f"batch_{name}": value for name, value in values.items()}, number)
                if recorder.done % steps_per_checkpoint == 0 or recorder.done == steps:
                    epoch = (recorder.done - 1) // steps_per_checkpoint
                    log.add({f"epoch_{name}": value for name, value in values.items()}, epoch)
                    write_checkpoint(folder, network.trained, optimizer, history)
    finally:
        recorder.close()
    return history, first_step


class _Step:
    """One step after the other; between two of them the memory for representations is kept."""

    def __init__(self, network: Any, inputs: Inputs, recipe: Recipe):
        self._network, self._inputs, self._recipe = network, inputs, recipe
        self._states: Sequence[np.ndarray | None] = [None, None]
        self.metrics: dict[str, float] = {}

    def __call__(self, optimizer: AdamW, number: int) -> dict[str, float]:
        """Takes step `number`, and gives its metrics, the loss first."""
        network, inputs, recipe = self._network, self._inputs, self._recipe
        states, kept = network.forward(inputs.views(recipe, number), self._states)
        self._states = states
        loss, *gradients = barlow_twins_loss_and_gradients(*states, lambda_=recipe.lambda_)
        if number % METRICS_EVERY_N_STEPS == 0 or not self.metrics:
            values = svd_metrics(states[0])
            self.metrics = dict(zip(_METRICS, map(float, values), strict=True))
        rate = learning_rate(recipe, number, recipe.steps)
        optimizer.step(network.trained, network.backward(kept, gradients), rate)
        return {"loss": float(loss), **self.metrics}


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """That of a step: `steps.build.make_optimizer` has the same in Keras.

    Args:
        recipe: its learning rate, warm-up and schedule.
        step: the number of the step.
        steps: of the whole training; a longer warm-up ends one step before it.
    """
    rate, warmup = recipe.learning_rate, min(recipe.warmup_steps, steps - 1)
    if step < warmup:
        return rate * step / warmup
    if recipe.schedule == "cosine":
        return rate * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2
    return rate
