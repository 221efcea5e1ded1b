"""One table of a CSV, TSV or Parquet file, as spreadsheets and databases write them."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, shown
from ..objects.links import NO_NAME
from .layout import may_have_zeros_first, opened, style_of, with_decimal_commas, without_quotes
from .others import how_to_convert

_FORMATS = (".csv", ".tsv", ".parquet")
SUFFIXES = (*_FORMATS, ".csv.gz", ".tsv.gz")
_ROWS = 1 << 18  # that are looked at at once
_DATE = r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"


def suffix_of(path: str | Path) -> str:
    """The one of `SUFFIXES` that a path has, or nothing."""
    return next((one for one in SUFFIXES if Path(path).name.lower().endswith(one)), "")


def not_utf8(path: str | Path, error: UnicodeError) -> InputError:
    """The error of a text in another encoding, which nobody can tell for sure."""
    return InputError(
        f"cannot read {path}: expected UTF-8, got other bytes ({error}); write it anew: iconv -f"
        " ENCODING -t utf-8 (latin1, utf-16, ...), or CSV UTF-8 in the spreadsheet"
    )


def read_table(
    path: str | Path, ids_of: Callable[[Any], Sequence[Any]], *, as_text: bool = False
) -> Any:
    """A DataFrame of a file; texts stay texts.

    Args:
        path: the file. Separators and decimal commas of CSV files are told by their content.
        ids_of: which columns hold ids, by the table.
        as_text: whether ids stay as they are written, such as 007; otherwise as they come.

    Raises:
        InputError: a file that cannot be read, or none of these.
    """
    import pandas

    suffix = suffix_of(path)
    if not suffix:
        raise InputError(
            f"{path}: expected a table with the suffix {', '.join(SUFFIXES)}{how_to_convert(path)}"
        )
    style: dict[str, Any] = {}
    try:
        with opened(path) as file:
            if suffix == ".parquet":
                table = _with_index(pandas.read_parquet(file))
            else:
                style = style_of(file, is_tsv=suffix.startswith(".tsv"))
                texts = {}
                if as_text:
                    header = pandas.read_csv(file, nrows=0, **style)
                    # Marked, as pandas takes an id NA for a missing one.
                    texts = {one: lambda text: f"={text.strip()}" for one in ids_of(header)}
                    file.seek(0)
                table = pandas.read_csv(file, converters=texts, low_memory=False, **style)
                table = table.assign(**{one: table[one].str[1:] for one in texts})
                if "quoting" in style:
                    table = without_quotes(table, list(texts))
    except InputError:
        raise
    except ImportError as error:
        raise InputError(f"{path}: {error}") from None
    except UnicodeError as error:
        raise not_utf8(path, error) from None
    except Exception as error:  # pandas and pyarrow have many of their own
        raise InputError(f"cannot read {path}: {error}") from None
    if not len(table):
        raise InputError(f"{path}: expected a header and at least one row")
    check_header(table, str(path))
    ids = ids_of(table)
    for one in ids:
        column = table[one]
        if as_text:
            column = column.astype(object).where(column.notna(), "").astype(str)
            table[one] = column.where(column != "")
        elif column.dtype.kind == "f" and (column == np.floor(column)).all():
            table[one] = column.astype(np.int64)
    if style.get("sep", ",") != ",":
        table = with_decimal_commas(table, ids, str(path))
    return _with_dates(table, ids)


def holds_numbers(path: str | Path, ids: Sequence[Any]) -> bool:
    """Whether ids, columns of one table, are integers, and written as such: 7, not 007 or 7a."""
    for one in ids:
        kind = getattr(one.dtype, "kind", "O")
        if kind not in "iu" or (kind == "u" and one.max() > np.iinfo(np.int64).max):
            return False
    if suffix_of(path) == ".parquet":
        return True
    import pandas

    with opened(path) as file:
        if not may_have_zeros_first(file):
            return True
        file.seek(0)
        style = style_of(file, is_tsv=suffix_of(path).startswith(".tsv"))
        names = [one.name for one in ids]
        parts = pandas.read_csv(file, chunksize=_ROWS, usecols=names, dtype=str, **style)
        return not any(
            part[one].str.match(r'"?([-+]?0\d|\+)').any() for part in parts for one in names
        )


def check_header(table: Any, where: str, ends: Sequence[Any] = ()) -> None:
    """Refuses a table whose first row was taken for the names of its columns.

    Args:
        table: as read.
        where: the file.
        ends: columns that were not told by their names.

    Raises:
        InputError: if the names are numbers, or ids in their columns.
    """
    names = [str(one) for one in table.columns]
    numbers = all(re.fullmatch(r"-?\d+(\.\d+)*", one) for one in names)
    counted = names == [str(one) for one in range(len(names))] and len(names) > 2
    among = any((table[one].astype(str) == str(name)).any() for one in ends for name in ends)
    if (numbers and not counted) or among:
        raise InputError(
            f"{where}: expected names of columns in its first line, got {shown(names)}; write them"
            " above it, such as source,target, or read bare links as edgelist:FILE"
        )


def _with_dates(table: Any, ids: Sequence[Any]) -> Any:
    """Columns of dates as 2026-11-27, perhaps with a time, are points in time."""
    import pandas

    for name in table.columns.difference(list(ids), sort=False):
        known = table[name].dropna()
        first = known.iloc[0] if len(known) else None
        if not (isinstance(first, str | datetime.date) and re.fullmatch(_DATE, str(first))):
            continue
        if known.astype(str).str.fullmatch(_DATE).all():
            with contextlib.suppress(ValueError):  # such as a 30 February
                table[name] = pandas.to_datetime(table[name], format="ISO8601", utc=True)
    return table


def _with_index(table: Any) -> Any:
    """Where ids are pandas' index, they are columns; one that counts rows is none."""
    import pandas

    index = table.index
    counts = isinstance(index, pandas.RangeIndex) and index.start == 0 and index.step == 1
    if counts and index.name is None:
        return table
    taken = {None, *table.columns}
    names = [f"{NO_NAME}{i}" if one in taken else one for i, one in enumerate(index.names)]
    return table.reset_index(names=names)
