"""Files that NetworkX reads: GraphML, GEXF, and lists of edges."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import InputError, shown
from ..objects.columns import Columns
from ..objects.graph import ObjectGraph, attributes, graph_of
from ..objects.links import ENDS
from .files import not_utf8, opened
from .splits import masks_in
from .tables import LABELS

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
    told = f"features {', '.join(features[:5]) or 'none'}" + ", ..." * (len(features) > 5)
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
    """Lines of two ids and perhaps a weight, between spaces or commas; # and % begin comments."""
    import networkx

    graph = networkx.Graph()
    for number, line in enumerate(io.TextIOWrapper(file, "utf-8-sig"), 1):
        words = re.split("[#%]", line, maxsplit=1)[0].replace(",", " ").split()
        if not words or (not graph and tuple(map(str.lower, words[:2])) in ENDS):  # a header
            continue
        if len(words) not in (2, 3):
            raise ValueError(
                f"line {number}: expected two ids, and perhaps a weight; of more columns make a"
                " table with a header, for --edges"
            )
        try:
            weight = {"weight": float(words[2])} if len(words) == 3 else {}
        except ValueError:
            raise ValueError(f"line {number}: expected a weight, got {shown(words[2])}") from None
        graph.add_edge(words[0], words[1], **weight)
    return graph


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
