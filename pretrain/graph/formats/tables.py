"""Tables of nodes and links in CSV, TSV or Parquet files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, shown
from ...files import is_litter
from ..objects.columns import Columns
from ..objects.graph import ObjectGraph, graph_of
from ..objects.links import ENDS, NO_NAME, column_of, ends_of
from .files import check_header, holds_numbers, read_table, suffix_of
from .splits import masks_in

_NODES, _EDGES = ("nodes",), ("edges", "links")
_IDS = ("id", "node_id", "node", "name")
LABELS = ("label", "labels", "class", "y", "target")


def load_tables(folder: str | Path, columns: Columns | None = None) -> ObjectGraph:
    """Reads a folder with ``edges.csv``, and perhaps ``nodes.csv``; or .tsv, .parquet.

    Raises:
        InputError: see `graph_of_tables`; or no such file, or two.
    """
    nodes, edges = (_one_file(Path(folder), names) for names in (_NODES, _EDGES))
    if edges is None:
        raise InputError(
            f"{folder}: expected edges.csv, edges.tsv or edges.parquet in it;"
            " docs/usage/datasets.md says how other projects' folders become one"
        )
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
    links, table = _tables(edges, nodes, id_column)
    ends = ends_of(links, str(edges))
    told = f"links {shown(str(ends[0]))} to {shown(str(ends[1]))}"
    if nodes is None:
        return graph_of(None, links, name=name or f"tables:{edges}", told=told)
    where = str(nodes)
    ids = _ids_of(table, id_column, where)
    _check_ids(table[ids], where)
    known = table[ids]
    told += f"; ids {shown(str(ids))}"
    table = table.set_index(ids)
    empty = [one for one in table.columns if table[one].isna().all()] if columns is None else []
    unnamed = [one for one in table.columns if str(one).startswith(NO_NAME)]
    if empty:
        told += f"; empty, left out: {', '.join(map(str, empty))}"
    label = _column(table, label_column, LABELS, where)
    table = table.drop(columns={*empty, *unnamed} - {label})
    masks, splits = masks_in(table, where)
    labels = None
    if label is not None:
        labels, told = table[label], f"{told}; labels {shown(str(label))}"
        told += f"; splits {', '.join(shown(str(one)) for one in splits)}" if splits else ""
    table = table.drop(columns=[one for one in (label, *splits) if one is not None])
    _check_ends(links, ends, known, str(edges), where)
    return graph_of(
        table,
        links,
        labels=labels,
        columns=columns,
        masks=masks if label is not None else None,
        where=where,
        name=name or f"tables:{nodes}",
        told=told,
    )


def _tables(edges: str | Path, nodes: str | Path | None, id_column: str | None) -> Any:
    """Both tables, or the first and None; ids are integers in both of them, or texts in both."""

    def ids_of(table: Any) -> Any:
        return [_ids_of(table, id_column, str(nodes))]

    def ends_in(table: Any) -> Any:
        return ends_of(table, str(edges))

    wanted = [(edges, ends_in)] + ([] if nodes is None else [(nodes, ids_of)])
    found = [read_table(path, find) for path, find in wanted]
    if not _told_by_name(found[0]):
        check_header(found[0], str(edges), ends_in(found[0]))
    ids = [
        [table[one] for one in find(table)] for (_, find), table in zip(wanted, found, strict=True)
    ]
    if all(holds_numbers(path, one) for (path, _), one in zip(wanted, ids, strict=True)):
        return found if nodes is not None else (*found, None)
    found = [read_table(path, find, as_text=True) for path, find in wanted]
    return found if nodes is not None else (*found, None)


def _told_by_name(table: Any) -> bool:
    return any(None not in (column_of(table, (a,)), column_of(table, (b,))) for a, b in ENDS)


def _ids_of(table: Any, asked: str | None, where: str) -> Any:
    ids = _column(table, asked, _IDS, where)
    return table.columns[0] if ids is None else ids


def _check_ids(ids: Any, where: str) -> None:
    column = f"{where}: column {shown(str(ids.name))}"
    missing = ids.isna().to_numpy()
    if missing.any():
        raise InputError(f"{column} has no value in row {int(missing.argmax())}")
    twice = ids.duplicated().to_numpy()
    if twice.any():
        raise InputError(
            f"{column}: two rows have the index {shown(ids[twice].tolist()[0])}; expected"
            " ids that are all different (--id-column NAME takes another column)"
        )


def _check_ends(links: Any, ends: Sequence[Any], ids: Any, edges: str, nodes: str) -> None:
    """Refuses links without an end, or to nodes that there are not."""
    for one in ends:
        missing = links[one].isna().to_numpy()
        if missing.any():
            raise InputError(
                f"{edges}: column {shown(str(one))} has no value in row {int(missing.argmax())}"
            )
    found = [links[one][~links[one].isin(ids)].tolist() for one in ends]
    if unknown := [one for several in found for one in several]:
        hint = ""
        if str(ids.name) in map(str, unknown):
            hint = "; it is in the first line there, where names of columns are expected"
        raise InputError(
            f"{edges}: {shown(unknown[0])} is not among the ids of {nodes} ({len(unknown):,} such"
            f" ends of links){hint}"
        )


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
        if not is_litter(one)
        and (suffix := suffix_of(one))
        and one[: -len(suffix)].lower() in names
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
