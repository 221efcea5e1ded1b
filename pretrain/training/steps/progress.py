"""What a training by Keras tells while it runs: a progress bar, and the curves for the report."""

from __future__ import annotations

import tensorflow as tf

from ..curves import CurveRecorder, Curves


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
    """

    def __init__(self, *, steps: int, history: Curves, show: bool, metrics_every_n_steps: int = 1):
        super().__init__()
        self._recorder = CurveRecorder(steps=steps, history=history, show=show)
        self._steps = steps
        self._metrics_every_n_steps = metrics_every_n_steps

    @property
    def history(self) -> Curves:
        """The curves so far."""
        return self._recorder.history

    def on_train_begin(self, logs=None):
        """Opens the bar where the history ends."""
        self._recorder.open()

    def on_train_batch_end(self, batch, logs=None):
        """Records one step.

        Raises:
            TrainingDivergedError: if the loss is NaN or infinite.
        """
        self._recorder.add({name: float(value) for name, value in (logs or {}).items()})
        done = self._recorder.done
        for metric in self.model.metrics:
            if metric.name == "loss" or done % self._metrics_every_n_steps == 0:
                metric.reset_state()
        if done == self._steps:
            self.model.stop_training = True
        self._recorder.check()

    def close(self):
        """Closes the bar; also after an error."""
        self._recorder.close()
