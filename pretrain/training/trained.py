"""What a training gives."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes:
        weights: of the trained encoder, as its run takes them.
        history: ``{metric: [one value per step]}``.
        seconds: time spent in this process' training, compilation included.
        first_step: number of the first step done by this process; 0 unless resumed.
        encoder: the trained Keras model, graph to graph, of a training by steps.
    """

    weights: Any
    history: dict[str, list[float]]
    seconds: float
    first_step: int
    encoder: Any = None
