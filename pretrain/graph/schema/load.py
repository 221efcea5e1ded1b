"""From a schema and one of its node sets to a graph: its features, and its links of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, shown
from ..data import make_graph_data
from ..formats.tables import LABELS
from ..objects.columns import Columns
from ..objects.graph import ObjectGraph
from ..relations import EDGES, TARGETS, WEIGHTS
from .features import features_of, joined
from .files import read_schema
from .tables import ID, SOURCE, TARGET, SetTable, read_set

_WEIGHT = "weight"  # of links, where an edge set has it
_REVERSED = ("edge_type", "reversed")  # TF-GNN's mark of a set that reads its links backwards


def load_schema_graph(
    path: str | Path,
    *,
    target: str | None = None,
    label: str | None = None,
    columns: Columns | None = None,
) -> ObjectGraph:
    """Reads the nodes of one set with all that the schema has of them.

    Links to other sets are relations, and what those sets say of their nodes is joined: of the one
    node that a link leads to, or of all of them together (means of numbers, bags of the rest).

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
    target = _target(schema, target, label, str(path))
    label = _label(schema.node_sets[target], label, target)
    edge_sets = {
        name: one for name, one in sorted(schema.edge_sets.items()) if not _repeats(one, schema)
    }
    touching = {name: one for name, one in edge_sets.items() if target in (one.source, one.target)}
    others = {end for one in touching.values() for end in (one.source, one.target)}
    nodes = {
        name: read_set(f"node set {shown(name)}", schema.node_sets[name], (ID,), folder)
        for name in sorted(others | {target})
    }
    indices = {name: _index(one) for name, one in nodes.items()}
    own = nodes[target]
    parts: dict[str, Any] = dict(own.features)
    labels = _labels(parts.pop(label), schema, target, label) if label else None
    relations: dict[str, Any] = {}
    for name, one in touching.items():
        table = read_set(f"edge set {shown(name)}", one, (SOURCE, TARGET), folder)
        ends = _ends(table, one, indices, nodes)
        if one.source != target:
            ends = ends[::-1]
        other = one.target if one.source == target else one.source
        relations[f"{EDGES}{name}"] = ends
        if (weights := table.features.get(_WEIGHT)) is not None:
            relations[f"{WEIGHTS}{name}"] = weights.fillna(1).to_numpy()
        if other != target:
            relations[f"{TARGETS}{name}"] = np.array(len(nodes[other].keys[ID]))
            for key, column in joined(nodes[other].features, ends, len(own.keys[ID])).items():
                parts[f"{name}.{key}"] = column
    features, used, told = features_of(parts, columns, f"node set {shown(target)}")
    data = make_graph_data(
        name=f"tfgnn:{path}",
        features=features,
        edge_index=None if relations else np.zeros((2, 0), np.int64),
        relations=relations,
        node_ids=own.keys[ID],
        labels=labels,
    )
    unused = sorted(set(edge_sets) - set(touching))
    lines = [f"target {shown(target)}; labels {shown(label) if label else 'none'}", *told]
    if unused:
        lines.append(f"edge sets that do not touch {target} are left out: {', '.join(unused)}")
    return ObjectGraph(data, used, "; ".join(lines))


def _target(schema: Any, asked: str | None, label: str | None, where: str) -> str:
    """The node set that was asked for, or the only one that can be meant."""
    known = sorted(schema.node_sets)
    if asked is not None:
        if asked not in known:
            raise InputError(
                f"--target: {where} has no node set {shown(asked)}, but {_list(known)}"
            )
        return asked
    if len(known) == 1:
        return known[0]
    roots = [name for name in schema.info.root_set if name in known]
    labelled = [name for name in known if _label(schema.node_sets[name], None, name)]
    if label is not None:
        labelled = [name for name in known if label in schema.node_sets[name].features]
    for found in (labelled if label is not None else [], roots, labelled):
        if len(found) == 1:
            return found[0]
    raise InputError(f"{where}: whose embeddings? expected --target with one of {_list(known)}")


def _label(node_set: Any, asked: str | None, target: str) -> str | None:
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


def _repeats(edge_set: Any, schema: Any) -> bool:
    """Whether it is another set's links read backwards, which channels follow both ways anyway."""
    marks = {(one.key, one.value) for one in edge_set.metadata.extra}
    if _REVERSED not in marks:
        return False
    return any(
        other is not edge_set
        and other.metadata.filename == edge_set.metadata.filename
        and (other.source, other.target) == (edge_set.target, edge_set.source)
        for other in schema.edge_sets.values()
    )


def _index(nodes: SetTable) -> Any:
    """The ids, to be looked up."""
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


def _ends(
    table: SetTable, message: Any, indices: dict[str, Any], nodes: dict[str, SetTable]
) -> np.ndarray:
    """Row numbers of both ends, [2, E], the source first."""
    marked = {(one.key, one.value) for one in message.metadata.extra}
    keys = (TARGET, SOURCE) if _REVERSED in marked else (SOURCE, TARGET)
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


def _labels(column: Any, schema: Any, target: str, label: str) -> np.ndarray:
    if column.dtype == np.float64:
        numbers = column.fillna(-1).to_numpy()
        if (numbers != np.floor(numbers)).any():
            raise InputError(
                f"--label: {shown(label)} of {shown(target)}: expected classes, got"
                f" numbers such as {numbers[numbers != np.floor(numbers)][0]}"
            )
        return numbers.astype(np.int64)
    missing = column.isna().to_numpy()
    if any(isinstance(one, np.ndarray) for one in column.iloc[:1]):
        lengths = {len(one) for one in column}
        if len(lengths) != 1 or column.iloc[0].dtype.kind not in "iuf":
            raise InputError(
                f"--label: {shown(label)} of {shown(target)}: expected one class for"
                " each node, or 0 and 1 for each class"
            )
        return np.stack(column.tolist()).astype(np.float32)
    return np.where(missing, "", column.astype(object)).astype(str)
