"""Weights that are one array for each of their names."""

from __future__ import annotations

import dataclasses

import numpy as np


class NamedArrays:
    """What a dataclass of arrays, each float32, has in common with other encoders' weights."""

    @classmethod
    def names(cls, count: int = 0) -> list[str]:
        """What the arrays are called in a file, in the order of `to_list`."""
        del count  # of every such encoder the same
        return [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]

    def to_list(self) -> list[np.ndarray]:
        """All arrays; the inverse of ``from_list``."""
        return [getattr(self, name) for name in self.names()]
