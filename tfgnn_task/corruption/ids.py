"""Ids of nodes and edges: draws by id do not depend on the batch, the order or the worker."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...kernels.corruption import graph as kernels
from .base import naming


def node_ids(graph: tfgnn.GraphTensor, node_set_name: str, feature_name: str) -> tf.Tensor:
    """The ids of a node set's nodes, integer ``[N]``.

    Raises:
        ValueError: if the feature does not exist, or is not one integer per node.
    """
    features = graph.node_sets[node_set_name].features
    if feature_name not in features:
        raise ValueError(
            f'node_id_feature "{feature_name}" is not a feature of node set "{node_set_name}"'
            f" (it has {sorted(features)})"
        )
    ids = features[feature_name]
    dense = not isinstance(ids, tf.RaggedTensor)
    if not (dense and ids.dtype.is_integer and ids.shape[1:].num_elements() == 1):
        raise ValueError(
            f'node_id_feature "{feature_name}" of node set "{node_set_name}" should be one integer'
            f" per node (got {ids.dtype.name} of shape {ids.shape})"
        )
    return tf.reshape(ids, [-1])


def edge_ids(
    graph: tfgnn.GraphTensor, edge_set_name: str, feature_name: str, undirected: bool = False
) -> tf.Tensor:
    """Ids of an edge set's edges, made of their endpoints', uint64 ``[E]``.

    Edges with the same endpoints have the same id. The endpoints of a hyper-edge count in the order
    of their tags.

    Raises:
        ValueError: if an endpoint's node set has no such feature.
    """
    adjacency = graph.edge_sets[edge_set_name].adjacency
    indices = adjacency.get_indices_dict()
    with naming(f'Edge set "{edge_set_name}"'):
        first, *others = (
            tf.gather(node_ids(graph, indices[tag][0], feature_name), indices[tag][1])
            for tag in sorted(indices)
        )
    for other in others:
        first = kernels.edge_ids(first, other, undirected)
    return first
