"""Tables of nodes and links in CSV, TSV or Parquet files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, shown
from ...files import open_file
from ..objects.columns import Columns
from ..objects.graph import ObjectGraph, graph_of
from ..objects.links import column_of, ends_of

SUFFIXES = (".csv", ".tsv", ".parquet")
_NODES, _EDGES = ("nodes",), ("edges", "links")
_IDS = ("id", "node_id", "node", "name")
LABELS = ("label", "labels", "class", "y", "target")
_SPLITS = ("split",)


def load_tables(folder: str | Path, columns: Columns | None = None) -> ObjectGraph:
    """Reads a folder with ``edges.csv``, and perhaps ``nodes.csv``; or .tsv, .parquet.

    Raises:
        InputError: see `graph_of_tables`; or no such file, or two.
    """
    nodes, edges = (_one_file(Path(folder), names) for names in (_NODES, _EDGES))
    if edges is None:
        raise InputError(f"{folder}: expected edges.csv, edges.tsv or edges.parquet in it")
    return graph_of_tables(nodes, edges, columns=columns, name=f"tables:{folder}")


def graph_of_tables(
    nodes: str | Path | None,
    edges: str | Path,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    columns: Columns | None = None,
    name: str | None = None,
) -> ObjectGraph:
    """Reads one table with a row per node, and one with a row per link.

    Args:
        nodes: with a column of ids, perhaps one of labels and one called split (train, val, test);
            every other column is a feature, see `Columns`. None: the structure is all there is.
        edges: with two columns of ids (source and target, or the like), perhaps weight and type.
        id_column: default: the one called id, node_id, node or name; else the first one.
        label_column: default: the one called label, labels, class, y or target, if any.
        columns: how features are read, as at first.
        name: of the graph.

    Raises:
        InputError: naming the file, what was expected and what came.
    """
    links = read_table(edges)
    ends = ends_of(links, str(edges))
    told = f"links {shown(str(ends[0]))} to {shown(str(ends[1]))}"
    if nodes is None:
        return graph_of(None, links, name=name or f"tables:{edges}", told=told)
    table, where = read_table(nodes), str(nodes)
    ids = _column(table, id_column, _IDS, where)
    ids = table.columns[0] if ids is None else ids
    missing = table[ids].isna().to_numpy()
    if missing.any():
        row = int(missing.argmax())
        raise InputError(f"{where}: column {shown(str(ids))} has no value in row {row}")
    told += f"; ids {shown(str(ids))}"
    table = table.set_index(ids)
    label = _column(table, label_column, LABELS, where)
    split = column_of(table, _SPLITS)
    labels, masks = None, {}
    if label is not None:
        labels, told = table[label], f"{told}; labels {shown(str(label))}"
        if split is not None:
            masks = _masks(table[split], where)
            told = f"{told}; splits {shown(str(split))}"
    table = table.drop(columns=[one for one in (label, split) if one is not None])
    return graph_of(
        table,
        links,
        labels=labels,
        columns=columns,
        masks=masks,
        name=name or f"tables:{nodes}",
        told=told,
    )


def read_table(path: str | Path) -> Any:
    """A DataFrame of a CSV, TSV or Parquet file; texts stay texts.

    Raises:
        InputError: a file that cannot be read, or none of these.
    """
    import pandas

    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: expected a table with the suffix {', '.join(SUFFIXES)}")
    try:
        with open_file(path) as file:
            if suffix == ".parquet":
                table = pandas.read_parquet(file)
            else:
                table = pandas.read_csv(file, sep="\t" if suffix == ".tsv" else ",")
    except InputError:
        raise
    except ImportError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:  # pandas and pyarrow have many of their own
        raise InputError(f"cannot read {path}: {error}") from None
    if not len(table):
        raise InputError(f"{path}: expected a header and at least one row")
    return table


def _one_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The table with one of these names.

    Raises:
        InputError: if there are two, or no folder.
    """
    try:
        files = sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(f"dataset 'tables:{folder}': {error.strerror or error}") from None
    found = [
        one
        for one in files
        if Path(one).stem.lower() in names and Path(one).suffix.lower() in SUFFIXES
    ]
    if len(found) > 1:
        raise InputError(f"{folder}: expected one of {', '.join(found)}, got {len(found)}")
    return folder / found[0] if found else None


def _column(table: Any, asked: str | None, usual: Sequence[str], where: str) -> Any:
    """The column that was asked for, else one with a usual name, else None."""
    if asked is None:
        return column_of(table, usual)
    for name in table.columns:
        if str(name) == asked:
            return name
    known = shown([*map(str, table.columns)])
    raise InputError(f"{where}: there is no column {shown(asked)}; it has {known}")


def _masks(split: Any, where: str) -> dict[str, Any]:
    words = split.fillna("").astype(str).str.strip().str.lower().replace({"valid": "val"})
    words = words.replace({"validation": "val", "training": "train"})
    unknown = sorted(set(words) - {"train", "val", "test", ""})
    if unknown:
        raise InputError(
            f"{where}: column {shown(str(split.name))}: expected train, val or test, got"
            f" {shown(unknown[0])}"
        )
    return {f"{one}_mask": (words == one).to_numpy() for one in ("train", "val", "test")}
