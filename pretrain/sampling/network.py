"""A graph of several node sets in memory: what subgraphs are sampled from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import scipy.sparse

from ..errors import shown
from ..graph.data import GraphData, feature_density
from ..graph.objects.column import BAG, VECTOR, Column
from ..graph.schema.features import own_parts
from ..graph.schema.files import read_schema
from ..graph.schema.load import ends_of, index_of, label_of, target_of
from ..graph.schema.tables import ID, SOURCE, TARGET, read_set
from .plan import EdgeKind
from .rows import Rows, rows_in
from .schema import edge_kinds, sampled_schema

NODES, LINKS, FEATURES = "nodes", "links", "features"
WEIGHTS = ".weights"  # what the feature is called that has the weights of a bag's things
_SPARSE_DENSITY = 0.1


class _Feature(Protocol):
    def take(self, nodes: np.ndarray) -> Rows:
        """The rows of these nodes."""


@dataclasses.dataclass(frozen=True, eq=False)
class NodeSet:
    """The nodes of one set.

    Attributes:
        ids: str [n], all different.
        features: by name.
        columns: how features become the encoder's input; not all of them do.
    """

    ids: np.ndarray
    features: Mapping[str, _Feature]
    columns: tuple[Column, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """All node sets and edge sets.

    Attributes:
        target: the node set whose embeddings are wanted.
        node_sets: by name.
        kinds: edge sets by name, in both directions.
        links: int64 [2, E] by name, row numbers in source and target, of kinds that are no reverse.
        schema: of subgraphs, see `sampled_schema`.
    """

    target: str
    node_sets: Mapping[str, NodeSet]
    kinds: Mapping[str, EdgeKind]
    links: Mapping[str, np.ndarray]
    schema: Any

    def ends(self, name: str) -> np.ndarray:
        """Int64 [2, E] of any kind."""
        original = self.kinds[name].reverse_of
        return self.links[name] if original is None else self.links[original][::-1]


def read_network(path: str | Path, target: str | None, label: str | None) -> Network:
    """Reads all sets of a schema.

    Args:
        path: of the schema, or of its folder.
        target: see `load_schema_graph`.
        label: the feature of the target that its encoder may not see; likewise.

    Raises:
        InputError: see `load_schema_graph`.
    """
    schema, folder = read_schema(path)
    target = target_of(schema, target, label, str(path))
    label = label_of(schema.node_sets[target], label, target)
    kinds = edge_kinds(schema)
    sampled = sampled_schema(schema, kinds, target)
    node_sets, indices, tables = {}, {}, {}
    for name in sorted(sampled.node_sets):
        table = read_set(f"node set {shown(name)}", schema.node_sets[name], (ID,), folder)
        tables[name], indices[name] = table, index_of(table)
        features = rows_in(table)
        columns = columns_of(table, label if name == target else None, name)
        node_sets[name] = NodeSet(table.keys[ID], features, columns)
    links = {}
    for name, kind in kinds.items():
        if kind.reverse_of is None:
            message = schema.edge_sets[name]
            table = read_set(f"edge set {shown(name)}", message, (SOURCE, TARGET), folder)
            links[name] = ends_of(table, message, indices, tables)
    return Network(target, node_sets, kinds, links, sampled)


def columns_of(table: Any, label: str | None, name: str) -> tuple[Column, ...]:
    """How the features of a `SetTable` become an encoder's input; those that say nothing do not.

    Args:
        table: of the node set.
        label: a feature to leave out.
        name: of the node set.
    """
    parts = own_parts(table, None, label)
    where = f"node set {shown(name)}"
    return tuple(Column.of(key, series, where, kind) for key, (series, kind) in parts.items())


class _GraphFeatures:
    """Dense features of a graph, which may be on disk."""

    def __init__(self, data: GraphData):
        self._data = data

    def take(self, nodes: np.ndarray) -> Rows:
        different, inverse = np.unique(nodes, return_inverse=True)
        return Rows(self._data.feature_rows(different)[inverse])


def network_of(data: GraphData) -> Network:
    """A graph of one node set, with its relations, as a network."""
    import tensorflow as tf
    import tensorflow_gnn as tfgnn

    schema = tfgnn.GraphSchema()
    ids = data.node_ids if data.node_ids is not None else np.arange(data.num_nodes)
    features, columns = _features_of(data)
    node_sets = {NODES: NodeSet(ids.astype(str), features, columns)}
    kinds, links = {LINKS: EdgeKind(NODES, NODES)}, {LINKS: data.edge_index}
    for one in data.relations:
        other = NODES if one.between_nodes else one.name
        if not one.between_nodes:
            others = np.arange(one.num_targets).astype(str)
            node_sets[other] = NodeSet(others, {}, ())
        kinds[one.name] = EdgeKind(NODES, other)
        kinds[f"reversed_{one.name}"] = EdgeKind(other, NODES, one.name)
        links[one.name] = one.edge_index
    if data.relations:  # which the links are all of
        del kinds[LINKS], links[LINKS]
    for name, node_set in node_sets.items():
        here = schema.node_sets[name]
        here.description = name
        here.features[ID].dtype = tf.string.as_datatype_enum
        for key, feature in node_set.features.items():
            rows = feature.take(np.zeros(0, np.int64))
            here.features[key].dtype = tf.as_dtype(rows.values.dtype).as_datatype_enum
            size = rows.values.shape[1] if rows.lengths is None else -1
            here.features[key].shape.dim.add().size = size
    for name, kind in kinds.items():
        schema.edge_sets[name].source, schema.edge_sets[name].target = kind.source, kind.target
    schema.info.root_set.append(NODES)
    return Network(NODES, node_sets, kinds, links, schema)


def _features_of(data: GraphData) -> tuple[dict[str, _Feature], tuple[Column, ...]]:
    features = data.features
    if not scipy.sparse.issparse(features) or feature_density(data) > _SPARSE_DENSITY:
        rows = data.feature_rows(slice(0, min(data.num_nodes, 10_000)))
        spread = float(rows.std()) or 1.0
        column = Column(FEATURES, VECTOR, float(rows.mean()), spread, size=data.num_features)
        return {FEATURES: _GraphFeatures(data)}, (column,)
    csr = scipy.sparse.csr_matrix(features)
    lengths = np.diff(csr.indptr).astype(np.int64)
    names = tuple(map(str, range(csr.shape[1])))
    bag = Column(FEATURES, BAG, values=names)
    things = Rows(csr.indices.astype(np.int64), lengths)
    weights = Rows(csr.data.astype(np.float32), lengths)
    return {FEATURES: things, FEATURES + WEIGHTS: weights}, (bag,)
