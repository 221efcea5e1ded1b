"""AdamW on NumPy arrays, in place, as Keras 2 defines it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from ..blas import jit
from ..team import run_parts, shares, threads_for

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
_WORK = 5e4  # numbers that a thread is worth


@dataclasses.dataclass
class AdamW:
    """Adam with decoupled weight decay; without decay, Adam.

    Attributes:
        first: means of the gradients, one array for each variable.
        second: means of their squares.
        weight_decay: w, at least 0.
        steps: how many were taken.

    Sources: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, algorithm 1 with the bias
    corrections in the learning rate; Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101.
    """

    first: list[np.ndarray]
    second: list[np.ndarray]
    weight_decay: float = 0.0
    steps: int = 0

    @classmethod
    def of(cls, variables: Sequence[np.ndarray], weight_decay: float = 0.0) -> AdamW:
        """Before the first step."""
        first, second = ([np.zeros_like(one) for one in variables] for _ in range(2))
        return cls(first, second, weight_decay)

    def step(
        self,
        variables: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
        learning_rate: float,
    ) -> None:
        """Changes the variables in place.

        Args:
            variables: C-contiguous float32 or float64.
            gradients: of the same shapes and dtypes.
            learning_rate: of this step.
        """
        self.steps += 1
        corrections = math.sqrt(1 - BETA_2**self.steps) / (1 - BETA_1**self.steps)
        rate, decay = learning_rate * corrections, learning_rate * self.weight_decay
        for parts in zip(variables, gradients, self.first, self.second, strict=True):
            flat = [part.reshape(-1) for part in parts]
            size = flat[0].size
            threads = threads_for(size, _WORK, size)
            run_parts(_apply, [(*flat, rate, decay, *part) for part in shares(size, threads)])


@jit()
def _apply(variable, gradient, first, second, rate, decay, start, stop):
    kind = variable.dtype.type
    of_first, of_second = kind(1 - BETA_1), kind(1 - BETA_2)
    kept, epsilon, step = kind(1 - decay), kind(EPSILON), kind(rate)
    for i in range(start, stop):
        g = gradient[i]
        m = first[i] + (g - first[i]) * of_first
        v = second[i] + (g * g - second[i]) * of_second
        first[i], second[i] = m, v
        variable[i] = variable[i] * kept - m * step / (np.sqrt(v) + epsilon)
