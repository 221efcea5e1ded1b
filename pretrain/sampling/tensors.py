"""Sampled subgraphs as TF-GNN's GraphTensor, from memory and from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..graph.schema.tables import ID
from .memory import Subgraphs
from .network import WEIGHTS, Network


def used_schema(schema: Any, columns: Mapping[str, Sequence[Any]], target: str) -> Any:
    """The schema with the features that an encoder reads, and the ids of the roots' set.

    Args:
        schema: of subgraphs.
        columns: by node set, see `NodeSet.columns`.
        target: of the roots.
    """
    found = tfgnn.GraphSchema()
    found.CopyFrom(schema)
    for name, node_set in found.node_sets.items():
        used = {one.name for one in columns.get(name, ())}
        used |= {one + WEIGHTS for one in used} | ({ID} if name == target else set())
        for feature in set(node_set.features) - used:
            del node_set.features[feature]
        node_set.description = node_set.description or name  # an entry without content is none
    return found


def spec_of(schema: Any) -> tfgnn.GraphTensorSpec:
    """Of a single subgraph, with any number of nodes and edges."""
    return tfgnn.create_graph_spec_from_schema_pb(schema)


def graphs_in_memory(
    sample: Callable[[int], Subgraphs], network: Network, spec: tfgnn.GraphTensorSpec, batch: int
) -> Callable[[tf.Tensor], tfgnn.GraphTensor]:
    """From the number of a batch to its subgraphs, a GraphTensor [B].

    Args:
        sample: from that number to the subgraphs.
        network: whose features they get.
        spec: of one subgraph, see `spec_of`.
        batch: B.
    """
    dtypes: list[tf.DType] = []
    for name in sorted(spec.node_sets_spec):
        dtypes.append(tf.int64)
        for _, feature in sorted(spec.node_sets_spec[name].features_spec.items()):
            dtypes += [feature.dtype] + [tf.int64] * isinstance(feature, tf.RaggedTensorSpec)
    dtypes += [tf.int64, tf.int64] * len(spec.edge_sets_spec)

    def arrays(number):
        found, drawn = [], sample(int(number))
        for name in sorted(spec.node_sets_spec):
            nodes = drawn.nodes[name]
            found.append(drawn.node_sizes[name])
            for feature in sorted(spec.node_sets_spec[name].features_spec):
                if feature == ID:
                    found.append(np.char.encode(network.node_sets[name].ids[nodes], "utf-8"))
                    continue
                rows = network.node_sets[name].features[feature].take(nodes)
                found.append(_encoded(rows.values))
                found += [] if rows.lengths is None else [rows.lengths]
        for name in sorted(spec.edge_sets_spec):
            found += [drawn.edge_sizes[name], drawn.edges[name]]
        return found

    def graph(number: tf.Tensor) -> tfgnn.GraphTensor:
        parts = iter(tf.numpy_function(arrays, [number], dtypes, stateful=False))
        node_sets, edge_sets = {}, {}
        for name in sorted(spec.node_sets_spec):
            sizes, features = tf.ensure_shape(next(parts), [batch]), {}
            for key, one in sorted(spec.node_sets_spec[name].features_spec.items()):
                values = next(parts)
                if isinstance(one, tf.RaggedTensorSpec):
                    lengths = tf.ensure_shape(next(parts), [None])
                    values = tf.ensure_shape(values, [None])
                    values = tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
                else:
                    values = tf.ensure_shape(values, one.shape)
                features[key] = tf.RaggedTensor.from_row_lengths(values, sizes, validate=False)
            node_sets[name] = tfgnn.NodeSet.from_fields(
                sizes=_as_index(sizes[:, None]), features=features
            )
        for name, of_set in sorted(spec.edge_sets_spec.items()):
            sizes = tf.ensure_shape(next(parts), [batch])
            ends = _as_index(tf.ensure_shape(next(parts), [2, None]))
            names = of_set.adjacency_spec.source_name, of_set.adjacency_spec.target_name
            source, target = (
                (end, tf.RaggedTensor.from_row_lengths(ends[place], sizes, validate=False))
                for place, end in enumerate(names)
            )
            edge_sets[name] = tfgnn.EdgeSet.from_fields(
                sizes=_as_index(sizes[:, None]),
                features={},
                adjacency=tfgnn.Adjacency.from_indices(source, target),
            )
        context = tfgnn.Context.from_fields(shape=[batch], features={})
        return tfgnn.GraphTensor.from_pieces(
            context=context, node_sets=node_sets, edge_sets=edge_sets
        )

    return graph


def _as_index(numbers: tf.Tensor) -> tf.Tensor:
    return tf.cast(numbers, tf.int32)  # as `parse_example` has them


def _encoded(values: np.ndarray) -> np.ndarray:
    """Strings as bytes of UTF-8."""
    if values.dtype != object:
        return values
    flat = [one.encode("utf-8") if isinstance(one, str) else one for one in values.ravel()]
    return np.array(flat, object).reshape(values.shape)
