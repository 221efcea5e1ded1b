"""What all corruptors share: keys for their draws, and how they become Keras layers."""

from __future__ import annotations

import contextlib
import re

import tensorflow as tf
import tensorflow_gnn as tfgnn

from .keys import KeySource
from .padding import AUTO, KnownPadding

# Under which Keras registers the layers.
PACKAGE = "GraphBarlowTwins"


class KeyedLayer(tf.keras.layers.Layer):
    """A corruptor: graph to graph, under one key per call.

    Args:
        seed: integer for a reproducible sequence of draws, None for fresh entropy.
        step_feature: integer context feature that keys the draws, see `keys.KeySource`.
        padding: which components are padding and left alone: "auto", the name of a context feature
            that is zero in them, or None; see `padding`.
        node_id_feature: integer node feature that keys the draws for each node (and, with both
            endpoints' ids, for each edge) in place of the position in the batch. None: position.
        **kwargs: passed on to `tf.keras.layers.Layer`.

    Raises:
        TypeError: if the seed is no integer, or one of the names no string.
    """

    # Whether the views of this layer have other nodes than the graph.
    changes_nodes = False

    def __init__(
        self,
        *,
        seed: int | None = None,
        step_feature: str | None = None,
        padding: str | None = AUTO,
        node_id_feature: str | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for argument, name in (("padding", padding), ("node_id_feature", node_id_feature)):
            if name is not None and not isinstance(name, str):
                raise TypeError(f"{argument} should be a string or None (got {name!r})")
        self._keys = KeySource(seed, step_feature)
        self._padding = padding
        self._node_id_feature = node_id_feature

    def call(self, graph: tfgnn.GraphTensor) -> tfgnn.GraphTensor:
        """The corrupted view of a scalar GraphTensor."""
        if not tfgnn.is_graph_tensor(graph):
            raise ValueError(f"Expected a `GraphTensor` input (got {graph})")
        check_scalar(graph)
        return self.corrupt(graph, self._keys.next_key(graph))

    def corrupt(self, graph: tfgnn.GraphTensor, key: tf.Tensor) -> tfgnn.GraphTensor:
        """The view for a given uint64 key, a pure function.

        Subclasses define it, or `corrupt_knowing`.
        """
        return self.corrupt_knowing(graph, key, KnownPadding(graph))

    def corrupt_knowing(
        self, graph: tfgnn.GraphTensor, key: tf.Tensor, known: KnownPadding
    ) -> tfgnn.GraphTensor:
        """Like `corrupt`, with the padding as it was before other corruptions of this graph."""
        raise NotImplementedError(f"{type(self).__name__} should define corrupt(graph, key)")

    def corrupt_as_member(
        self, graph: tfgnn.GraphTensor, key: tf.Tensor, known: KnownPadding
    ) -> tfgnn.GraphTensor:
        """What a `Compose` calls: whichever of the two the most derived class defines."""
        names = {"corrupt", "corrupt_knowing"}
        definition = next(cls for cls in type(self).__mro__ if names & vars(cls).keys())
        if "corrupt_knowing" in vars(definition):
            return self.corrupt_knowing(graph, key, known)
        return self.corrupt(graph, key)

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`."""
        return {
            **super().get_config(),
            "seed": self._keys.seed,
            "step_feature": self._keys.step_feature,
            "padding": self._padding,
            "node_id_feature": self._node_id_feature,
        }


def check_scalar(graph: tfgnn.GraphTensor) -> None:
    """Refuses a batch of graphs, whose features have one more dimension than their meaning.

    Raises:
        ValueError: if the graph is not scalar.
    """
    if graph.rank != 0:
        raise ValueError(
            f"Expected a scalar GraphTensor, got a batch of shape {graph.shape}: call its"
            " merge_batch_to_components() first"
        )


class Untracked:
    """Hides a dict from Keras' attribute tracking, which would wrap it."""

    def __init__(self, value):
        self.value = value


def is_open(set_name: str, allowed_aux_pattern: str | None) -> bool:
    """Whether a node or edge set is to be corrupted: auxiliary ones only if they match."""
    if tfgnn.get_aux_type_prefix(set_name) is None:
        return True
    return allowed_aux_pattern is not None and bool(re.fullmatch(allowed_aux_pattern, set_name))


@contextlib.contextmanager
def naming(where: str):
    """Says what an error is about that the operation inside cannot know.

    TypeErrors and ValueErrors get ``where`` in front of their message. An error of a type derived
    from them, which may take other arguments, is raised as it is, from Python 3.11 on with a note.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if type(error) in (TypeError, ValueError):
            raise type(error)(f"{where}: {error}") from error
        if hasattr(error, "add_note"):
            error.add_note(where)
        raise
