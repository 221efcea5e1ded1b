"""Initial states, and the readout of the roots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_gnn as tfgnn

from .inputs import NUMBERS, TOKEN_WEIGHTS, TOKENS

TOKENS_OF = "tokens_"  # and a node set: the layer that embeds its tokens


class BagOfEmbeddings(tf.keras.layers.Layer):
    """Weighted sums of embeddings, each divided by the root of the number of its tokens.

    The states of a node with three words and of one with thirty are then about as large.

    Call argument: ragged tokens [n, (t)], integers in [0, size), and their weights. Returns: [n,
    units].

    Args:
        size: number of different tokens.
        units: width of the embeddings.
    """

    def __init__(self, size: int, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self._size, self._units = size, units

    def build(self, input_shape: Any) -> None:
        """See Keras."""
        del input_shape
        self._embeddings = self.add_weight(
            "embeddings",
            (self._size, self._units),
            initializer=tf.keras.initializers.RandomNormal(stddev=1.0),
        )

    def call(self, inputs: tuple[tf.RaggedTensor, tf.RaggedTensor]) -> tf.Tensor:
        """See the class."""
        tokens, weights = inputs
        count = tokens.nrows()
        rows = tf.gather(self._embeddings, tokens.values) * weights.values[:, tf.newaxis]
        sums = tf.math.unsorted_segment_sum(rows, tokens.value_rowids(), count)
        lengths = tf.cast(tokens.row_lengths(), sums.dtype)
        return sums * tf.math.rsqrt(tf.maximum(lengths, 1))[:, tf.newaxis]

    def get_config(self) -> dict[str, Any]:
        """See Keras."""
        return {**super().get_config(), "size": self._size, "units": self._units}


class ConstantState(tf.keras.layers.Layer):
    """The same state, which is learnt, for every row.

    Call argument: [n, any]. Returns: [n, units].

    Args:
        units: width of the state.
    """

    def __init__(self, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self._units = units

    def build(self, input_shape: Any) -> None:
        """See Keras."""
        del input_shape
        self._state = self.add_weight(
            "state", (1, self._units), initializer=tf.keras.initializers.RandomNormal(stddev=1.0)
        )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """See the class."""
        return tf.repeat(self._state, tf.shape(inputs)[0], axis=0)

    def get_config(self) -> dict[str, Any]:
        """See Keras."""
        return {**super().get_config(), "units": self._units}


def initial_states(sizes: Mapping[str, tuple[int, int]], units: int) -> tf.keras.layers.Layer:
    """From an encoder's input to hidden states: dense of numbers plus embeddings of tokens.

    All nodes of a set without features start alike, with a state that is learnt.

    Args:
        sizes: see `inputs.input_sizes`.
        units: width of the states.
    """

    def of_set(nodes: Any, node_set_name: str) -> Any:
        numbers, tokens = sizes.get(node_set_name, (0, 0))
        parts = []
        if numbers:
            parts.append(
                tf.keras.layers.Dense(units, name=f"numbers_{node_set_name}")(nodes[NUMBERS])
            )
        if tokens:
            bag = BagOfEmbeddings(tokens, units, name=f"{TOKENS_OF}{node_set_name}")
            parts.append(bag((nodes[TOKENS], nodes[TOKEN_WEIGHTS])))
        if not parts:
            empty = tfgnn.keras.layers.MakeEmptyFeature()(nodes)
            return ConstantState(units, name=f"constant_{node_set_name}")(empty)
        return parts[0] if len(parts) == 1 else tf.keras.layers.Add()(parts)

    return tfgnn.keras.layers.MapFeatures(node_sets_fn=of_set, name="initial_states")


class FirstNodes(tf.keras.layers.Layer):
    """The state of each component's first node, the root, [B, D].

    Args:
        node_set: of the roots.
    """

    def __init__(self, node_set: str, **kwargs: Any):
        super().__init__(**kwargs)
        self._node_set = node_set

    def call(self, graph: tfgnn.GraphTensor) -> tf.Tensor:
        """See the class."""
        nodes = graph.node_sets[self._node_set]
        firsts = tf.cumsum(nodes.sizes, exclusive=True)
        return tf.gather(nodes[tfgnn.HIDDEN_STATE], firsts)

    def get_config(self) -> dict[str, Any]:
        """See Keras."""
        return {**super().get_config(), "node_set": self._node_set}
