"""Files that NetworkX reads: GraphML, GEXF, and lists of edges."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError, shown
from ..objects.columns import Columns
from ..objects.graph import ObjectGraph, attributes, graph_of
from ..objects.links import ENDS
from .files import not_utf8
from .layout import opened
from .splits import masks_in
from .tables import LABELS

# Of lists of edges. Names that are percent-encoded, as %C3%81, begin no comment.
_COMMENT, _NUMBER = re.compile(r"\s*(#|%(\s|%|$))"), re.compile(r"-?\d+")
_HEADER = "header"
_DRAWN, _DRAWING = {"x", "y", "r", "g", "b"}, {"z", "size", "viz"}  # of Gephi, all at once


def load_network(kind: str, path: str | Path, columns: Columns | None = None) -> ObjectGraph:
    """Reads a graph; what its nodes have as attributes are features, and one may be the labels.

    Args:
        kind: one of READERS. "edgelist": two ids in a line, perhaps a weight.
        path: the file.
        columns: how features are read, as at first.

    Raises:
        InputError: a file that cannot be read, or no graph.
    """
    try:
        with opened(path) as file:
            graph = READERS[kind](file)
    except InputError:
        raise
    except UnicodeError as error:
        raise not_utf8(path, error) from None
    except Exception as error:  # of its parsers
        raise InputError(f"cannot read {path} as {kind}: {error}") from None
    if not len(graph):
        raise InputError(f"{path}: expected at least one node")
    found = {key for _, values in graph.nodes(data=True) for key in values} - {"viz"}
    names = sorted(found - _DRAWN - _DRAWING if found >= _DRAWN else found)
    if kind == "gexf":  # it calls every node's caption its label
        names = [key for key in names if key != "label"]
    label = next((key for key in names if key.lower() in LABELS), None)
    masks, splits = masks_in(attributes(graph, names), str(path)) if names else ({}, [])
    features = [key for key in names if key not in (label, *splits)]
    header = graph.graph.get(_HEADER)
    told = f"first line {shown(header)}, taken for a header; " if header else ""
    told += f"features {', '.join(features[:5]) or 'none'}" + ", ..." * (len(features) > 5)
    return graph_of(
        features or None,
        graph,
        labels=label,
        columns=columns,
        masks=masks if label else None,
        name=f"{kind}:{path}",
        where=str(path),
        told=told + (f"; labels {label}" if label else ""),
    )


def _read_edges(file: Any) -> Any:
    """Lines of two ids and perhaps a weight, between spaces or commas.

    Lines that begin with # or with % and a space are comments. A first line such as source,target,
    or one without a number above links between numbers alone, is a header.
    """
    import networkx

    rows = []
    for number, line in enumerate(io.TextIOWrapper(file, "utf-8-sig"), 1):
        words = [] if _COMMENT.match(line) else line.replace(",", " ").split()
        if words and len(words) not in (2, 3):
            raise ValueError(
                f"line {number}: expected two ids, and perhaps a weight; of more columns make a"
                " table with a header, for --edges"
            )
        parts = [one for one in re.split("[\t,]", line) if one.strip()]
        if len(words) == 3 and len(parts) == 2:  # Ulm, tab, Route 66
            raise ValueError(
                f"line {number}: expected ids without spaces, and one separator throughout; of"
                " names with spaces make a table with a header, for --edges"
            )
        if words:
            rows.append((number, words))
    graph = networkx.Graph()
    if rows and _is_header(*(words for _, words in rows)):
        graph.graph[_HEADER] = " ".join(rows.pop(0)[1])
    for number, words in rows:
        _add_edge(graph, words, number)
    return graph


def _is_header(first: Sequence[str], *others: Sequence[str]) -> bool:
    if tuple(map(str.lower, first[:2])) in ENDS:
        return True
    named = not any(map(_NUMBER.fullmatch, first[:2]))
    return bool(named and others) and all(_NUMBER.fullmatch(i) for one in others for i in one[:2])


def _add_edge(graph: Any, words: Sequence[str], number: int) -> None:
    """Adds a link; of one that is there twice the largest weight counts."""
    first, second, *written = words
    try:
        weight = float(written[0]) if written else None
    except ValueError:
        weight = math.nan
    if weight is not None and not math.isfinite(weight):
        raise ValueError(f"line {number}: expected a weight, got {shown(written[0])}")
    if not graph.has_edge(first, second):
        graph.add_edge(first, second, **({} if weight is None else {"weight": weight}))
    elif weight is not None or "weight" in graph[first][second]:
        there = graph[first][second].get("weight", 1.0)
        graph[first][second]["weight"] = max(there, 1.0 if weight is None else weight)


def _read_graphml(file: Any) -> Any:
    import networkx

    return networkx.read_graphml(file)


def _read_gexf(file: Any) -> Any:
    import networkx

    return networkx.read_gexf(file)


READERS: dict[str, Callable[[Any], Any]] = {
    "graphml": _read_graphml,
    "gexf": _read_gexf,
    "edgelist": _read_edges,
}
