"""Embeddings to a file, in the kind that its name says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...errors import InputError
from ...graph.data import GraphData
from ..replace import replacing
from .kinds import ENDINGS, NPY, NPZ, PARQUET, Kind, kind_of

ID_COLUMN = "node_id"
_ENTRIES = 1 << 23  # that are written at a time, 32 MB


def check_kind(path: Path) -> Kind:
    """The kind of a file that is to be written.

    Raises:
        InputError: a name that says none.
    """
    if (kind := kind_of(path)) is None:
        raise InputError(f"--output {path}: expected a name that ends in {ENDINGS}")
    return kind


def check_ids(path: Path, data: GraphData) -> None:
    """Looks whether a file can hold the nodes' ids: word2vec's has nothing to quote them with.

    Raises:
        InputError: naming an id.
    """
    ids = data.node_ids
    if check_kind(path).is_word2vec and ids.dtype.kind == "U":
        for one in ids:
            if len(one.split()) != 1 or one.strip() != one or '"' in one:
                raise InputError(
                    f"--output {path}: word2vec's text has no place for the node id {str(one)!r},"
                    " with a space or a quote; write .csv"
                )


def save_embeddings(embeddings: np.ndarray, data: GraphData, path: Path) -> None:
    """Writes them whole or not at all.

    An npz file has ``node_ids`` [N] and ``embeddings`` float32 [N, D]; an npy file the latter; a
    table a column ``node_id`` and one for each dimension, ``dim_0`` ...; word2vec's text a line
    with N and D, and one for each node. Tables are written in parts, without a copy of the whole.

    Args:
        embeddings: float32 [N, D].
        data: their graph.
        path: of a kind that `check_kind` knows.
    """
    kind = check_kind(path)
    with replacing(path) as temporary, temporary.open("wb") as file:
        if kind.suffix == NPZ:
            np.savez(file, node_ids=data.node_ids, embeddings=embeddings)
        elif kind.suffix == NPY:
            np.save(file, embeddings)
        else:
            write_table(file, kind, embeddings, data.node_ids)


def write_table(file: IO[bytes], kind: Kind, embeddings: np.ndarray, ids: np.ndarray) -> None:
    """Writes a table of a kind that is no array; see `save_embeddings`."""
    import pyarrow

    count, width = embeddings.shape
    id_type = pyarrow.string() if ids.dtype.kind == "U" else pyarrow.int64()
    dimensions = [(f"dim_{number}", pyarrow.float32()) for number in range(width)]
    schema = pyarrow.schema([(ID_COLUMN, id_type), *dimensions])
    rows = max(1, _ENTRIES // width)
    with _writer(file, kind, schema, f"{count} {width}\n") as writer:
        for start in range(0, count, rows):
            part = slice(start, start + rows)
            columns = [pyarrow.array(ids[part], id_type), *map(pyarrow.array, embeddings[part].T)]
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))


@contextlib.contextmanager
def _writer(file: IO[bytes], kind: Kind, schema: Any, first_line: str) -> Iterator[Any]:
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    if kind.suffix == PARQUET:
        with pyarrow.parquet.ParquetWriter(file, schema) as writer:
            yield writer
        return
    options = pyarrow.csv.WriteOptions(
        include_header=not kind.is_word2vec,
        delimiter=kind.separator,
        quoting_style="none" if kind.is_word2vec else "needed",
    )
    with contextlib.ExitStack() as stack:
        sink: Any = file
        if kind.zipped:
            sink = stack.enter_context(pyarrow.CompressedOutputStream(file, "gzip"))
        if kind.is_word2vec:
            sink.write(first_line.encode())
        yield stack.enter_context(pyarrow.csv.CSVWriter(sink, schema, write_options=options))
