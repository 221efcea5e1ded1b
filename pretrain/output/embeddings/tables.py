"""Embeddings in tables and texts of anyone: CSV, TSV, Parquet, word2vec."""

from __future__ import annotations

import csv
import gzip
import os
from typing import Any

import numpy as np

from ...errors import InputError, shown
from ...files import open_file
from .kinds import PARQUET, Kind

_IDS = ("node_id", "id", "node", "name", "")  # without a name: the index of a DataFrame
# As of npz files: what a compressed file may take.
_FREE_BYTES, _PER_BYTE = 1 << 28, 80


def read_table(path: str, kind: Kind) -> dict[str, np.ndarray]:
    """``embeddings`` [N, K], and ``node_ids`` [N] where a column holds them.

    That is a column called node_id, id, node or name, a DataFrame's index, or a first column of
    texts. All others are dimensions. Ids in texts are strings.

    Raises:
        InputError: a file that cannot be read, or columns that are no numbers.
    """
    try:
        table = _parquet(path) if kind.suffix == PARQUET else _text(path, kind)
    except InputError:
        raise
    except Exception as error:  # pyarrow has many of its own
        raise InputError(f"cannot read {path}: {error}") from None
    names = table.column_names
    ids = [name for name in names if name.lower() in _IDS or name.startswith("__index_level_")]
    id_column = ids[0] if ids else names[0] if _is_text(table.column(0)) else None
    columns = [name for name in names if name not in (id_column, _END)]
    for name in columns:
        if not _is_number(table.column(name)):
            raise InputError(
                f"{path}: column {shown(name)}: expected numbers, a column for each dimension, got"
                f" {table.column(name).type}"
            )
    # By column: a row-wise copy of the whole would take as much again.
    embeddings = np.empty((table.num_rows, len(columns)), np.float32)
    with np.errstate(over="ignore"):  # whoever reads it looks for infinity
        for number, name in enumerate(columns):
            embeddings[:, number] = table.column(name).to_numpy()
    if id_column is None:
        return {"embeddings": embeddings}
    node_ids = table.column(id_column).to_numpy()
    if node_ids.dtype == object:
        if any(one is None for one in node_ids):
            raise InputError(f"{path}: column {shown(id_column)}: expected an id in every row")
        node_ids = node_ids.astype(str)
    return {"embeddings": embeddings, "node_ids": node_ids}


_END = (
    "\0"  # the column after a separator at the end of each line, as word2vec's own program writes
)


def _parquet(path: str) -> Any:
    import pyarrow.parquet

    with open_file(path) as file:
        return pyarrow.parquet.read_table(file)


def _text(path: str, kind: Kind) -> Any:
    import pyarrow
    import pyarrow.csv

    content = _content(path, kind.zipped)
    line, _, rest = content[: 1 << 24].decode("utf-8-sig", "replace").partition("\n")
    fields = _fields(line, kind)
    has_header, id_column = True, None
    if kind.is_word2vec:
        has_header = len(fields) == 2
        second = _fields(rest.partition("\n")[0], kind) if has_header else fields
        width = len(second) - (second[-1:] == [""])
        names = ["node_id", *map(str, range(width - 1)), *[_END] * (len(second) - width)]
    elif _are_numbers(fields[1:]) and not (_are_counted(fields) or _are_counted(fields[1:])):
        has_header, names = False, [f"column {number}" for number in range(len(fields))]
        if not _are_numbers(fields[:1]):
            names[0] = "node_id"
    else:
        names = fields
    if len(set(names)) < len(names):
        raise InputError(f"{path}: expected columns of different names")
    second = _fields(rest.partition("\n")[0], kind) if has_header else fields
    for number, name in enumerate(names):
        if name.lower() in _IDS or (number == 0 and not _are_numbers(second[:1])):
            id_column = name
            break
    types = {name: pyarrow.float32() for name in names}
    types |= {name: pyarrow.string() for name in (id_column, _END) if name is not None}
    return pyarrow.csv.read_csv(
        pyarrow.BufferReader(content),
        pyarrow.csv.ReadOptions(column_names=names, skip_rows=int(has_header)),
        pyarrow.csv.ParseOptions(
            delimiter=kind.separator,
            quote_char=False if kind.is_word2vec else '"',
            newlines_in_values=not kind.is_word2vec,
        ),
        pyarrow.csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False),
    )


def _content(path: str, zipped: bool) -> bytes:
    with open_file(path) as file:
        if not zipped:
            return file.read()
        most = max(_FREE_BYTES, _PER_BYTE * os.fstat(file.fileno()).st_size)
        with gzip.open(file) as unzipped:
            content = unzipped.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path}: unfolds to more than {most:,} bytes; write it uncompressed")
    return content


def _fields(line: str, kind: Kind) -> list[str]:
    line = line.rstrip("\r")
    if kind.is_word2vec:
        return line.split(" ")
    return next(csv.reader([line], delimiter=kind.separator or ","), [])


def _are_numbers(fields: list[str]) -> bool:
    try:
        return bool(fields) and all(float(one) is not None for one in fields)
    except ValueError:
        return False


def _are_counted(fields: list[str]) -> bool:
    """0, 1, 2 ... as pandas calls the columns of an array."""
    return fields == [str(number) for number in range(len(fields))]


def _is_text(column: Any) -> bool:
    import pyarrow.types

    return pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)


def _is_number(column: Any) -> bool:
    import pyarrow.types

    return pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type)
