"""The corruptor that drops edges."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...kernels.corruption import graph as kernels
from .base import PACKAGE, Untracked
from .drop import Drop
from .ids import edge_ids
from .padding import KnownPadding
from .spec import check_set_names


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class DropEdges(Drop):
    """Drops each edge with a given probability, with its features; sizes are updated.

    Without padding, the dropped edges are gone, and the number of edges is dynamic afterwards.
    `runner.run` wants all graphs of a task to have one spec: give it a gtspec without a static
    number of edges, ``spec.relax(num_edges=True)``.

    In a padded graph, they move into the first padding component: they connect its first nodes,
    their features are zero, and all totals stay as they are. Only real edges are dropped. Where the
    padding has no node of an endpoint's node set, there is nowhere to move to, and the edge set
    keeps its edges. Under XLA, where shapes are static, the graph has to be padded.

    Args:
        rate: one probability for all edge sets, or ``{edge set name: probability}`` in which "*"
            stands for every edge set not listed (without it, those keep their edges).
        undirected: True, or a collection of names of edge sets, in which the two directions of an
            edge, and duplicates, share one draw: all of them stay or all go. (True stands for all
            edge sets with a positive rate.)
        **kwargs: see `KeyedLayer`. With node ids, edges with the same two endpoints share one draw.

    Raises:
        TypeError: if a rate is not a number, or ``undirected`` neither bool nor a collection.
        ValueError: if a rate is not in [0, 1]; when called, if an edge set does not exist, or an
            undirected one does not connect a node set with itself.
    """

    kind = "edge"

    def __init__(
        self,
        rate: float | Mapping[str, float] = 0.0,
        *,
        undirected: bool | Collection[str] = False,
        **kwargs,
    ):
        super().__init__(rate, **kwargs)
        if not isinstance(undirected, bool):
            if isinstance(undirected, str) or not isinstance(undirected, Collection):
                raise TypeError(
                    "undirected should be a bool or a collection of names of edge sets"
                    f" (got {undirected!r})"
                )
            undirected = sorted(undirected)
        self._undirected = Untracked(undirected)

    def corrupt_knowing(
        self, graph: tfgnn.GraphTensor, key: tf.Tensor, known: KnownPadding
    ) -> tfgnn.GraphTensor:
        """The view of ``graph`` under ``key`` (uint64 scalar)."""
        undirected = self._undirected.value
        if not isinstance(undirected, bool):
            check_set_names(undirected, graph.edge_sets, "edge set", "DropEdges(undirected=...)")
        return super().corrupt_knowing(graph, key, known)

    def _drawn(self, graph, name, rows, draw):
        undirected = self._undirected.value
        undirected = undirected if isinstance(undirected, bool) else name in undirected
        endpoints = graph.edge_sets[name].adjacency.get_indices_dict()
        node_set_names = [node_set_name for node_set_name, _ in endpoints.values()]
        if undirected and (
            set(endpoints) != {tfgnn.SOURCE, tfgnn.TARGET} or len(set(node_set_names)) != 1
        ):
            raise ValueError(
                f'Edge set "{name}" cannot be undirected: its edges do not connect two nodes of one'
                f" node set (they connect {node_set_names})"
            )
        by = {}
        if self._node_id_feature is not None:
            by["ids"] = edge_ids(graph, name, self._node_id_feature, undirected)
        elif undirected:
            ends = (endpoints[tag][1] for tag in (tfgnn.SOURCE, tfgnn.TARGET))
            by["representatives"] = kernels.pair_representatives(*ends)
        return draw(**by), node_set_names

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`."""
        return {**super().get_config(), "undirected": self._undirected.value}
