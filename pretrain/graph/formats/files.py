"""One table of a CSV, TSV or Parquet file, as spreadsheets and databases write them."""

from __future__ import annotations

import contextlib
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
_DECIMAL_COMMA = re.compile(rb"[;\t|\n]-?\d+,\d+[;\t|\r\n]")


def suffix_of(path: str | Path) -> str:
    """The one of `SUFFIXES` that a path has, or nothing."""
    return next((one for one in SUFFIXES if Path(path).name.lower().endswith(one)), "")


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
                    # Converters, as pandas takes an id NA for a missing one.
                    texts = {one: str.strip for one in ids_of(header)}
                file.seek(0)
                table = pandas.read_csv(file, converters=texts, **style)
    except InputError:
        raise
    except ImportError as error:
        raise InputError(f"{path}: {error}") from None
    except UnicodeError as error:
        raise InputError(
            f"cannot read {path}: expected UTF-8, got other bytes ({error}); write it anew: iconv"
            " -f latin1 -t utf-8, or CSV UTF-8 in the spreadsheet"
        ) from None
    except Exception as error:  # pandas and pyarrow have many of their own
        raise InputError(f"cannot read {path}: {error}") from None
    if not len(table):
        raise InputError(f"{path}: expected a header and at least one row")
    if as_text:
        for one in ids_of(table):
            table[one] = table[one].astype(object).where(table[one].notna(), "").astype(str)
            table[one] = table[one].where(table[one] != "")
    return table


def holds_numbers(path: str | Path, ids: Sequence[Any]) -> bool:
    """Whether ids, columns of one table, are integers, and written as such: 7, not 007 or 7a."""
    for one in ids:
        kind = getattr(one.dtype, "kind", "O")
        if kind == "f" and not (one.isna() | (one == np.floor(one))).all():
            return False
        if kind not in "iuf" or (kind == "u" and one.max() > np.iinfo(np.int64).max):
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
        ends: columns of ids that were not told by their names.

    Raises:
        InputError: if the names are numbers, or ids in their columns.
    """
    names = [str(one) for one in table.columns]
    numbers = all(re.fullmatch(r"-?\d+(\.\d+)*", one) for one in names)
    counted = names == [str(one) for one in range(len(names))] and len(names) > 2
    among = any((table[one].astype(str) == str(one)).any() for one in ends)
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


def _with_index(table: Any) -> Any:
    """Where ids are pandas' index, they are columns."""
    is_named = any(one is not None for one in table.index.names)
    return table.reset_index() if is_named or table.index.dtype.kind == "O" else table
