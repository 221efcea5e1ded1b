"""Kinds of links in one graph: `edge_type`, or an `edge_index_NAME` for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError, shown, told_of
from .adjacency import Links, check_edge_weights, distinct
from .checks import check_edges

EDGES, TARGETS, WEIGHTS = "edge_index_", "num_targets_", "edge_weight_"  # prefixes of keys
_MOST_RELATIONS = 100
_RESERVED = "<>"  # they mark the direction of a step


@dataclasses.dataclass(frozen=True, eq=False)
class Relation(Links):
    """Links of one kind, from nodes to nodes or to something else.

    Attributes:
        name: of the kind.
        edge_index: [2, E] int64, sources in [0, N) and targets in [0, num_targets); sorted, no
            duplicates, and between nodes no self-loops.
        num_targets: how many there are.
        between_nodes: whether the targets are the nodes themselves.
        edge_weight: float32 [E], above 0, of mean 1; None: ones.
    """

    name: str
    edge_index: np.ndarray
    num_targets: int
    between_nodes: bool
    edge_weight: np.ndarray | None = None


def check_relations(parts: Mapping[str, Any], num_nodes: int) -> tuple[Relation, ...]:
    """The relations of a file.

    Args:
        parts: arrays by key; ``edge_index_NAME`` [2, E] for each relation, and ``num_targets_NAME``
            where its targets are not nodes, and ``edge_weight_NAME`` [E]. Or ``edge_type`` [E],
            integers or strings, of the edges in ``edge_index``, which may have an ``edge_weight``
            [E]. Other keys are not looked at.
        num_nodes: N.

    Raises:
        InputError: both forms, a name or an array that cannot be used.
    """
    named = {
        key.removeprefix(EDGES): value for key, value in parts.items() if key.startswith(EDGES)
    }
    weights = {name: parts.get(WEIGHTS + name) for name in named}
    for key in parts:
        for prefix in (TARGETS, WEIGHTS):
            name = key.removeprefix(prefix)
            if key.startswith(prefix) and name not in named:
                raise InputError(f"{key}: there is no {EDGES}{name}")
    if parts.get("edge_type") is not None:
        if named:
            raise InputError(f"expected either edge_type or {EDGES}NAME, got both")
        named, weights = _by_type(parts["edge_type"], parts["edge_index"], parts["edge_weight"])
    if len(named) > _MOST_RELATIONS:
        raise InputError(f"expected at most {_MOST_RELATIONS} relations, got {len(named)}")
    found = []
    for name, edges in named.items():
        if not name or any(sign in name for sign in _RESERVED) or name == "links":
            raise InputError(
                f"relation {shown(name)}: expected a name without {' and '.join(_RESERVED)}, other"
                " than links"
            )
        with told_of(EDGES + name):
            targets = parts.get(TARGETS + name)
            if targets is None:
                links = check_edges(edges, num_nodes, undirected=False, weights=weights[name])
                found.append(Relation(name, links[0], num_nodes, True, links[1]))
            else:
                count = _count(targets)
                links = _bipartite(edges, num_nodes, count, weights[name])
                found.append(Relation(name, links[0], count, False, links[1]))
    return tuple(found)


def merged(relations: tuple[Relation, ...]) -> tuple[np.ndarray, np.ndarray | None]:
    """All links between nodes, [2, E], and their weights, [E]; None where none has any."""
    between = [one for one in relations if one.between_nodes]
    links = [one.edge_index for one in between]
    edges = np.concatenate([np.zeros((2, 0), np.int64), *links], axis=1)
    if all(one.edge_weight is None for one in between):
        return edges, None
    return edges, np.concatenate([one.weighted().edge_weight for one in between])


def _by_type(types: Any, edges: Any, weights: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    types, edges = np.asarray(types), np.asarray(edges)
    if types.dtype.kind not in "iuU" or types.shape != edges.shape[1:]:
        raise InputError(
            f"edge_type: expected integers or strings of shape {edges.shape[1:]}, got"
            f" {types.dtype} of {types.shape}"
        )
    names, of_edge = np.unique(types, return_inverse=True)
    prefix = "" if types.dtype.kind == "U" else "type "
    if len(names) > _MOST_RELATIONS:
        raise InputError(f"edge_type: expected at most {_MOST_RELATIONS} types, got {len(names)}")
    weights = None if weights is None else check_edge_weights(weights, edges.shape[1])
    links, of_links = {}, {}
    for number, name in enumerate(names):
        here = of_edge == number
        links[f"{prefix}{name}"] = edges[:, here]
        of_links[f"{prefix}{name}"] = None if weights is None else weights[here]
    return links, of_links


def _count(value: Any) -> int:
    value = np.asarray(value)
    if value.dtype.kind not in "iu" or value.size != 1 or not 0 < value.item() < 2**31:
        raise InputError(f"num_targets: expected an integer in [1, 2**31), got {shown(value)}")
    return int(value.item())


def _bipartite(
    edges: Any, num_sources: int, num_targets: int, weights: Any
) -> tuple[np.ndarray, np.ndarray | None]:
    edges = np.asarray(edges)
    if edges.ndim != 2 or edges.shape[0] != 2 or (edges.size and edges.dtype.kind not in "iu"):
        raise InputError(f"expected integers [2, E], got {edges.dtype} of shape {edges.shape}")
    for ends, count, what in zip(
        edges, (num_sources, num_targets), ("sources", "targets"), strict=True
    ):
        if ends.size and (ends.min() < 0 or ends.max() >= count):
            wrong = ends.min() if ends.min() < 0 else ends.max()
            raise InputError(f"expected {what} in [0, {count}), got {wrong}")
    keys = edges[0].astype(np.int64) * num_targets + edges[1].astype(np.int64)
    if weights is None:
        keys = np.unique(keys)
    else:
        keys, weights = distinct(keys, check_edge_weights(weights, len(keys)))
    return np.stack(np.divmod(keys, num_targets)), weights
