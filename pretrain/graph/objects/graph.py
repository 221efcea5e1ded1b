"""Features and links of any library, to a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ...errors import InputError, shown
from ..checks import MASKS
from ..data import GraphData, make_graph_data
from ..relations import EDGES, TARGETS, WEIGHTS
from .columns import Columns
from .links import Ends, as_array, is_networkx, is_table, links_of

LINKS = "adjacency"


@dataclasses.dataclass(frozen=True, eq=False)
class ObjectGraph:
    """A graph, and how a table of its features was read.

    Attributes:
        data: the graph.
        columns: None where the features came as numbers already.
        told: what was guessed of it, in words.
        samples: `schema.samples.Samples`, where it came as subgraphs.
        sets: of a schema: "target"; "node_sets", by name how many nodes; "edge_sets", by name
            source, target, how many edges. Numbers that are not known are None.
    """

    data: GraphData
    columns: Columns | None = None
    told: str = ""
    samples: Any = None
    sets: dict[str, Any] | None = None

    def lines(self) -> list[str]:
        """What a log says of it."""
        made = [f"features: {self.columns.described()}"] if self.columns else []
        return [self.told, *made] if self.told else made


def graph_of(
    X: Any = None,
    adjacency: Any = None,
    *,
    labels: Any = None,
    columns: Columns | None = None,
    masks: Mapping[str, Any] | None = None,
    split: int = 0,
    name: str = "graph",
    where: str = "X",
    told: str = "",
) -> ObjectGraph:
    """A graph of what a notebook holds.

    Args:
        X: features [N, F]: NumPy, SciPy, DataFrame (see `Columns`; its index are the nodes' ids),
            names of node attributes of a NetworkX graph, or None: those that come with `adjacency`,
            else the graph's structure.
        adjacency: links, see `links.links_of`; or a dict of name to any of these, one for each
            relation. Ends in a DataFrame are ids, where there are ids, else row numbers. In a
            DataFrame with a column type, each type is a relation.
        labels: [N], a Series by id, or the name of an attribute or of a column of X; None: those
            that come with `adjacency`.
        columns: how to read X, as at first.
        masks: of a split, by `checks.MASKS`; None: those that come with `adjacency`.
        split: which of several splits.
        name: of the graph.
        where: what to call `X` in messages about its columns.
        told: what was guessed of it already.

    Raises:
        InputError: what cannot be used, in one line.
    """
    kinds: Any = adjacency if isinstance(adjacency, Mapping) else {LINKS: adjacency}
    if not kinds or any(one is None for one in kinds.values()):
        raise InputError("adjacency: expected links, got None; a graph without any is [2, 0]")
    links = {kind: links_of(one, _named(kind)) for kind, one in kinds.items()}
    first = next(iter(kinds.values()))
    masks = dict(masks or {})
    if (names := _strings(X)) is not None:
        if not is_networkx(first):
            raise InputError("X: names of attributes need a NetworkX graph as adjacency")
        X = attributes(first, names)
    if hasattr(first, "edge_index"):  # such as PyTorch Geometric's: more than links
        X = _first(X, getattr(first, "x", None))
        labels = _first(labels, getattr(first, "y", None))
        masks = {key: _first(masks.get(key), getattr(first, key, None)) for key in MASKS}
    if isinstance(labels, str):
        labels, X = _labels_named(labels, X, first)
    ids = _ids(X, links)
    if is_table(X) and not len(X.columns):
        X = None  # the nodes are told, and nothing of them
    features, used = X, None
    if is_table(X):
        used = columns or Columns.of(X, where=where)
        features = used.features(X, where=where)
    elif X is not None and not scipy.sparse.issparse(X):
        features = as_array(X)
    data = make_graph_data(
        name=name,
        features=features,
        node_ids=_node_ids(ids),
        labels=_labels(labels, ids),
        split=split,
        **_link_parts(links, ids),
        **masks,
    )
    return ObjectGraph(data, used, told)


def _first(given: Any, found: Any) -> Any:
    """What was given, else what was found."""
    return given if given is not None or found is None else as_array(found)


def _labels_named(name: str, X: Any, graph: Any) -> tuple[Any, Any]:
    """The column or attribute of this name, and the other features."""
    if is_table(X) and name in X.columns:
        return X[name], X.drop(columns=name)
    if is_networkx(graph):
        return attributes(graph, [name])[name], X
    raise InputError(f"labels: there is no column or attribute {shown(name)}")


def _link_parts(links: Mapping[str, Ends], ids: list[Any] | None) -> dict[str, Any]:
    """The arguments of `make_graph_data` that are links."""
    if set(links) != {LINKS}:
        relations = {}
        for kind, one in links.items():
            relations[f"{EDGES}{kind}"] = _by_row(one, ids, _named(kind))
            if one.weights is not None:
                relations[f"{WEIGHTS}{kind}"] = one.weights
            if one.num_targets is not None:
                relations[f"{TARGETS}{kind}"] = np.array(one.num_targets)
        return {"relations": relations}
    one = links[LINKS]
    if one.num_targets is not None:
        raise InputError(
            f"adjacency: expected a square matrix, got one with {one.num_targets:,} columns; links"
            ' to something else than nodes are a relation: {"name": matrix}'
        )
    several = one.types is not None and len(set(one.types.tolist())) > 1
    return {
        "edge_index": _by_row(one, ids, LINKS),
        "edge_weight": one.weights,
        "relations": {"edge_type": one.types} if several else {},
    }


def _named(kind: str) -> str:
    return LINKS if kind == LINKS else f"{LINKS}[{kind!r}]"


def _strings(X: Any) -> list[str] | None:
    """X, where it is a list of names."""
    if isinstance(X, str):
        return [X]
    if isinstance(X, (list, tuple)) and X and all(isinstance(one, str) for one in X):
        return list(X)
    return None


def attributes(graph: Any, names: Sequence[str]) -> Any:
    """A DataFrame of the nodes' attributes."""
    import pandas

    nodes = list(graph.nodes)
    values = {name: [graph.nodes[node].get(name) for node in nodes] for name in names}
    table = pandas.DataFrame(values, index=pandas.Index(nodes, tupleize_cols=False))
    for name in names:
        if table[name].isna().all():
            raise InputError(f"no node has an attribute {shown(name)}")
    return table


def _ids(X: Any, links: Mapping[str, Ends]) -> list[Any] | None:
    """The nodes in the order of their rows; None where they are known by their numbers alone."""
    orders = [one.node_ids for one in links.values() if one.node_ids is not None]
    if any(list(one) != list(orders[0]) for one in orders[1:]):
        raise InputError("adjacency: expected relations of the same nodes, in the same order")
    if is_table(X):
        ids = X.index.tolist()
        if X.index.has_duplicates:
            raise InputError(
                f"X: two rows have the index {shown(ids[X.index.duplicated().argmax()])}"
            )
        if orders and list(orders[0]) != ids:
            if set(orders[0]) != set(ids):
                raise InputError("X: expected the nodes of the graph as its index")
            raise InputError(
                "X: expected the nodes of the graph in their order: X.loc[graph.nodes]"
            )
        return ids
    if orders:
        return list(orders[0])
    by_id = [one.ends for one in links.values() if one.by_id]
    if X is not None or not by_id:
        return None
    found = set().union(*(ends.ravel().tolist() for ends in by_id))
    try:
        return sorted(found)
    except TypeError:
        raise InputError("adjacency: expected ids that are all numbers or all strings") from None


def _by_row(links: Ends, ids: list[Any] | None, where: str) -> np.ndarray:
    """The ends [2, E] as row numbers."""
    if not links.by_id:
        return links.ends
    if ids is None:
        try:
            return links.ends.astype(np.int64)
        except (TypeError, ValueError):
            raise InputError(
                f"{where}: expected row numbers, as X has no ids, got {shown(links.ends.flat[0])};"
                " a DataFrame with the ids as its index has"
            ) from None
    places = {one: place for place, one in enumerate(ids)}
    found = np.fromiter((places.get(one, -1) for one in links.ends.flat), np.int64, links.ends.size)
    if (found < 0).any():
        unknown = links.ends.flat[int(np.argmax(found < 0))]
        hint = _other_type(unknown, places)
        raise InputError(
            f"{where}: {shown(unknown)} is not in the index of X"
            f" ({int((found < 0).sum()):,} such ends of links){hint}"
        )
    return found.reshape(links.ends.shape)


def _other_type(unknown: Any, places: Mapping[Any, int]) -> str:
    """What to do where 7 is asked for and "7" is there, or the other way round."""
    for kind in (str, int):
        try:
            if kind(unknown) in places:
                return f"; {kind(unknown)!r} is: the ids are of another type here and there"
        except (TypeError, ValueError):
            continue
    return ""


def _node_ids(ids: list[Any] | None) -> Any:
    """Ids that files can hold: integers or strings."""
    if ids is None:
        return None
    if all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) for one in ids):
        return np.array(ids)
    return np.array([str(one) for one in ids])


def _labels(labels: Any, ids: list[Any] | None) -> Any:
    """In the order of the rows; missing ones as "" among strings, -1 among numbers."""
    if labels is None:
        return None
    if hasattr(labels, "reindex") and ids is not None and list(labels.index) != ids:
        labels = labels.reindex(ids)
    if not hasattr(labels, "isna"):
        labels = labels.toarray() if scipy.sparse.issparse(labels) else as_array(labels)
        if labels.dtype != object or labels.ndim != 1:
            return labels
        import pandas

        labels = pandas.Series(labels)
    missing = labels.isna().to_numpy()
    values = labels.astype(object).to_numpy()
    known = values[~missing]
    is_bool = all(isinstance(one, (bool, np.bool_)) for one in known)
    if not is_bool and all(isinstance(one, (int, float, np.number)) for one in known):
        whole = np.where(missing, -1, values).astype(np.float64)
        if (whole == np.floor(whole)).all():
            return whole.astype(np.int64)
    return np.where(missing, "", values).astype(str)
