"""The curves of a training: recorded step by step, shown while it runs, kept for a resume."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from ..errors import TrainingDivergedError
from ..output.folder import OutputFolder, damaged, read_json
from ..output.replace import write_json

Curves = dict[str, list[float]]


class CurveRecorder:
    """Records the metrics of every step, and shows a progress bar (on stderr).

    Args:
        steps: number of the step after the last.
        history: ``{metric: [value of step 0, ...]}`` of the steps done before a resume.
        show: whether to draw the progress bar.

    Attributes:
        history: the same, extended step by step.
    """

    def __init__(self, *, steps: int, history: Curves, show: bool):
        self.history = history
        self._steps, self._show = steps, show
        self._bar: Any = None

    @property
    def done(self) -> int:
        """How many steps are recorded."""
        return len(self.history.get("loss", ()))

    def open(self) -> None:
        """Opens the bar where the history ends."""
        self._bar = tqdm(
            total=self._steps,
            initial=self.done,
            desc="pretrain",
            unit="step",
            disable=not self._show,
        )

    def add(self, values: Mapping[str, float]) -> None:
        """Records one step; `check` follows."""
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)
        self._bar.set_postfix(loss=f"{values['loss']:.4g}", refresh=False)
        self._bar.update()

    def check(self) -> None:
        """Looks at the last loss.

        Raises:
            TrainingDivergedError: if it is NaN or infinite.
        """
        loss = self.history["loss"][-1]
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"the loss became {loss} at step {self.done - 1}; try a lower --learning-rate"
            )

    def close(self) -> None:
        """Closes the bar; also after an error."""
        if self._bar is not None:
            self._bar.close()


def write_history(folder: OutputFolder, history: Curves) -> None:
    """Keeps the curves for `read_history`; call it before each checkpoint."""
    folder.checkpoint.mkdir(parents=True, exist_ok=True)
    write_json(folder.history, history)


def read_history(folder: OutputFolder, steps: int) -> Curves:
    """The curves of the first steps.

    Raises:
        InputError: if they cannot be read, or are shorter.
    """
    curves = read_json(folder.history)
    try:
        shortest = min(len(values) for values in curves.values())
    except (AttributeError, TypeError, ValueError):
        raise damaged(folder.history) from None
    if shortest < steps:
        raise damaged(folder.history)
    # They are written before the checkpoint, so they may be longer.
    return {name: values[:steps] for name, values in curves.items()}
