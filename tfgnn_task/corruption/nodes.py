"""The corruptor that drops nodes."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...kernels.corruption import graph as kernels
from ...kernels.random import derive_key
from .base import PACKAGE, KeyedLayer, Untracked, is_open
from .ids import node_ids
from .padding import KnownPadding
from .spec import WILDCARD, check_set_names, rates_by_set
from .structure import Structure, row_count


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class DropNodes(KeyedLayer):
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
        **kwargs: ``seed``, ``step_feature``, ``padding``, ``node_id_feature``: see `KeyedLayer`;
            others are passed on to `tf.keras.layers.Layer`.

    Raises:
        TypeError: if a rate is not a number.
        ValueError: if a rate is not in [0, 1]; when called, if a node set does not exist.

    Source: You et al., "Graph contrastive learning with augmentations" (GraphCL, 2020), table 1.
    """

    changes_nodes = True

    def __init__(
        self,
        rate: float | Mapping[str, float] = 0.0,
        *,
        keep_first_node: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._rates = Untracked(rates_by_set(rate, "node set"))
        self._keep_first_node = bool(keep_first_node)

    @tf.autograph.experimental.do_not_convert
    def corrupt_knowing(
        self, graph: tfgnn.GraphTensor, key: tf.Tensor, known: KnownPadding
    ) -> tfgnn.GraphTensor:
        """The view of ``graph`` under ``key`` (uint64 scalar)."""
        rates = self._rates.value
        check_set_names(rates, graph.node_sets, "node set", "DropNodes")
        structure = Structure(graph, self._padding, known.real_components(self._padding))
        dropped = {}
        for name in graph.node_sets:
            rate = rates.get(name, rates.get(WILDCARD, 0.0))
            if rate > 0 and is_open(name, None):
                structure.refuse_removal_under_xla(f'DropNodes of node set "{name}"')
                dropped[name] = self._dropped(
                    graph, name, rate, derive_key(key, f"node_set:{name}"), structure
                )
        if not dropped:
            return graph
        return structure.without(_incident_edges(graph, dropped, structure), dropped)

    def _dropped(self, graph, name, rate, key, structure):
        """Bool ``[N]``: which nodes of one node set go."""
        node_set = graph.node_sets[name]
        rows = row_count(node_set)
        ids = None
        if self._node_id_feature is not None:
            ids = node_ids(graph, name, self._node_id_feature)
        dropped = kernels.dropped_rows(key, rows, rate, ids=ids)
        dropped &= structure.is_real(node_set, rows)
        dropped &= structure.can_move(_with_neighbours(graph, name))
        if self._keep_first_node:
            dropped &= ~_marked(_first_rows(node_set.sizes, rows), rows)
        for index in _auxiliary_references(graph, name):
            dropped &= ~_marked(index, rows)
        return dropped

    def get_config(self):
        """See `tf.keras.layers.Layer`."""
        return {
            **super().get_config(),
            "rate": dict(self._rates.value),
            "keep_first_node": self._keep_first_node,
        }


def _incident_edges(graph, dropped, structure):
    """Bool ``[E]`` for every edge set that a node set with dropped nodes is an endpoint of."""
    result = {}
    for name, edge_set in graph.edge_sets.items():
        ends = [
            tf.gather(dropped[node_set_name], index)
            for node_set_name, index in edge_set.adjacency.get_indices_dict().values()
            if node_set_name in dropped
        ]
        if ends and is_open(name, None):
            edges = tf.reduce_any(tf.stack(ends), axis=0)
            result[name] = edges & structure.is_real(edge_set, row_count(edge_set))
    return result


def _with_neighbours(graph, name):
    """The node set and those that edges connect it with."""
    names = {name}
    for edge_set_name, edge_set in graph.edge_sets.items():
        ends = {end for end, _ in edge_set.adjacency.get_indices_dict().values()}
        if name in ends and is_open(edge_set_name, None):
            names |= ends
    return names


def _auxiliary_references(graph, name):
    """Indices into the node set from auxiliary edge sets."""
    return [
        index
        for edge_set_name, edge_set in graph.edge_sets.items()
        if not is_open(edge_set_name, None)
        for end, index in edge_set.adjacency.get_indices_dict().values()
        if end == name
    ]


def _first_rows(sizes, rows):
    """The first row of each component; ``rows``, which is none, for an empty one."""
    starts = tf.cumsum(sizes, exclusive=True)
    return tf.where(sizes > 0, starts, tf.cast(rows, sizes.dtype))


def _marked(indices, rows):
    """Bool ``[rows]``: True at the indices; the index ``rows`` marks nothing."""
    flags = tf.zeros([rows + 1], tf.bool)
    marks = tf.ones_like(indices, tf.bool)
    return tf.tensor_scatter_nd_update(flags, indices[:, tf.newaxis], marks)[:rows]
