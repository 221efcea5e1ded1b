"""What a schema says of a feature, and the forms that its values have in a table."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ...errors import InputError, shown

NUMERIC, INTEGER, STRING = "number", "integer", "string"


@dataclasses.dataclass(frozen=True)
class Feature:
    """What a schema says of a feature.

    Attributes:
        kind: "number" of a float, "integer" (also bool) or "string".
        size: entries of one item; None: any number of them, ragged.
    """

    kind: str
    size: int | None

    @property
    def is_list(self) -> bool:
        """Whether an item has other than one entry."""
        return self.size != 1

    @property
    def is_bag(self) -> bool:
        """Whether the order of its entries says nothing: of strings, and of ragged integers."""
        return self.is_list and (self.kind == STRING or (self.kind == INTEGER and not self.size))

    @classmethod
    def of(cls, message: Any, where: str) -> Feature:
        """Reads the message.

        Raises:
            InputError: for a dtype that TF-GNN's tables do not have.
        """
        import tensorflow as tf

        try:
            dtype = tf.dtypes.as_dtype(message.dtype)
        except TypeError:
            raise InputError(f"{where}: the schema gives no dtype") from None
        if dtype.is_floating:
            kind = NUMERIC
        elif dtype.is_integer or dtype.is_bool:
            kind = INTEGER
        elif dtype == tf.string:
            kind = STRING
        else:
            raise InputError(f"{where}: expected floats, integers or strings, got {dtype.name}")
        sizes = [dim.size for dim in message.shape.dim]
        return cls(kind, None if any(size < 0 for size in sizes) else math.prod(sizes))


def features_in(message: Any, where: str) -> dict[str, Feature]:
    """The features of a node set or an edge set, by name, in an order that is always the same.

    Args:
        message: of the schema.
        where: the set in words, for messages.

    Raises:
        InputError: see `Feature.of`.
    """
    return {
        name: Feature.of(one, f"{where}, feature {shown(name)}")
        for name, one in sorted(message.features.items())  # a map has another in each process
        if not name.startswith("#")
    }


def typed(values: np.ndarray, feature: Feature) -> np.ndarray:
    """Entries of lists in the dtype of `SetTable.features`."""
    if feature.kind == STRING:
        return values
    return values.astype(np.int64 if feature.is_bag else np.float64)


def check_lengths(lengths: np.ndarray, feature: Feature, where: str, key: str) -> None:
    """Raises InputError unless each row has as many entries as the schema says, or none."""
    if feature.size is None:
        return
    wrong = (lengths != feature.size) & (lengths > 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"{where}, row {row + 1}: feature {shown(key)}: expected {feature.size} values, got"
            f" {lengths[row]}"
        )


def rows_of(values: np.ndarray, lengths: np.ndarray) -> Any:
    """A Series with an array for each row."""
    import pandas

    rows = np.empty(len(lengths), object)
    for place, one in enumerate(np.split(values, np.cumsum(lengths)[:-1]) if len(lengths) else []):
        rows[place] = one
    return pandas.Series(rows, dtype=object)
