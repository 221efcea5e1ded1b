"""From a schema and one of its node sets to a graph: its features, and its links of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, shown
from ..data import make_graph_data
from ..formats.tables import LABELS
from ..objects.columns import Columns
from ..objects.graph import ObjectGraph
from ..relations import EDGES, TARGETS, WEIGHTS
from .features import features_of, joined, own_parts
from .files import read_schema
from .tables import ID, SOURCE, TARGET, SetTable, read_set
from .values import STRING

_WEIGHT = "weight"  # of links, where an edge set has it
AUXILIARY = "_"  # what such names begin with
REVERSED_MARK = ("edge_type", "reversed")  # TF-GNN's mark of a set that reads its links backwards


def load_schema_graph(
    path: str | Path,
    *,
    target: str | None = None,
    label: str | None = None,
    columns: Columns | None = None,
) -> ObjectGraph:
    """Reads the nodes of one set with all that the schema has of them.

    Links to other sets are relations, and what those sets say of their nodes is joined: of all that
    are linked to one, means of numbers, and bags of the rest.

    Args:
        path: of the schema, or of its folder.
        target: the node set; may be left out where there is one, or one root, or one with labels.
        label: the feature of the target that is its label; default: the one called label, labels,
            class, y or target, if any; integers or strings, -1 and "" are unknown.
        columns: how features are read, as at first.

    Raises:
        InputError: a schema or a file that cannot be read, or does not fit: with file and row.
    """
    schema, folder = read_schema(path)
    target = target_of(schema, target, label, str(path))
    label = label_of(schema.node_sets[target], label, target)
    links, unused = _links_of(target, schema)
    others = {end for one in links.values() for end in (one.source, one.target)}
    nodes = {
        name: read_set(f"node set {shown(name)}", schema.node_sets[name], (ID,), folder)
        for name in sorted(others | {target})
    }
    indices = {name: index_of(one) for name, one in nodes.items()}
    own = nodes[target]
    num_nodes = len(own.keys[ID])
    parts = own_parts(own, columns, label)
    relations: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for name, one in links.items():
        table = read_set(f"edge set {shown(name)}", one, (SOURCE, TARGET), folder)
        ends = ends_of(table, one, indices, nodes)
        counts[name] = ends.shape[1]
        if one.source != target:
            ends = ends[::-1]
        other = one.target if one.source == target else one.source
        if not len(nodes[other].keys[ID]):
            unused[name] = f"{other} has no rows"
            continue
        key = _relation_name(name)
        relations[f"{EDGES}{key}"] = ends
        weight = table.kinds.get(_WEIGHT)
        if weight and not weight.is_list and weight.kind != STRING:
            relations[f"{WEIGHTS}{key}"] = table.features[_WEIGHT].fillna(1).to_numpy()
        if other != target:
            relations[f"{TARGETS}{key}"] = np.array(len(nodes[other].keys[ID]))
            parts |= joined(name, nodes[other], ends, num_nodes, columns)
    features, used = features_of(parts, columns, f"node set {shown(target)}")
    data = make_graph_data(
        name=f"tfgnn:{path}",
        features=features,
        edge_index=None if relations else np.zeros((2, 0), np.int64),
        relations=relations,
        node_ids=own.keys[ID],
        labels=None if label is None else labels_of(own, label, target),
    )
    told = [f"target {shown(target)}; labels {shown(label) if label else 'none'}"]
    left = sorted({*own.features} - {*parts, label})
    if left:
        told.append(f"features that say nothing of a node are left out: {', '.join(left)}")
    if unused:
        told.append(
            "edge sets left out: " + ", ".join(f"{name} ({why})" for name, why in unused.items())
        )
    sizes = {name: len(one.keys[ID]) for name, one in nodes.items()}
    sets = sets_of(schema, target, sizes, counts)
    return ObjectGraph(data, used, "; ".join(told), sets=sets)


def sets_of(
    schema: Any, target: str, nodes: Mapping[str, int], edges: Mapping[str, int]
) -> dict[str, Any]:
    """See `ObjectGraph.sets`.

    Args:
        schema: with the sets.
        target: whose embeddings are wanted.
        nodes: known numbers of nodes, by node set.
        edges: likewise of edges.
    """
    return {
        "target": target,
        "node_sets": {
            name: nodes.get(name)
            for name in sorted(schema.node_sets)
            if not name.startswith(AUXILIARY)
        },
        "edge_sets": {
            name: [one.source, one.target, edges.get(name)]
            for name, one in sorted(schema.edge_sets.items())
            if not name.startswith(AUXILIARY) and not is_marked_reversed(one)
        },
    }


def _links_of(target: str, schema: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The edge sets to read, and those to leave out, with the reason."""
    used, unused = {}, {}
    for name, one in sorted(schema.edge_sets.items()):
        if name.startswith(AUXILIARY):  # TF-GNN's own, such as _readout/seed
            continue
        if target not in (one.source, one.target):
            unused[name] = f"does not touch {target}"
        elif not one.metadata.filename:
            unused[name] = "the schema names no file"
        elif reverse_of(one, schema.edge_sets) is None:  # channels follow links both ways anyway
            used[name] = one
    return used, unused


def _relation_name(name: str) -> str:
    """The edge set's, but for what relations may not be called."""
    name = name.replace("<", "_").replace(">", "_")
    return f"{name}_" if name == "links" else name


def target_of(schema: Any, asked: str | None, label: str | None, where: str) -> str:
    """The node set that was asked for, or the only one that can be meant."""
    known = sorted(name for name in schema.node_sets if not name.startswith(AUXILIARY))
    if asked is not None:
        if asked not in known:
            raise InputError(
                f"--target: {where} has no node set {shown(asked)}, but {_list(known)}"
            )
        return asked
    if len(known) == 1:
        return known[0]
    roots = [name for name in schema.info.root_set if name in known]
    labelled = [name for name in known if label_of(schema.node_sets[name], None, name)]
    if label is not None:
        labelled = [name for name in known if label in schema.node_sets[name].features]
    for found in (labelled if label is not None else [], roots, labelled):
        if len(found) == 1:
            return found[0]
    raise InputError(f"{where}: whose embeddings? expected --target with one of {_list(known)}")


def label_of(node_set: Any, asked: str | None, target: str) -> str | None:
    """The feature that was asked for, or one whose name says that it is the label, if any."""
    features = {name for name in node_set.features if not name.startswith("#")}
    if asked is None:
        return next((name for name in LABELS if name in features), None)
    if asked not in features:
        raise InputError(
            f"--label: node set {shown(target)} has no feature {shown(asked)}, but"
            f" {_list(sorted(features))}"
        )
    return asked


def _list(names: list[str]) -> str:
    return ", ".join(names) or "none"


def reverse_of(edge_set: Any, edge_sets: Mapping[str, Any]) -> str | None:
    """The set whose links this one reads backwards: it says so, and has that one's file; or None.

    Args:
        edge_set: of a schema.
        edge_sets: of the same, by name.
    """
    if not is_marked_reversed(edge_set):
        return None
    for name, other in sorted(edge_sets.items()):
        same_file = other.metadata.filename == edge_set.metadata.filename
        ends = other.target, other.source
        if other is not edge_set and same_file and (edge_set.source, edge_set.target) == ends:
            return name
    return None


def is_marked_reversed(edge_set: Any) -> bool:
    """Whether the schema says that its file has the ends the other way round."""
    return REVERSED_MARK in {(one.key, one.value) for one in edge_set.metadata.extra}


def index_of(nodes: SetTable) -> Any:
    """The ids, to be looked up; raises InputError where one is there twice."""
    import pandas

    index = pandas.Index(nodes.keys[ID])
    if not index.is_unique:
        again = int(index.duplicated().argmax())
        first = int((nodes.keys[ID] == nodes.keys[ID][again]).argmax())
        raise InputError(
            f"{nodes.name}: {nodes.place(again)}: the id {shown(str(index[again]))} is there"
            f" already ({nodes.place(first)})"
        )
    return index


def ends_of(
    table: SetTable, message: Any, indices: dict[str, Any], nodes: dict[str, SetTable]
) -> np.ndarray:
    """Row numbers of both ends, [2, E], the source first."""
    keys = (TARGET, SOURCE) if is_marked_reversed(message) else (SOURCE, TARGET)
    ends = []
    for key, node_set in zip(keys, (message.source, message.target), strict=True):
        ids = table.keys[key]
        rows = indices[node_set].get_indexer(ids)
        if (rows < 0).any():
            row = int((rows < 0).argmax())
            raise InputError(
                f"{table.name}: {table.place(row)}: {key.removeprefix('#')} {shown(str(ids[row]))}"
                f" is no id of {nodes[node_set].name} ({int((rows < 0).sum()):,} such rows)"
            )
        ends.append(rows.astype(np.int64))
    return np.stack(ends)


def labels_of(table: SetTable, label: str, target: str) -> np.ndarray:
    """Classes [N], or 0 and 1 for each class [N, C], as `make_graph_data` takes them."""
    column, feature = table.features[label], table.kinds[label]
    expected = f"--label: {shown(label)} of node set {shown(target)}: expected"
    if feature.is_list:
        lengths = {len(one) for one in column} - {0}
        if len(lengths) != 1 or feature.kind == STRING:
            raise InputError(f"{expected} one class for each node, or 0 and 1 for each class")
        unknown = np.full(lengths.pop(), -1.0)
        return np.stack([one if len(one) else unknown for one in column]).astype(np.float32)
    if feature.kind == STRING:
        return np.where(column.isna().to_numpy(), "", column.to_numpy()).astype(str)
    numbers = column.fillna(-1).to_numpy()
    wrong = numbers != np.floor(numbers)
    if wrong.any():
        raise InputError(f"{expected} classes, got numbers such as {numbers[wrong][0]}")
    return numbers.astype(np.int64)
