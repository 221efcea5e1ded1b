"""What training tells while it runs: a progress bar, and the curves for the report."""

from __future__ import annotations

import math

import tensorflow as tf
from tqdm import tqdm

from ...errors import TrainingDivergedError


class StepRecorder(tf.keras.callbacks.Callback):
    """Records the metrics of every step, shows a progress bar, ends the training.

    Keras reports running means over an epoch. The loss is reset after each step, so that what is
    recorded belongs to the step alone. The other metrics, which cost a decomposition, belong to the
    first of every so many steps. The training ends after its last step, in the middle of an epoch
    of Keras' or not, and with an error after a loss that is not finite.

    Args:
        steps: number of the step after the last.
        history: ``{metric: [value of step 0, ...]}`` of the steps done before a resume.
        show: whether to draw the progress bar (on stderr).
        metrics_every_n_steps: of the task.

    Attributes:
        history: the same, extended step by step.
    """

    def __init__(
        self,
        *,
        steps: int,
        history: dict[str, list[float]],
        show: bool,
        metrics_every_n_steps: int = 1,
    ):
        super().__init__()
        self.history = history
        self._steps = steps
        self._show = show
        self._metrics_every_n_steps = metrics_every_n_steps
        self._bar = None

    def on_train_begin(self, logs=None):
        """Opens the bar where the history ends."""
        done = len(self.history.get("loss", ()))
        self._bar = tqdm(
            total=self._steps, initial=done, desc="pretrain", unit="step", disable=not self._show
        )

    def on_train_batch_end(self, batch, logs=None):
        """Records one step.

        Raises:
            TrainingDivergedError: if the loss is NaN or infinite.
        """
        values = {name: float(value) for name, value in (logs or {}).items()}
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        self._bar.set_postfix(loss=f"{values['loss']:.4g}", refresh=False)
        self._bar.update()
        done = len(self.history["loss"])
        for metric in self.model.metrics:
            if metric.name == "loss" or done % self._metrics_every_n_steps == 0:
                metric.reset_state()
        if done == self._steps:
            self.model.stop_training = True
        if not math.isfinite(values["loss"]):
            raise TrainingDivergedError(
                f"the loss became {values['loss']} at step {done - 1}; try a lower --learning-rate"
            )

    def close(self):
        """Closes the bar; also after an error."""
        if self._bar is not None:
            self._bar.close()
