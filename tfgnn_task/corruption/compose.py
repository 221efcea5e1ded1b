"""Several corruptors as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...kernels.random import derive_key
from .base import PACKAGE, KeyedLayer
from .padding import KnownPadding


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class Compose(KeyedLayer):
    """Applies corruptors one after the other, each under a key derived from this layer's.

    The members keep their own ``padding`` and ``node_id_feature``; where the padding starts is
    found on the graph that comes in, before any of them zeroes anything.

    Args:
        corruptors: corruptor layers; their own seeds are not used.
        **kwargs: see `KeyedLayer`; its ``padding`` and ``node_id_feature`` have no effect here.

    Raises:
        TypeError: if one of the corruptors is not a `KeyedLayer`, as all of this package are.
    """

    def __init__(self, corruptors: Sequence[KeyedLayer], **kwargs):
        super().__init__(**kwargs)
        corruptors = [
            tf.keras.utils.deserialize_keras_object(c) if isinstance(c, Mapping) else c
            for c in corruptors
        ]
        for corruptor in corruptors:
            if not isinstance(corruptor, KeyedLayer):
                raise TypeError(f"Compose expects corruptors (got {type(corruptor).__name__})")
        self._corruptors = corruptors
        self.changes_nodes = any(corruptor.changes_nodes for corruptor in corruptors)

    def corrupt_knowing(
        self, graph: tfgnn.GraphTensor, key: tf.Tensor, known: KnownPadding
    ) -> tfgnn.GraphTensor:
        """The view of ``graph`` under ``key`` (uint64 scalar)."""
        for index, corruptor in enumerate(self._corruptors):
            graph = corruptor.corrupt_as_member(graph, derive_key(key, index), known)
        return graph

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`."""
        serialize = tf.keras.utils.serialize_keras_object
        return {**super().get_config(), "corruptors": [serialize(c) for c in self._corruptors]}
