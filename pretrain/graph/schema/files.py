"""The schema itself, and the files that its metadata name."""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path
from typing import Any

from ...errors import InputError, shown
from ...quiet import quiet_tensorflow

_SCHEMA = ".pbtxt"
_SHARDS = re.compile(r"(.*)@(\d+)")
_RECORDS, _CSV = re.compile(r"[_.-]tfrecords?|\btfr\b"), re.compile(r"[_.-]csv\b")


def read_schema(path: str | Path) -> tuple[Any, Path]:
    """A ``GraphSchema`` message, and the folder that its file names start from.

    Args:
        path: of the file, or of a folder with one ``.pbtxt``.

    Raises:
        InputError: no such file, several of them, or none with a schema whose edge sets connect
            node sets that it has.
    """
    path = Path(os.path.expanduser(path))
    if path.is_dir():
        found = sorted(one for one in path.iterdir() if one.suffix == _SCHEMA)
        if len(found) != 1:
            names = ", ".join(one.name for one in found) or "none"
            raise InputError(f"{path}: expected one schema (*{_SCHEMA}) in it, got {names}")
        (path,) = found
    with quiet_tensorflow():
        import tensorflow_gnn as tfgnn
        from google.protobuf import text_format

    try:
        text = path.read_text("utf-8")
        schema = text_format.Parse(text, tfgnn.GraphSchema())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a TF-GNN schema: {error}") from None
    if not schema.node_sets:
        raise InputError(f"{path}: expected a schema with at least one node set")
    for name, edges in sorted(schema.edge_sets.items()):
        for what, end in (("source", edges.source), ("target", edges.target)):
            if end not in schema.node_sets:
                known = ", ".join(sorted(schema.node_sets))
                raise InputError(
                    f"{path}: edge set {shown(name)}: its {what} is {shown(end)}; there are the"
                    f" node sets {known}"
                )
    return schema, path.parent


def files_of(metadata: Any, folder: Path, name: str) -> list[Path]:
    """The files of a set, in the order of their shards.

    Args:
        metadata: of the set, with its ``filename``: a file, ``NAME@SHARDS`` or a pattern.
        folder: of the schema.
        name: of the set, for messages.

    Raises:
        InputError: if one is missing, or none is named.
    """
    if not metadata.filename:
        raise InputError(f"{name}: the schema names no file (metadata, filename)")
    # An absolute name stays as it is.
    pattern = os.path.join(glob.escape(str(folder)), metadata.filename)
    name_alone = os.path.join(folder, metadata.filename)
    if sharded := _SHARDS.fullmatch(name_alone):
        count = int(sharded[2])
        found = [Path(f"{sharded[1]}-{shard:05d}-of-{count:05d}") for shard in range(count)]
    elif glob.has_magic(metadata.filename):
        found = sorted(Path(one) for one in glob.glob(pattern))
    else:
        found = [Path(name_alone)]
    if not found:
        raise InputError(f"{name}: there is no file {name_alone}")
    for one in found:
        if not one.is_file():
            raise InputError(f"{name}: there is no file {one}")
    return found


def is_record_file(path: Path, name: str) -> bool:
    """Whether a file holds TFRecords; otherwise it is a CSV file. Told by its name, as TF-GNN does.

    Raises:
        InputError: if its name says neither.
    """
    if _RECORDS.search(path.name):
        return True
    if _CSV.search(path.name):
        return False
    raise InputError(f"{name}: {path}: expected a name with .csv or .tfrecord in it")
