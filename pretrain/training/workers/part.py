"""Which roots of each batch a pipeline reads."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Part:
    """The replicas that one pipeline feeds, of all that train together.

    Attributes:
        first: number of the first of them.
        count: how many they are.
        replicas: how many there are in all.
    """

    first: int = 0
    count: int = 1
    replicas: int = 1

    @classmethod
    def of(cls, context: Any) -> Part:
        """That of a `tf.distribute.InputContext`."""
        count = context.num_replicas_in_sync // context.num_input_pipelines
        return cls(context.input_pipeline_id * count, count, context.num_replicas_in_sync)

    def slice(self, number: int, size: int) -> slice:
        """The share of replica ``first + number`` in ``size`` rows; they differ by one at most."""
        replica = self.first + number
        return slice(size * replica // self.replicas, size * (replica + 1) // self.replicas)
