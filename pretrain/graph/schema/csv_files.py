"""Tables of a schema in CSV files."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, shown
from .values import INTEGER, STRING, Feature, check_lengths, rows_of, typed

_SEPARATORS = re.compile(r"[\s,;|\[\]]+")  # of a list in a cell


def read_csv(path: Path, name: str, keys: Sequence[str], features: Mapping[str, Feature]) -> dict:
    """The ids and features of a file, Series by name; see `SetTable`.

    Args:
        path: of the file.
        name: of the set, for messages.
        keys: names of its ids.
        features: that its rows have.

    Raises:
        InputError: a file that cannot be read, or does not fit, with its row.
    """
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
    check_lengths(lengths, feature, where, key)
    flat: Any = pandas.Series([one for row in words for one in row], dtype=object)
    values = flat.to_numpy()
    if feature.kind != STRING:
        rows = np.repeat(np.arange(len(words)), lengths)
        values = _numbers(flat, feature, where, key, rows)
    return rows_of(typed(values, feature), lengths)


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
