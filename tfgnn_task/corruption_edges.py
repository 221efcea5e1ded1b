"""The corruptor that changes the structure of a graph."""

from __future__ import annotations

import numbers
from collections.abc import Mapping

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..kernels import corruption as kernels
from ..kernels.random import derive_key
from .corruption_base import PACKAGE, KeyedLayer, Untracked, is_open
from .corruption_spec import WILDCARD


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class DropEdges(KeyedLayer):
    """Removes each edge with a given probability, with its features; sizes are updated.

    The number of edges is dynamic afterwards. `runner.run` wants all graphs of a task to have one
    spec: give it a gtspec without a static number of edges, ``spec.relax(num_edges=True)``.

    Args:
        rate: one probability for all edge sets, or ``{edge set name: probability}`` in which "*"
            stands for every edge set not listed (without it, those keep their edges).
        seed: integer for a reproducible sequence of draws, None for fresh entropy.
        step_feature: integer context feature that keys the draws, see `random.KeySource`.
        **kwargs: passed on to `tf.keras.layers.Layer`.

    Raises:
        TypeError: if a rate is not a number.
        ValueError: if a rate is not in [0, 1]; when called, if an edge set does not exist.
    """

    def __init__(self, rate: float | Mapping[str, float] = 0.0, **kwargs):
        super().__init__(**kwargs)
        rates = dict(rate) if isinstance(rate, Mapping) else {WILDCARD: rate}
        for name, value in rates.items():
            if not isinstance(value, numbers.Real):
                raise TypeError(f'Edge set "{name}": rate should be a number (got {value!r})')
            if not 0 <= value <= 1:
                raise ValueError(f'Edge set "{name}": rate should be in [0, 1] (got {value})')
        self._rates = Untracked(rates)

    def corrupt(self, graph: tfgnn.GraphTensor, key: tf.Tensor) -> tfgnn.GraphTensor:
        """The view of ``graph`` under ``key`` (uint64 scalar)."""
        rates = self._rates.value
        unknown = sorted(set(rates) - set(graph.edge_sets) - {WILDCARD})
        if unknown:
            raise ValueError(
                f"DropEdges names edge sets that the graph does not have: {unknown}"
                f" (it has {sorted(graph.edge_sets)})"
            )
        edge_sets = {}
        for name, edge_set in graph.edge_sets.items():
            rate = rates.get(name, rates.get(WILDCARD, 0.0))
            if rate > 0 and is_open(name, None):
                edge_set = _drop_edges(edge_set, rate, derive_key(key, f"edge_set:{name}"))
            edge_sets[name] = edge_set
        return tfgnn.GraphTensor.from_pieces(
            context=graph.context, node_sets=dict(graph.node_sets.items()), edge_sets=edge_sets
        )

    def get_config(self):
        """See `tf.keras.layers.Layer`."""
        return {**super().get_config(), "rate": dict(self._rates.value)}


def _drop_edges(edge_set: tfgnn.EdgeSet, rate: float, key: tf.Tensor) -> tfgnn.EdgeSet:
    rows, sizes = kernels.drop_edges(edge_set.sizes, rate, key)
    adjacency = edge_set.adjacency
    indices = {
        tag: (adjacency.node_set_name(tag), tf.gather(adjacency[tag], rows))
        for tag in adjacency.get_indices_dict()
    }
    if isinstance(adjacency, tfgnn.Adjacency):
        kept = tfgnn.Adjacency.from_indices(
            source=indices[tfgnn.SOURCE], target=indices[tfgnn.TARGET]
        )
    else:
        kept = tfgnn.HyperAdjacency.from_indices(indices)
    return tfgnn.EdgeSet.from_fields(
        features={name: tf.gather(value, rows) for name, value in edge_set.features.items()},
        sizes=sizes,
        adjacency=kept,
    )
