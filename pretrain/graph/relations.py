"""Kinds of links in one graph: `edge_type`, or an `edge_index_NAME` for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InputError, shown
from .checks import check_edges, told_of

EDGES, TARGETS = "edge_index_", "num_targets_"  # prefixes of keys
_MOST_RELATIONS = 100
_RESERVED = "<>"  # they mark the direction of a step


@dataclasses.dataclass(frozen=True, eq=False)
class Relation:
    """Links of one kind, from nodes to nodes or to something else.

    Attributes:
        name: of the kind.
        edge_index: [2, E] int64, sources in [0, N) and targets in [0, num_targets); sorted, no
            duplicates, and between nodes no self-loops.
        num_targets: how many there are.
        between_nodes: whether the targets are the nodes themselves.
    """

    name: str
    edge_index: np.ndarray
    num_targets: int
    between_nodes: bool


def check_relations(parts: Mapping[str, Any], num_nodes: int) -> tuple[Relation, ...]:
    """The relations of a file.

    Args:
        parts: arrays by key; ``edge_index_NAME`` [2, E] for each relation, and ``num_targets_NAME``
            where its targets are not nodes. Or ``edge_type`` [E], integers or strings, of the edges
            in ``edge_index``. Other keys are not looked at.
        num_nodes: N.

    Raises:
        InputError: both forms, a name or an array that cannot be used.
    """
    named = {
        key.removeprefix(EDGES): value for key, value in parts.items() if key.startswith(EDGES)
    }
    stray = [key for key in parts if key.startswith(TARGETS)]
    for key in stray:
        if key.removeprefix(TARGETS) not in named:
            raise InputError(f"{key}: there is no {EDGES}{key.removeprefix(TARGETS)}")
    if parts.get("edge_type") is not None:
        if named:
            raise InputError(f"expected either edge_type or {EDGES}NAME, got both")
        named = _by_type(parts["edge_type"], parts["edge_index"])
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
                edges = check_edges(edges, num_nodes, undirected=False)
                found.append(Relation(name, edges, num_nodes, between_nodes=True))
            else:
                count = _count(targets)
                found.append(Relation(name, _bipartite(edges, num_nodes, count), count, False))
    return tuple(found)


def merged(relations: tuple[Relation, ...]) -> np.ndarray:
    """All links between nodes, [2, E]."""
    between = [one.edge_index for one in relations if one.between_nodes]
    return np.concatenate([np.zeros((2, 0), np.int64), *between], axis=1)


def _by_type(types: Any, edges: Any) -> dict[str, Any]:
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
    return {f"{prefix}{name}": edges[:, of_edge == number] for number, name in enumerate(names)}


def _count(value: Any) -> int:
    value = np.asarray(value)
    if value.dtype.kind not in "iu" or value.size != 1 or not 0 < value.item() < 2**31:
        raise InputError(f"num_targets: expected an integer in [1, 2**31), got {shown(value)}")
    return int(value.item())


def _bipartite(edges: Any, num_sources: int, num_targets: int) -> np.ndarray:
    edges = np.asarray(edges)
    if edges.ndim != 2 or edges.shape[0] != 2 or (edges.size and edges.dtype.kind not in "iu"):
        raise InputError(f"expected integers [2, E], got {edges.dtype} of shape {edges.shape}")
    for ends, count, what in zip(
        edges, (num_sources, num_targets), ("sources", "targets"), strict=True
    ):
        if ends.size and (ends.min() < 0 or ends.max() >= count):
            wrong = ends.min() if ends.min() < 0 else ends.max()
            raise InputError(f"expected {what} in [0, {count}), got {wrong}")
    keys = np.unique(edges[0].astype(np.int64) * num_targets + edges[1].astype(np.int64))
    return np.stack(np.divmod(keys, num_targets))
