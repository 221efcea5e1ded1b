"""The part of sampled subgraphs that the states of their roots still depend on."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_gnn as tfgnn


class WithinHops(tf.keras.layers.Layer):
    """Keeps the nodes up to so many edges away from their root, and the edges between them.

    Of two rounds of messages the second concerns the root and its neighbours alone: of the nodes
    one in five, of the edges one in seven.

    Call argument: a scalar GraphTensor, a subgraph per component, whose edges lead away from its
    root, the first node of its node set. Returns: the same with fewer nodes, in their order.

    Args:
        hops: at least 0.
        node_set: of the roots.
    """

    def __init__(self, hops: int, node_set: str, **kwargs: Any):
        super().__init__(**kwargs)
        self._hops, self._node_set = hops, node_set

    def call(self, graph: tfgnn.GraphTensor) -> tfgnn.GraphTensor:
        """See the class."""
        distances = self._distances(graph)
        kept = {name: distance <= self._hops for name, distance in distances.items()}
        node_sets = {}
        for name, node_set in graph.node_sets.items():
            places = _places(kept[name])
            node_sets[name] = tfgnn.NodeSet.from_fields(
                sizes=_sizes(kept[name], node_set),
                features={key: tf.gather(one, places) for key, one in node_set.features.items()},
            )
        edge_sets = {}
        for name, edge_set in graph.edge_sets.items():
            source, target = _ends(edge_set)
            near = tf.gather(distances[edge_set.adjacency.source_name], source) < self._hops
            places = _places(near)
            ends = [
                (end, tf.gather(_before(kept[end], rows.dtype), tf.gather(rows, places)))
                for end, rows in (
                    (edge_set.adjacency.source_name, source),
                    (edge_set.adjacency.target_name, target),
                )
            ]
            edge_sets[name] = tfgnn.EdgeSet.from_fields(
                sizes=_sizes(near, edge_set),
                features={key: tf.gather(one, places) for key, one in edge_set.features.items()},
                adjacency=tfgnn.Adjacency.from_indices(*ends),
            )
        return tfgnn.GraphTensor.from_pieces(
            context=graph.context, node_sets=node_sets, edge_sets=edge_sets
        )

    def _distances(self, graph: tfgnn.GraphTensor) -> dict[str, tf.Tensor]:
        """Of each node the least number of edges from its root, int32 [n], or more than hops."""
        far = self._hops + 1
        found = {
            name: tf.fill([node_set.total_size], far) for name, node_set in graph.node_sets.items()
        }
        roots = tf.cumsum(graph.node_sets[self._node_set].sizes, exclusive=True)
        found[self._node_set] = tf.tensor_scatter_nd_update(
            found[self._node_set], roots[:, tf.newaxis], tf.zeros_like(roots, tf.int32)
        )
        for _ in range(self._hops):
            before = dict(found)
            for edge_set in graph.edge_sets.values():
                source, target = _ends(edge_set)
                reached = tf.gather(before[edge_set.adjacency.source_name], source) + 1
                end = edge_set.adjacency.target_name
                found[end] = tf.tensor_scatter_nd_min(found[end], target[:, tf.newaxis], reached)
        return found

    def get_config(self) -> dict[str, Any]:
        """See Keras."""
        return {**super().get_config(), "hops": self._hops, "node_set": self._node_set}


def _ends(edge_set: Any) -> tuple[tf.Tensor, tf.Tensor]:
    return edge_set.adjacency.source, edge_set.adjacency.target


# Of few operations: they are built for every set, in every round, whenever a model is traced.
def _places(kept: tf.Tensor) -> tf.Tensor:
    return tf.squeeze(tf.where(kept), 1)


def _before(kept: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """How many of those ahead of each row are kept: its new place."""
    return tf.cumsum(tf.cast(kept, dtype), exclusive=True)


def _sizes(kept: tf.Tensor, part: Any) -> tf.Tensor:
    """How many are kept of each component."""
    upto = tf.pad(tf.cumsum(tf.cast(kept, part.sizes.dtype)), [[1, 0]])
    ends = tf.cumsum(part.sizes)
    return tf.gather(upto, ends) - tf.gather(upto, ends - part.sizes)
