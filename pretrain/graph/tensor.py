"""The graph as TF-GNN's GraphTensor.

Node set "nodes", edge set "edges" with edges in the order of their targets. In training, and
wherever this package itself applies an encoder:

* features are dense, ``features`` float32 [N, F], or sparse, ``columns`` and ``values``: ragged
  [N, (k)], the columns that are not zero in each row, in any order, and the numbers there;
* the context has ``kept_columns`` float32 [1, F], 0 for the columns that a view masks;
* edges of a graph with weights have ``weight`` float32 [E].

Exported models take the plain form: ``features`` alone, and an edge set for each relation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse
import tensorflow as tf
import tensorflow_gnn as tfgnn

from .data import SPARSE_DENSITY, GraphData, feature_density
from .relations import Relation

NODE_SET = tfgnn.NODES
EDGE_SET = tfgnn.EDGES
FEATURE = "features"
COLUMNS, VALUES = "columns", "values"
KEPT_COLUMNS = "kept_columns"
STEP = "step"
EDGE_WEIGHT = "weight"  # of edges, where they have one
HOP = "hop"  # of the nodes of a sampled subgraph: edges between them and its root


def graph_tensor_from_data(data: GraphData) -> tfgnn.GraphTensor:
    """The whole graph as one component."""
    features = data.features
    if feature_density(data) <= SPARSE_DENSITY:
        if isinstance(features, np.ndarray):  # of a file in any dtype, float32 only here
            features = scipy.sparse.csr_matrix(data.feature_rows(slice(None)))
        splits = tf.constant(features.indptr, tf.int64)
        parts = {COLUMNS: features.indices, VALUES: features.data}
        node_features = {
            name: tf.RaggedTensor.from_row_splits(tf.constant(part), splits)
            for name, part in parts.items()
        }
    else:
        node_features = {FEATURE: tf.constant(data.feature_rows(slice(None)))}
    # Sorted by source, and every edge has its reverse: so the other way round by target.
    target, source = data.edge_index
    return _homogeneous(
        source, target, node_features, data.num_nodes, _edge_features(data), data.num_features
    )


def plain_graph(data: GraphData) -> tfgnn.GraphTensor:
    """The graph in the form that exported models take."""
    target, source = data.edge_index  # both directions are there: in the targets' order
    features = {FEATURE: tf.constant(data.feature_rows(slice(None)))}
    graph = _homogeneous(source, target, features, data.num_nodes, _edge_features(data))
    return _with_relations(graph, data.relations)


def plain_spec(data: GraphData) -> tfgnn.GraphTensorSpec:
    """Spec of the graphs that models of this one take, with any number of nodes and edges.

    Each relation is an edge set of its name; what is not a node is in a node set of that name.
    Edges that have weights have the feature `EDGE_WEIGHT`.
    """
    none = data.with_edges(np.zeros(0, np.int64))
    features = {FEATURE: tf.zeros([1, data.num_features])}
    source, target = none.edge_index
    graph = _homogeneous(source, target, features, 1, _edge_features(none))
    return relaxed_spec(_with_relations(graph, data.relations))


def _edge_features(links: GraphData | Relation) -> dict[str, tf.Tensor]:
    weight = links.edge_weight
    return {} if weight is None else {EDGE_WEIGHT: tf.constant(weight)}


def _with_relations(graph: tfgnn.GraphTensor, relations: Sequence[Relation]) -> tfgnn.GraphTensor:
    if not relations:
        return graph
    node_sets, edge_sets = dict(graph.node_sets), dict(graph.edge_sets)
    for one in relations:
        source, target = (tf.constant(ends, tf.int64) for ends in one.edge_index)
        target_set = NODE_SET if one.between_nodes else one.name
        if not one.between_nodes:
            sizes = tf.constant([one.num_targets], tf.int64)
            node_sets[one.name] = tfgnn.NodeSet.from_fields(sizes=sizes, features={})
        edge_sets[one.name] = tfgnn.EdgeSet.from_fields(
            sizes=tf.constant([one.edge_index.shape[1]], tf.int64),
            features=_edge_features(one),
            adjacency=tfgnn.Adjacency.from_indices((NODE_SET, source), (target_set, target)),
        )
    return tfgnn.GraphTensor.from_pieces(
        context=graph.context, node_sets=node_sets, edge_sets=edge_sets
    )


def _homogeneous(source, target, node_features, num_nodes, edge_features, num_kept_columns=None):
    context = None if num_kept_columns is None else {KEPT_COLUMNS: tf.ones([1, num_kept_columns])}
    return tfgnn.homogeneous(
        source=tf.constant(source, tf.int64),
        target=tf.constant(target, tf.int64),
        node_features=node_features,
        context_features=context,
        edge_features=edge_features or None,  # TF-GNN takes no empty ones
        node_set_sizes=tf.constant([num_nodes], tf.int64),
        edge_set_sizes=tf.constant([len(source)], tf.int64),
    )


def num_dense_features(spec: tfgnn.GraphTensorSpec) -> int | None:
    """F where the features are dense, None where they are sparse."""
    features = spec.node_sets_spec[NODE_SET].features_spec
    return features[FEATURE].shape[-1] if FEATURE in features else None


def relaxed_spec(graph: tfgnn.GraphTensor) -> tfgnn.GraphTensorSpec:
    """The graph's spec with any number of nodes and edges: views have fewer edges."""
    return graph.spec.relax(num_nodes=True, num_edges=True)


def with_step(graph: tfgnn.GraphTensor, step: tf.Tensor) -> tfgnn.GraphTensor:
    """The graph with its context feature "step" set, int64 [1]."""
    features = {**graph.context.features, STEP: tf.reshape(step, [1])}
    return tfgnn.GraphTensor.from_pieces(
        context=tfgnn.Context.from_fields(features=features),
        node_sets=dict(graph.node_sets),
        edge_sets=dict(graph.edge_sets),
    )
