"""One table of a CSV, TSV or Parquet file, as spreadsheets and databases write them."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, shown
from ...files import open_file
from .others import how_to_convert

_FORMATS = (".csv", ".tsv", ".parquet")
SUFFIXES = (*_FORMATS, ".csv.gz", ".tsv.gz")
_SEPARATORS = ",;\t|"
_SAMPLE_BYTES, _SAMPLE_ROWS = 1 << 16, 1000
_DATE = r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"
_DECIMAL_COMMA = re.compile(rb"[;\t|\n]-?\d+,\d+[;\t|\r\n]")


def suffix_of(path: str | Path) -> str:
    """The one of `SUFFIXES` that a path has, or nothing."""
    return next((one for one in SUFFIXES if Path(path).name.lower().endswith(one)), "")


def not_utf8(path: str | Path, error: UnicodeError) -> InputError:
    """The error of a text in another encoding, which nobody can tell for sure."""
    return InputError(
        f"cannot read {path}: expected UTF-8, got other bytes ({error}); write it anew: iconv -f"
        " ENCODING -t utf-8 (latin1, utf-16, ...), or CSV UTF-8 in the spreadsheet"
    )


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[Any]:
    """The bytes of a file, unpacked where its name ends in .gz."""
    with open_file(path) as file:
        yield gzip.GzipFile(fileobj=file) if str(path).lower().endswith(".gz") else file


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
    try:
        with opened(path) as file:
            if suffix == ".parquet":
                table = _with_index(pandas.read_parquet(file))
            else:
                style = _style(file.read(_SAMPLE_BYTES), suffix)
                texts = {}
                if as_text:
                    file.seek(0)
                    header = pandas.read_csv(file, nrows=0, **style)
                    # Marked, as pandas takes an id NA for a missing one.
                    texts = {one: lambda text: f"={text.strip()}" for one in ids_of(header)}
                file.seek(0)
                table = pandas.read_csv(file, converters=texts, low_memory=False, **style)
                table = table.assign(**{one: table[one].str[1:] for one in texts})
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
        style = _style(file.read(_SAMPLE_BYTES), suffix_of(path))
        file.seek(0)
        names = [one.name for one in ids]
        written = pandas.read_csv(file, nrows=_SAMPLE_ROWS, usecols=names, dtype=str, **style)
    return not any(written[one].str.match(r"-?0\d").any() for one in names)


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


def _style(sample: bytes, suffix: str) -> dict[str, Any]:
    """How a text is laid out, in pandas' words."""
    header = sample.split(b"\n", 1)[0].decode("utf-8", "replace")
    separator = "\t" if suffix.startswith(".tsv") else max(_SEPARATORS, key=header.count)
    comma = separator != "," and _DECIMAL_COMMA.search(sample)
    return {"sep": separator, "decimal": "," if comma else ".", "skipinitialspace": True}


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
    """Where ids are pandas' index, they are columns."""
    is_named = any(one is not None for one in table.index.names)
    return table.reset_index() if is_named or table.index.dtype.kind == "O" else table
