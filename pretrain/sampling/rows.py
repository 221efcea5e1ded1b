"""Features of nodes as TensorFlow takes them: arrays in the dtypes and shapes of the schema."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..graph.schema.tables import SetTable
from ..graph.schema.values import INTEGER, STRING, Feature

MISSING = {"float32": np.nan, "int64": np.iinfo(np.int64).min, "object": ""}


class Rows(NamedTuple):
    """One feature of n nodes.

    Attributes:
        values: [n], [n, size], or of ragged ones [sum of lengths]; float32, int64 or object (str).
            What is missing is NaN, the least integer, or "".
        lengths: int64 [n] of ragged ones, else None.
    """

    values: np.ndarray
    lengths: np.ndarray | None = None

    def take(self, nodes: np.ndarray) -> Rows:
        """The rows of these nodes."""
        if self.lengths is None:
            return Rows(self.values[nodes])
        starts = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[nodes]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return Rows(self.values[np.repeat(starts[nodes], lengths) + within], lengths)


def dtype_of(feature: Feature) -> np.dtype:
    """Float32, int64 or object, for strings."""
    if feature.kind == STRING:
        return np.dtype(object)
    return np.dtype(np.int64 if feature.kind == INTEGER else np.float32)


def feature_rows(series: Any, feature: Feature) -> Rows:
    """A column of a `SetTable`.

    Args:
        series: [n].
        feature: what the schema says of it.
    """
    dtype = dtype_of(feature)
    missing = MISSING[dtype.name]
    if not feature.is_list:
        values = series.astype(object).where(series.notna(), missing).to_numpy()
        return Rows(values.astype(dtype))
    if feature.size is None:
        parts = list(series)
        values = np.concatenate(parts) if parts else np.zeros(0, dtype)
        return Rows(values.astype(dtype), np.array([len(one) for one in parts], np.int64))
    values = np.full((len(series), feature.size), missing, dtype)
    for row, one in enumerate(series):
        if len(one):
            values[row] = one
    return Rows(values)


def no_rows(feature: Feature) -> Rows:
    """The feature of no node."""
    shape = (0, feature.size) if feature.is_list and feature.size is not None else (0,)
    lengths = np.zeros(0, np.int64) if feature.size is None else None
    return Rows(np.zeros(shape, dtype_of(feature)), lengths)


def rows_in(table: SetTable) -> dict[str, Rows]:
    """All features of a table, by name."""
    return {key: feature_rows(table.features[key], kind) for key, kind in table.kinds.items()}
