"""The corruptor that drops nodes."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from .base import PACKAGE, is_open
from .drop import Drop
from .ids import node_ids


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class DropNodes(Drop):
    """Drops each node with a given probability, with its features and its edges in every edge set.

    The other nodes are renumbered, sizes are updated. Nodes to which an auxiliary edge set (named
    "_...", such as "_readout/paper") refers are kept, so that auxiliary sets stay as they are.

    Without padding, the dropped nodes are gone, and the numbers of nodes and edges are dynamic
    afterwards. In a padded graph, they move into the first padding component with zero features;
    their edges as in `DropEdges`. Only real nodes are dropped. Where a node set, or one that edges
    connect it with, has no node in the padding, it keeps its nodes. Under XLA, where shapes are
    static, the graph has to be padded and every node set to drop from has to have a feature.

    The views have other rows than the graph: `BarlowTwinsTask` accepts this corruptor with
    ``readout="first_node"`` only.

    Args:
        rate: one probability for all node sets, or ``{node set name: probability}`` in which "*"
            stands for every node set not listed (without it, those keep their nodes).
        keep_first_node: never drop the first node of a component, the root of a sampled subgraph.
        **kwargs: see `KeyedLayer`.

    Raises:
        TypeError: if a rate is not a number.
        ValueError: if a rate is not in [0, 1]; when called, if a node set does not exist.

    Source: You et al., "Graph contrastive learning with augmentations" (GraphCL, 2020), table 1.
    """

    kind = "node"
    changes_nodes = True

    def __init__(
        self,
        rate: float | Mapping[str, float] = 0.0,
        *,
        keep_first_node: bool = True,
        **kwargs,
    ):
        super().__init__(rate, **kwargs)
        self._keep_first_node = bool(keep_first_node)

    def _drawn(self, graph, name, rows, draw):
        by_id = self._node_id_feature
        drawn = draw(ids=None if by_id is None else node_ids(graph, name, by_id))
        if self._keep_first_node:
            sizes = graph.node_sets[name].sizes
            # Of an empty component the index behind all rows, which marks none.
            first = tf.where(
                sizes > 0, tf.cumsum(sizes, exclusive=True), tf.cast(rows, sizes.dtype)
            )
            drawn &= ~_marked(first, rows)
        touched = {name}
        for edge_set_name, edge_set in graph.edge_sets.items():
            endpoints = edge_set.adjacency.get_indices_dict().values()
            if name not in (end for end, _ in endpoints):
                continue
            if is_open(edge_set_name, None):
                touched |= {end for end, _ in endpoints}
                continue
            for end, index in endpoints:  # auxiliary edge sets stay as they are
                if end == name:
                    drawn &= ~_marked(index, rows)
        return drawn, touched

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`."""
        return {**super().get_config(), "keep_first_node": self._keep_first_node}


def _marked(indices, rows):
    """Bool ``[rows]``: True at the indices; the index ``rows`` marks nothing."""
    flags = tf.zeros([rows + 1], tf.bool)
    marks = tf.ones_like(indices, tf.bool)
    return tf.tensor_scatter_nd_update(flags, indices[:, tf.newaxis], marks)[:rows]
