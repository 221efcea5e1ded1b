"""From the features of a schema to an encoder's input: numbers, and tokens with weights.

What a column is, and its means and vocabulary, is decided once (`graph.objects.column`) and stored
with the model; here it is carried out in TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...graph.objects.column import BAG, CATEGORY, NUMBER, TEXT, VECTOR, Column
from ...sampling.network import WEIGHTS
from ...sampling.rows import MISSING

NUMBERS, TOKENS, TOKEN_WEIGHTS = "numbers", "tokens", "token_weights"
_NO_WORD = r"[^\p{L}\p{N}_]+"


class EncodeFeatures(tf.keras.layers.Layer):
    """Replaces the features of the nodes.

    Call argument: a GraphTensor with the features that the columns name. Returns: the same, whose
    node sets have ``numbers``, float32 [n, k], of columns of numbers; and ``tokens``, ragged int64
    [n, (t)], and ``token_weights``, ragged float32, of the others; whichever there are.

    Args:
        columns: by node set.
        keep: features to keep as they are, by node set.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Column]],
        keep: Mapping[str, Sequence[str]] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._columns = {name: list(found) for name, found in columns.items()}
        self._keep = {name: list(found) for name, found in (keep or {}).items()}
        self._tables: dict[str, Any] = {}

    @property
    def tables(self) -> list[Any]:
        """The vocabularies, as far as they have been needed."""
        return list(self._tables.values())

    def call(self, graph: tfgnn.GraphTensor) -> tfgnn.GraphTensor:
        """See the class."""
        node_sets = {}
        for name, node_set in graph.node_sets.items():
            features = {key: node_set[key] for key in self._keep.get(name, ())}
            numbers, tokens, weights, first = [], [], [], 0
            for one in self._columns.get(name, ()):
                if one.kind in (NUMBER, VECTOR):
                    numbers.append(_numbers(node_set[one.name], one))
                    continue
                values = node_set[one.name]
                weight = node_set.features.get(one.name + WEIGHTS)
                found, weight = self._tokens(values, weight, one, name)
                tokens.append(found + first)
                weights.append(weight)
                first += one.width
            if numbers:
                features[NUMBERS] = tf.concat(numbers, 1)
            if tokens:
                features[TOKENS] = tf.concat(tokens, 1) if len(tokens) > 1 else tokens[0]
                features[TOKEN_WEIGHTS] = tf.concat(weights, 1) if len(tokens) > 1 else weights[0]
            node_sets[name] = features
        return graph.replace_features(node_sets=node_sets)

    def _tokens(self, values, weights, column: Column, node_set: str):
        """Places in the vocabulary, ragged int64 [n, (t)], and weights; of what is in it."""
        if column.kind == TEXT:
            lower = tf.strings.lower(values, "utf-8")
            words = tf.strings.split(tf.strings.regex_replace(lower, _NO_WORD, " "))
            places = words.with_values(tf.strings.to_hash_bucket_fast(words.values, column.width))
            return places, tf.ones_like(places, tf.float32)
        if not isinstance(values, tf.RaggedTensor):
            rows = tf.range(tf.size(values), dtype=tf.int64) // values.shape[1:].num_elements()
            values = _ragged(tf.reshape(values, [-1]), rows, tf.shape(values, tf.int64)[0])
        elif values.ragged_rank > 1:
            values = values.merge_dims(1, -1)
        table = self._table(values.dtype, column, node_set)
        places = table.lookup(values.values)
        there = tf.squeeze(tf.where(places >= 0), 1)
        rows = tf.gather(values.value_rowids(), there)
        weights = tf.ones_like(places, tf.float32) if weights is None else weights.flat_values
        known = _ragged(tf.gather(places, there), rows, values.nrows())
        return known, known.with_values(tf.gather(weights, there))

    def _table(self, dtype: tf.DType, column: Column, node_set: str) -> Any:
        key = f"{node_set}/{column.name}"
        if key not in self._tables:
            values: Any = column.values
            if dtype == tf.int64:
                values = np.array([int(float(one)) for one in values], np.int64)
            with tf.init_scope():
                self._tables[key] = tf.lookup.StaticHashTable(
                    tf.lookup.KeyValueTensorInitializer(
                        tf.constant(values, dtype),
                        tf.range(len(column.values), dtype=tf.int64),
                    ),
                    default_value=-1,
                )
        return self._tables[key]


def _ragged(values: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_value_rowids(values, rows, count, validate=False)


def _numbers(values: tf.Tensor, column: Column) -> tf.Tensor:
    """Standardised, float32 [n, k]; what is missing is the mean."""
    is_integer = values.dtype == tf.int64
    missing = values == MISSING["int64"] if is_integer else tf.math.is_nan(values)
    values = tf.where(missing, tf.cast(column.mean, tf.float32), tf.cast(values, tf.float32))
    values = (values - column.mean) / (column.spread or 1.0)
    return tf.reshape(values, [tf.shape(values)[0], column.size])


def input_sizes(columns: Mapping[str, Sequence[Column]]) -> dict[str, tuple[int, int]]:
    """By node set, how many numbers its input has, and how many different tokens."""
    sizes = {}
    for name, found in columns.items():
        numbers = sum(one.size for one in found if one.kind in (NUMBER, VECTOR))
        tokens = sum(one.width for one in found if one.kind in (CATEGORY, BAG, TEXT))
        sizes[name] = numbers, tokens
    return sizes
