"""The table of a node set or an edge set."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from .csv_files import read_csv
from .files import files_of, is_record_file
from .record_files import read_records
from .values import Feature, features_in

ID, SOURCE, TARGET = "#id", "#source", "#target"


@dataclasses.dataclass(frozen=True, eq=False)
class SetTable:
    """The rows of a set, in the order of its files.

    Attributes:
        name: of the set, for messages.
        keys: columns of ids, [N] str, by their names `ID`, or `SOURCE` and `TARGET`.
        features: in the order of their names, a pandas Series [N] each: float64 (NaN where
            missing), strings (None), or an array for each row: float64 of numbers and of integers
            of one shape, int64 of ragged ones, else strings.
        kinds: of the features, as the schema has them.
        files: with the number of rows in each.
    """

    name: str
    keys: dict[str, np.ndarray]
    features: dict[str, Any]
    kinds: dict[str, Feature]
    files: tuple[tuple[Path, int], ...]

    def place(self, row: int) -> str:
        """Where a row stands, for messages: its file and its number there, from 1."""
        for path, count in self.files:
            if row < count:
                return f"{path}, row {row + 1}"
            row -= count
        raise IndexError(row)


def read_set(name: str, message: Any, keys: Sequence[str], folder: Path) -> SetTable:
    """Reads a set.

    Args:
        name: in words, for messages.
        message: ``NodeSet`` or ``EdgeSet`` of the schema.
        keys: which ids its rows have.
        folder: of the schema.

    Raises:
        InputError: a missing file, feature or id, or a value that does not fit: with file and row.
    """
    features = features_in(message, name)
    parts, files = [], []
    for path in files_of(message.metadata, folder, name):
        read = read_records if is_record_file(path, name) else read_csv
        part = read(path, name, keys, features)
        parts.append(part)
        files.append((path, len(part[keys[0]])))
    columns = {key: _joined([part[key] for part in parts]) for key in (*keys, *features)}
    expected = message.metadata.cardinality
    found = sum(count for _, count in files)
    if message.metadata.HasField("cardinality") and expected != found:
        raise InputError(
            f"{name}: the schema says {expected:,} rows (metadata, cardinality), its files have"
            f" {found:,}"
        )
    ids = {key: columns.pop(key).to_numpy().astype(str) for key in keys}
    return SetTable(name, ids, columns, features, tuple(files))


def _joined(parts: list[Any]) -> Any:
    import pandas

    return pandas.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
