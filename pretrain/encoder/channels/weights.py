"""What an encoder of channels is made of: which channels, and their numbers; no TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

_fields = dataclasses.fields

LINKS = "links"  # the relation of all edges, undirected
OUT, BACK = ">", "<"

OWN, HOP, TWO_HOPS, SMOOTH = "own", "hop", "two-hops", "smooth"


@dataclasses.dataclass(frozen=True)
class Channel:
    """What a channel looks at.

    Attributes:
        name: in tables.
        steps: names of relations, each with OUT or BACK, from the node outwards: ``("depends>",)``
            are the features of what a node depends on, ``("depends>", "depends<")`` of whatever
            depends on the same. Empty: of the node itself.
        loops: whether every node is linked to itself, too.
        others_only: leave out the way from a node back to itself, of a step and its inverse.
    """

    name: str
    steps: tuple[str, ...] = ()
    loops: bool = False
    others_only: bool = False

    @property
    def can_be_absent(self) -> bool:
        """Whether a node that has nothing in it gets a row of zeros.

        Not where it is one of the graph as a whole: there, to have no neighbours is a thing to know
        of a node.
        """
        return any(step[:-1] != LINKS for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return dataclasses.asdict(self) | {"steps": list(self.steps)}

    @classmethod
    def from_dict(cls, given: Any) -> Channel:
        """The inverse of `to_dict`.

        Raises:
            ValueError: for what does not come from it.
        """
        names = [field.name for field in _fields(cls)]
        if not isinstance(given, dict) or sorted(given) != sorted(names):
            raise ValueError(f"expected a channel with {', '.join(names)}")
        steps = given["steps"]
        if not isinstance(steps, list) or len(steps) > 2:
            raise ValueError("steps: expected a list of at most two")
        for step in steps:
            if not isinstance(step, str) or len(step) < 2 or step[-1] not in (OUT, BACK):
                raise ValueError(f"steps: expected names that end in {OUT} or {BACK}")
        if not isinstance(given["name"], str):
            raise ValueError("name: expected text")
        if not all(isinstance(given[name], bool) for name in ("loops", "others_only")):
            raise ValueError("loops, others_only: expected true or false")
        inverse = steps and [steps[0], steps[0][:-1] + (BACK if steps[0][-1] == OUT else OUT)]
        if given["others_only"] and steps != inverse:
            raise ValueError("others_only: expected a step and its inverse")
        return cls(given["name"], tuple(steps), given["loops"], given["others_only"])


@dataclasses.dataclass(frozen=True, eq=False)
class ChannelNumbers:
    """The numbers of one channel, K columns of F features.

    Attributes:
        column_weights: w [F].
        length_prior: [1]; a row y of X diag(w) is divided by sqrt(|y|^2 + prior), by its length
            where the prior is 0.
        coefficients: c [P + 1], of the powers of the steps' product.
        kernel: V [F, K].
        mean: [K], subtracted after propagation.
        scale: s [K], of the columns then.
        weight: [1], the length of the rows in the end.
    """

    column_weights: np.ndarray
    length_prior: np.ndarray
    coefficients: np.ndarray
    kernel: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray

    def __post_init__(self):
        """Compares the shapes, also of tensors; ValueError where they do not fit together."""
        shapes = {field.name: tuple(getattr(self, field.name).shape) for field in _fields(self)}
        if len(shapes["kernel"]) != 2 or len(shapes["coefficients"]) != 1:
            raise ValueError("weights: kernel, coefficients: expected two dimensions and one")
        features, width = shapes["kernel"]
        for name, wanted in (
            ("column_weights", (features,)),
            ("length_prior", (1,)),
            ("mean", (width,)),
            ("scale", (width,)),
            ("weight", (1,)),
        ):
            if shapes[name] != wanted:
                raise ValueError(f"weights: {name}: expected shape {wanted}, got {shapes[name]}")


_PARTS = tuple(field.name for field in _fields(ChannelNumbers))


@dataclasses.dataclass(frozen=True, eq=False)
class ChannelWeights:
    """An encoder of channels; what it computes: `apply.embed_channels`.

    Attributes:
        channels: what each looks at.
        numbers: of each.
        mean: [sum of the K], of the channels side by side.
        rotation: W [sum of the K, D].
    """

    channels: tuple[Channel, ...]
    numbers: tuple[ChannelNumbers, ...]
    mean: np.ndarray
    rotation: np.ndarray

    @staticmethod
    def names(count: int) -> list[str]:
        """What ``count`` arrays are called in a file, in the order of `to_list`."""
        channels = range((count - 2) // len(_PARTS))
        parts = [f"{part}_{number}" for number in channels for part in _PARTS]
        return [*parts, "mean", "rotation"]

    def to_list(self) -> list[np.ndarray]:
        """All arrays, float32."""
        parts = [getattr(one, part) for one in self.numbers for part in _PARTS]
        return [*parts, self.mean, self.rotation]

    @classmethod
    def from_list(cls, arrays: Sequence[np.ndarray], channels: Sequence[Channel]) -> ChannelWeights:
        """The inverse of `to_list`.

        Raises:
            ValueError: if number or shapes are not those of such an encoder.
        """
        *parts, mean, rotation = arrays
        count = len(_PARTS)
        if len(parts) != count * len(channels) or not parts:
            raise ValueError(f"weights: expected {count} arrays for each of the channels and two")
        starts = range(0, len(parts), count)
        numbers = tuple(ChannelNumbers(*parts[start : start + count]) for start in starts)
        width = sum(one.kernel.shape[1] for one in numbers)
        if len({one.kernel.shape[0] for one in numbers}) > 1:
            raise ValueError("weights: the channels have different numbers of features")
        rows, *columns = tuple(rotation.shape)
        if tuple(mean.shape) != (width,) or rows != width or len(columns) != 1:
            raise ValueError(f"weights: mean and rotation: expected {width} rows")
        return cls(tuple(channels), numbers, mean, rotation)

    @property
    def num_features(self) -> int:
        """F, the width of the input."""
        return len(self.numbers[0].kernel)

    def with_rotation(self, rotation: np.ndarray) -> ChannelWeights:
        """The same channels, put together by another matrix."""
        return dataclasses.replace(self, rotation=np.asarray(rotation, np.float32))
