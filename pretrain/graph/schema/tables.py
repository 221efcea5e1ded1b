"""The table of a node set or an edge set, from CSV files or TFRecords of ``tf.Example``."""

from __future__ import annotations

import dataclasses
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, shown
from ...quiet import quiet_tensorflow
from .files import files_of, is_record_file

ID, SOURCE, TARGET = "#id", "#source", "#target"

NUMERIC, INTEGER, STRING = "number", "integer", "string"

_BATCH = 4096  # records parsed at a time
# Of TensorFlow's message on a record that does not fit.
_MISMATCH = re.compile(r"Key: (.*?), Index.*Expected type: (\w+), Actual type: (\w+)")
_SEPARATORS = re.compile(r"[\s,;|\[\]]+")  # of a list in a cell


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
    features = {
        key: Feature.of(one, f"{name}, feature {shown(key)}")
        for key, one in sorted(message.features.items())  # a map has another order in each process
        if not key.startswith("#")
    }
    parts, files = [], []
    for path in files_of(message.metadata, folder, name):
        read = _records if is_record_file(path, name) else _csv
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


def _csv(path: Path, name: str, keys: Sequence[str], features: Mapping[str, Feature]) -> dict:
    import pandas

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)  # rows that are too long
            table = pandas.read_csv(
                path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False
            )
    except (ValueError, OSError, pandas.errors.ParserWarning) as error:
        raise InputError(f"{name}: cannot read {path}: {error}") from None
    found = {}
    for key in (*keys, *features):
        column = next((one for one in (key, key.removeprefix("#")) if one in table), None)
        if column is None:
            raise InputError(
                f"{name}: {path}: there is no column {shown(key.removeprefix('#'))}; it has"
                f" {shown(list(table.columns))}"
            )
        if key in keys:
            found[key] = _present(table[column], path, name, key)
        else:
            found[key] = _cells(table[column], features[key], f"{name}: {path}", key)
    return found


def _present(ids: Any, path: Path, name: str, key: str) -> Any:
    empty = (ids == "").to_numpy()
    if empty.any():
        row = int(empty.argmax()) + 1
        raise InputError(f"{name}: {path}, row {row}: there is no {key.removeprefix('#')}")
    return ids


def _cells(column: Any, feature: Feature, where: str, key: str) -> Any:
    """The cells of a CSV file as the schema has them; empty ones are missing."""
    import pandas

    if not feature.is_list and feature.kind == STRING:
        return column.astype(object).where((column != "").to_numpy(), None)
    if not feature.is_list:
        return pandas.Series(_numbers(column, feature, where, key), dtype=np.float64)
    words = [[one for one in _SEPARATORS.split(cell) if one] for cell in column]
    lengths = np.array([len(one) for one in words], np.int64)
    _check_lengths(lengths, feature, where, key)
    flat: Any = pandas.Series([one for row in words for one in row], dtype=object)
    values = flat.to_numpy()
    if feature.kind != STRING:
        rows = np.repeat(np.arange(len(words)), lengths)
        values = _numbers(flat, feature, where, key, rows)
    return _rows(_typed(values, feature), lengths)


def _typed(values: np.ndarray, feature: Feature) -> np.ndarray:
    if feature.kind == STRING:
        return values
    return values.astype(np.int64 if feature.is_bag else np.float64)


def _numbers(
    column: Any, feature: Feature, where: str, key: str, rows: np.ndarray | None = None
) -> np.ndarray:
    import pandas

    if not len(column):
        return np.zeros(0)
    words = column.str.strip().str.lower().replace({"true": "1", "false": "0"})
    numbers = pandas.to_numeric(words, errors="coerce").to_numpy(np.float64)
    wrong = np.isnan(numbers) & ~words.isin(["", "nan"]).to_numpy()
    wrong |= np.isinf(numbers)  # which no feature may be
    if feature.kind == INTEGER:
        wrong |= ~np.isnan(numbers) & (numbers != np.floor(numbers))
    if wrong.any():
        place = int(wrong.argmax())
        row = place if rows is None else int(rows[place])
        expected = "an integer" if feature.kind == INTEGER else "a number"
        raise InputError(
            f"{where}, row {row + 1}: feature {shown(key)}: expected {expected}, got"
            f" {shown(column.iloc[place])}"
        )
    return numbers


def _check_lengths(lengths: np.ndarray, feature: Feature, where: str, key: str) -> None:
    if feature.size is None:
        return
    wrong = (lengths != feature.size) & (lengths > 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"{where}, row {row + 1}: feature {shown(key)}: expected {feature.size} values, got"
            f" {lengths[row]}"
        )


def _rows(values: np.ndarray, lengths: np.ndarray) -> Any:
    """A Series with an array for each row."""
    import pandas

    rows = np.empty(len(lengths), object)
    for place, one in enumerate(np.split(values, np.cumsum(lengths)[:-1]) if len(lengths) else []):
        rows[place] = one
    return pandas.Series(rows, dtype=object)


def _records(path: Path, name: str, keys: Sequence[str], features: Mapping[str, Feature]) -> dict:
    with quiet_tensorflow():
        import tensorflow as tf
    import pandas

    dtypes = {NUMERIC: tf.float32, INTEGER: tf.int64, STRING: tf.string}
    spec = {key: tf.io.RaggedFeature(tf.string) for key in keys}
    spec |= {key: tf.io.RaggedFeature(dtypes[one.kind]) for key, one in features.items()}
    flat: dict[str, list] = {key: [] for key in spec}
    lengths: dict[str, list] = {key: [] for key in spec}
    row = 0
    try:
        packed = "GZIP" if path.suffix == ".gz" else ""
        for batch in tf.data.TFRecordDataset(str(path), packed).batch(_BATCH):
            for key, column in _parsed(batch, spec, f"{name}: {path}", row).items():
                flat[key].append(column.values.numpy())
                lengths[key].append(column.row_lengths().numpy())
            row += len(batch)
    except tf.errors.OpError as error:
        raise InputError(f"{name}: cannot read {path}: {error.message}") from None
    found = {}
    for key in spec:
        feature = features.get(key, Feature(STRING, 1))
        empty = np.zeros(0, dtypes[feature.kind].as_numpy_dtype)  # a shard may have no record
        values = np.concatenate([empty, *flat[key]])
        counts = np.concatenate([np.zeros(0, np.int64), *lengths[key]])
        if feature.kind == STRING:
            values = np.array([one.decode("utf-8", "replace") for one in values], object)
        elif np.isinf(values).any():
            values_row = int(np.repeat(np.arange(row), counts)[np.isinf(values)][0]) + 1
            raise InputError(
                f"{name}: {path}, row {values_row}: feature {shown(key)}: expected finite numbers"
            )
        if key in keys and (counts != 1).any():
            wrong = int((counts != 1).argmax()) + 1
            raise InputError(f"{name}: {path}, row {wrong}: expected one {key}")
        _check_lengths(counts, feature, f"{name}: {path}", key)
        if feature.is_list:
            found[key] = _rows(_typed(values, feature), counts)
            continue
        dtype = object if feature.kind == STRING else np.float64
        column = np.full(row, None if feature.kind == STRING else np.nan, dtype)
        column[counts == 1] = values
        found[key] = pandas.Series(column, dtype=dtype)
    return found


def _parsed(batch: Any, spec: Mapping[str, Any], where: str, first: int) -> Mapping[str, Any]:
    """The batch's features; an error names the record that does not fit."""
    import tensorflow as tf

    try:
        return tf.io.parse_example(batch, spec)
    except tf.errors.InvalidArgumentError as error:
        for place in range(len(batch)):
            try:
                tf.io.parse_example(batch[place : place + 1], spec)
            except tf.errors.InvalidArgumentError as one:
                what = _MISMATCH.search(one.message)
                told = "expected a tf.Example as of the schema"
                if what:
                    told = f"feature {shown(what[1])}: expected {what[2]}, got {what[3]}"
                raise InputError(f"{where}, row {first + place + 1}: {told}") from None
        raise InputError(f"{where}: {error.message}") from None
