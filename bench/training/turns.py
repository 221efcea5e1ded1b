"""Two trainings in one process that take turns: A B, B A, A B, and so on.

A training is built and done in one call, `runner.run` or ours. To alternate without building again
for every turn, each training has a thread, and a callback that waits where it is not its turn.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

import graph_barlow_twins  # noqa: F401 - selects Keras 2 before TensorFlow is loaded
import tensorflow as tf

from ..measure import settle


@dataclass
class StepTimes:
    """Times of one training, in seconds.

    Attributes:
        first_call: from the start of `runner.run` to the end of the first step.
        turns: per turn, the steps that count.
    """

    first_call: float = 0.0
    turns: list[list[float]] = field(default_factory=list)


def schedule(names: list[str], turns: int) -> list[str]:
    """Whose turn it is: all names per round, every other round in reverse."""
    return [name for turn in range(turns) for name in (names if turn % 2 == 0 else names[::-1])]


class Turns:
    """Lets threads run one at a time, in a given order."""

    def __init__(self, order: list[str]):
        self._left = list(order)
        self._changed = threading.Condition()
        self.error: BaseException | None = None

    def begin(self, name: str) -> None:
        """Waits for this thread's turn.

        Raises:
            RuntimeError: if another thread has failed meanwhile.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.error or self._left[:1] == [name])
        if self.error:
            raise RuntimeError("the other training has failed")
        settle()

    def end(self) -> None:
        """Hands over."""
        with self._changed:
            self._left.pop(0)
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Ends all waiting; the first error is kept."""
        with self._changed:
            self.error = self.error or error
            self._changed.notify_all()


class StepTimer(tf.keras.callbacks.Callback):
    """Times the steps of one training, and waits between its turns.

    The first steps of a turn are not counted: they find batches that were prepared while the
    training waited, the other training's buffers fill, and pools of threads wake up.
    """

    def __init__(self, name: str, turns: Turns, steps: int, skipped: int):
        super().__init__()
        self._name, self._turns, self._steps, self._skipped = name, turns, steps, skipped
        self._done = 0
        self._created = time.perf_counter()
        self.times = StepTimes()

    def on_train_batch_begin(self, batch, logs=None):
        """Waits at the start of a turn, but the first one: the thread has waited already."""
        if self._done and self._done % self._steps == 0:
            self._turns.begin(self._name)
        self._started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Notes the time. Keras has fetched the logs, so the step is over."""
        now = time.perf_counter()
        if self._done == 0:
            self.times.first_call = now - self._created
        if self._done % self._steps == 0:
            self.times.turns.append([])
        if self._done % self._steps >= self._skipped:
            self.times.turns[-1].append(now - self._started)
        self._done += 1
        if self._done % self._steps == 0:
            turn = self.times.turns[-1]
            print(f"{self._name}: {1e3 * median(turn):.1f} ms", file=sys.stderr, flush=True)
            self._turns.end()


def train_in_turns(
    trainings: Mapping[str, Callable], *, turns: int, steps: int, skipped: int
) -> dict[str, StepTimes]:
    """Runs trainings in alternation.

    Args:
        trainings: per name, a function of ``(callback, number of steps)`` that trains.
        turns: of each training.
        steps: per turn.
        skipped: so many steps of each turn are not counted.

    Returns:
        The times by name.

    Raises:
        Whatever a training raises.
    """
    order = Turns(schedule(list(trainings), turns))
    timers = {}

    def work(name, train):
        try:
            order.begin(name)
            timers[name] = StepTimer(name, order, steps, skipped)
            train(timers[name], turns * steps)
        except BaseException as error:
            order.fail(error)

    threads = [threading.Thread(target=work, args=item) for item in trainings.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if order.error:
        raise order.error
    return {name: timer.times for name, timer in timers.items()}
