"""What all corruptors share: keys for their draws, and how they become Keras layers."""

from __future__ import annotations

import re

import tensorflow as tf
import tensorflow_gnn as tfgnn

from .random import KeySource

# Under which Keras registers the layers.
PACKAGE = "GraphBarlowTwins"


class KeyedLayer(tf.keras.layers.Layer):
    """A corruptor: graph to graph, under one key per call.

    Args:
        seed: integer for a reproducible sequence of draws, None for fresh entropy.
        step_feature: integer context feature that keys the draws, see `random.KeySource`.
        **kwargs: passed on to `tf.keras.layers.Layer`.
    """

    def __init__(self, *, seed: int | None = None, step_feature: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self._keys = KeySource(seed, step_feature)

    def call(self, graph: tfgnn.GraphTensor) -> tfgnn.GraphTensor:
        """The corrupted view of a scalar GraphTensor."""
        if not tfgnn.is_graph_tensor(graph):
            raise ValueError(f"Expected a `GraphTensor` input (got {graph})")
        return self.corrupt(graph, self._keys.next_key(graph))

    def corrupt(self, graph: tfgnn.GraphTensor, key: tf.Tensor) -> tfgnn.GraphTensor:
        """The view for a given uint64 key, a pure function; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} should define corrupt(graph, key)")

    def get_config(self):
        """See `tf.keras.layers.Layer`."""
        return {
            **super().get_config(),
            "seed": self._keys.seed,
            "step_feature": self._keys.step_feature,
        }


class Untracked:
    """Hides a dict from Keras' attribute tracking, which would wrap it."""

    def __init__(self, value):
        self.value = value


def is_open(set_name: str, allowed_aux_pattern: str | None) -> bool:
    """Whether a node or edge set is to be corrupted: auxiliary ones only if they match."""
    if tfgnn.get_aux_type_prefix(set_name) is None:
        return True
    return allowed_aux_pattern is not None and bool(re.fullmatch(allowed_aux_pattern, set_name))
