"""Embeddings in tables and texts of anyone: CSV, TSV, Parquet, word2vec."""

from __future__ import annotations

import csv
import gzip
import os
import re
import warnings
from typing import Any, BinaryIO

import numpy as np

from ...errors import InputError, shown
from ...files import most_unfolded, open_file
from .kinds import PARQUET, Kind

# Of columns with ids. Without a name: the index of a DataFrame, or the names of R's rows.
_IDS = ("node_id", "id", "node", "name", "", "index")
_END = "\0"  # the column after a separator at each line's end, as word2vec's own program writes
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "spaces"}
_MOST_COLUMNS = 1 + (1 << 16)  # of --units, and ids


def read_table(path: str, kind: Kind) -> dict[str, np.ndarray]:
    """``embeddings`` [N, K], and ``node_ids`` [N] where a column holds them.

    That is a column called node_id, id, node, name, index or ..._id, a DataFrame's index, a first
    column of texts, or, with a warning, one of different integers beside fractions. All others are
    dimensions. Ids in texts are strings.

    Raises:
        InputError: a file that cannot be read, or columns that are no numbers.
    """
    try:
        table = _parquet(path) if kind.suffix == PARQUET else _text(path, kind)
        names = table.column_names
        id_column = _named(names)
        if id_column is None and _are_numbered(table):
            id_column = names[0]
            warnings.warn(
                f"{path}: the first column, different integers beside fractions, is taken for the"
                " nodes' ids; the name node_id says so, dim_0 that it is a dimension",
                stacklevel=2,
            )
        elif id_column is None and _is_text(table.field(0)):
            id_column = names[0]
    except InputError:
        raise
    except Exception as error:  # pyarrow has many of its own
        raise InputError(f"cannot read {path}: {error}") from None
    columns = [name for name in names if name not in (id_column, _END)]
    # By column: a row-wise copy of the whole would take as much again.
    embeddings = np.empty((table.num_rows, len(columns)), np.float32)
    with np.errstate(over="ignore"):  # whoever reads it looks for infinity
        for number, name in enumerate(columns):
            embeddings[:, number] = table.column(name).to_numpy()
    if id_column is None:
        return {"embeddings": embeddings}
    return {
        "embeddings": embeddings,
        "node_ids": _node_ids(table.column(id_column), f"{path}: column {shown(id_column)}", path),
    }


def _parquet(path: str) -> Any:
    """Its columns of numbers, and the one of ids; looked at before anything is unfolded."""
    import pyarrow.parquet

    with open_file(path) as opened:
        most, file = _most_bytes(opened), pyarrow.BufferReader(opened.read())
        schema = pyarrow.parquet.read_schema(file)
        texts = [field.name for field in schema if _is_text(field)]
        # What a dictionary says once may stand in every row.
        whole = pyarrow.parquet.ParquetFile(file, read_dictionary=texts)
        _check_columns(path, schema)
        metadata = whole.metadata
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        rows = max(metadata.num_rows, sum(group.num_rows for group in groups))
        size = max(8 * rows * len(schema), sum(group.total_byte_size for group in groups))
        if size > most:
            raise _unfolds(path, most)
        return whole.read(use_threads=False)


def _text(path: str, kind: Kind) -> Any:
    import pyarrow
    import pyarrow.csv

    content = _content(path, kind.zipped)
    lines = content[: 1 << 24].decode("utf-8-sig", "replace").split("\n", 2)[:2]
    first, second = (line.rstrip("\r") for line in (*lines, "")[:2])
    separator = _separator(second or first, str(kind.separator))
    is_word2vec = kind.is_word2vec and (separator == " " or _is_count(first.split()))
    fields, below = _fields(first, separator, is_word2vec), _fields(second, separator, is_word2vec)
    width = len(below) - (below[-1:] == [""])
    if is_word2vec and _is_count(counts := first.split()) and int(counts[1]) + 1 == width:
        has_header, names = True, ["node_id", *map(str, range(width - 1))]
        names += [_END] * (len(below) - width)
    elif has_header := _is_header(fields, is_word2vec):
        names = fields
    else:  # the last as above
        names = ["first column", *(f"column {number}" for number in range(1, len(fields)))]
        names[-1:] = [_END] if is_word2vec and fields[-1] == "" else names[-1:]
    if len(set(names)) < len(names):
        raise InputError(f"{path}: expected columns of different names")
    if len(names) > _MOST_COLUMNS:
        raise InputError(f"{path}: expected at most {_MOST_COLUMNS:,} columns, got {len(names):,}")
    id_column = _named(names)
    if first and len(names) - names.count(_END) == (id_column is not None):
        raise InputError(
            f"{path}: expected ids and a column for each dimension, separated by"
            f" {_SEPARATORS[str(kind.separator)]}, got a single column"
        )
    types = {name: pyarrow.float32() for name in names}
    as_texts = names[0] if id_column is None else id_column
    types |= dict.fromkeys((as_texts, _END), pyarrow.string())
    table = pyarrow.csv.read_csv(
        pyarrow.BufferReader(content),
        pyarrow.csv.ReadOptions(column_names=names, skip_rows=int(has_header)),
        pyarrow.csv.ParseOptions(
            delimiter=separator,
            quote_char=False if is_word2vec else '"',
            newlines_in_values=not is_word2vec,
        ),
        pyarrow.csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False),
    )
    if id_column is not None or not table.num_rows or _are_numbered(table):
        return table
    column, start = table.column(0), table.column(0)[0].as_py()
    if is_word2vec and _integers(column) is not None:
        return table
    try:
        return table.set_column(0, names[0], column.cast(pyarrow.float32()))
    except pyarrow.ArrowInvalid:
        if kind.is_word2vec or not _are_numbers([start]):
            return table  # its first column is one of texts
        raise


def _named(names: list[str]) -> str | None:
    """The column whose name says that it holds ids."""
    exact = [one for one in names if one.lower() in _IDS or one.startswith("__index_level_")]
    return next(iter(exact + [one for one in names if one.lower().endswith("_id")]), None)


def _is_header(fields: list[str], is_word2vec: bool) -> bool:
    """Whether a first line holds names: no numbers, or the numbers of the columns."""
    values = fields[1:-1] if is_word2vec and fields[-1] == "" else fields[1:]
    if not _are_numbers(values):
        return len(fields) > 1 or not _are_numbers(fields)
    if is_word2vec:
        return False
    return _named(fields[:1]) is not None or _are_counted(fields) or _are_counted(values)


def _are_numbered(table: Any) -> bool:
    """Whether the first column holds different integers beside fractions, and is none of a series.

    That is what ids without a name look like. Of a text they are still texts.
    """
    import pyarrow.compute as pc

    names = [name for name in table.column_names if name != _END]
    stems = [re.sub(r"\d+$", "", name) for name in names[:2]]
    if len(names) < 2 or table.num_rows < 2 or stems[0] == stems[1]:
        return False
    integers = _integers(table.column(0))
    if integers is None or pc.count_distinct(integers).as_py() < len(integers):
        return False
    others = (table.column(name) for name in names[1:])
    return any(pc.any(pc.not_equal(pc.floor(one), one)).as_py() for one in others)


def _integers(column: Any) -> Any:
    """The column as integers; None where one is none."""
    import pyarrow

    if pyarrow.types.is_floating(column.type):
        return None
    try:
        return column.cast(pyarrow.int64())
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError):
        return None


def _node_ids(column: Any, name: str, path: str) -> np.ndarray:
    """[N], of texts as wide as the longest: its length counts in every row."""
    import pyarrow.compute as pc
    import pyarrow.types

    if not _is_text(column):
        return column.to_numpy()
    if column.null_count:
        raise InputError(f"{name}: expected an id in every row")
    values = column
    if pyarrow.types.is_dictionary(column.type):
        values = column.unify_dictionaries()
        values = values.chunk(0).dictionary if values.num_chunks else column
    longest = pc.max(pc.utf8_length(values)).as_py() or 0
    with open_file(path) as file:
        most = _most_bytes(file)
    if 4 * longest * len(column) > most:
        raise InputError(f"{name}: expected shorter ids, got one of {longest:,} characters")
    return np.asarray(column.to_numpy(), object).astype(str)


def _check_columns(path: str, schema: Any) -> None:
    names = schema.names
    if not names:
        raise InputError(f"{path}: expected a column for each dimension, got none")
    if len(set(names)) < len(names):
        raise InputError(f"{path}: expected columns of different names")
    if len(names) > _MOST_COLUMNS:
        raise InputError(f"{path}: expected at most {_MOST_COLUMNS:,} columns, got {len(names):,}")
    id_column = _named(names) or (names[0] if _is_text(schema.field(0)) else None)
    for field in schema:
        if not (_is_number(field) or (field.name == id_column and _is_text(field))):
            raise InputError(
                f"{path}: column {shown(field.name)}: expected numbers, a column for each"
                f" dimension, got {field.type}"
            )


def _most_bytes(file: BinaryIO) -> int:
    return most_unfolded(os.fstat(file.fileno()).st_size)


def _unfolds(path: str, most: int) -> InputError:
    return InputError(f"{path}: unfolds to more than {most:,} bytes; write it uncompressed")


def _content(path: str, zipped: bool) -> bytes:
    with open_file(path) as file:
        if not zipped:
            return file.read()
        most = _most_bytes(file)
        with gzip.open(file) as unzipped:
            content = unzipped.read(most + 1)
    if len(content) > most:
        raise _unfolds(path, most)
    return content


def _separator(line: str, expected: str) -> str:
    """What stands between the fields of a line: another one where it has none of the expected."""
    return next((one for one in (expected, *_SEPARATORS) if one in line), expected)


def _fields(line: str, separator: str, is_word2vec: bool) -> list[str]:
    if is_word2vec:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator), [])


def _is_count(fields: list[str]) -> bool:
    """Whether these are the N and D of a word2vec file."""
    return len(fields) == 2 and all(one.isascii() and one.isdigit() for one in fields)


def _are_numbers(fields: list[str]) -> bool:
    try:
        return bool(fields) and all(float(one) is not None for one in fields)
    except ValueError:
        return False


def _are_counted(fields: list[str]) -> bool:
    """0, 1, 2 ... as pandas calls the columns of an array."""
    return fields == [str(number) for number in range(len(fields))]


def _is_text(column: Any) -> bool:
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    return types.is_string(kind) or types.is_large_string(kind)


def _is_number(column: Any) -> bool:
    from pyarrow import types

    return types.is_integer(column.type) or types.is_floating(column.type)
