"""Tables of a schema in TFRecords of ``tf.Example``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, shown
from ...quiet import quiet_tensorflow
from .values import INTEGER, NUMERIC, STRING, Feature, check_lengths, rows_of, typed

_BATCH = 4096  # records parsed at a time
# Of TensorFlow's message on a record that does not fit.
_MISMATCH = re.compile(r"Key: (.*?), Index.*Expected type: (\w+), Actual type: (\w+)")


def read_records(
    path: Path, name: str, keys: Sequence[str], features: Mapping[str, Feature]
) -> dict:
    """As `csv_files.read_csv`."""
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
        check_lengths(counts, feature, f"{name}: {path}", key)
        if feature.is_list:
            found[key] = rows_of(typed(values, feature), counts)
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
