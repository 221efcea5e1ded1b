"""The corruptions of features in TensorFlow, bit for bit those of reference/corruption/features.py.

Features are dense tensors ``[N, ...]`` or `tf.RaggedTensor` of any ragged rank. Keys are uint64
scalar tensors or ints in [0, 2**64), rates are Python floats. With static shapes everything here
compiles under XLA. For edges and nodes see graph.py.

One difference from NumPy remains: TensorFlow's products flush subnormal numbers to zero (all dtypes
but float16), so `dropout` does.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from ..context import compiled_by_xla
from ..random import (
    Key,
    as_uint64,
    bernoulli,
    is_below_rate,
    random_bits,
    row_seeds,
    row_words,
    seeded_words,
)
from ..shapes import num_rows
from ..sorting import inverse_permutation, shuffle_order, stable_argsort, stable_partition
from ..validation import check_rate

Feature: TypeAlias = tf.Tensor | tf.RaggedTensor


def shuffle_rows(
    value: Feature,
    rate: float,
    key: Key,
    *,
    real_rows: int | tf.Tensor | None = None,
    ids: tf.Tensor | None = None,
) -> Feature:
    """Permutes ``ceil(rate * real_rows)`` rows, chosen at random, among themselves.

    Args:
        value: dense ``[N, ...]`` or ragged, any dtype, strings included.
        rate: share of the rows, in [0, 1].
        key: 64 bits.
        real_rows: int or int32 scalar tensor: rows from there on are padding, they stay in place
            and do not count. None: all rows are real.
        ids: optional integer ``[N]``: the draws follow the rows' ids, not their positions.

    Returns:
        A tensor of the same type and shape with the same multiset of rows.
    """
    check_rate(rate)
    if rate == 0 or value.shape.num_elements() == 0:
        return value
    rows = shuffled_row_indices(num_rows(value), rate, key, real_rows=real_rows, ids=ids)
    return tf.gather(value, rows)


def shuffled_row_indices(
    rows: int | tf.Tensor,
    rate: float,
    key: Key,
    *,
    real_rows: int | tf.Tensor | None = None,
    ids: tf.Tensor | None = None,
) -> tf.Tensor:
    """The row from which each row of a partly shuffled feature comes, int32 ``[rows]``.

    Gather several features with one result to shuffle them jointly. Arguments: see `shuffle_rows`;
    ``rows`` is an int or an int32 scalar tensor.
    """
    check_rate(rate)
    if real_rows is None:
        return _shuffled(rows, rate, key, ids)
    if tf.is_tensor(real_rows) and compiled_by_xla():
        return _shuffled_behind_padding(rows, rate, key, real_rows, ids)
    ids = None if ids is None else tf.convert_to_tensor(ids)[:real_rows]
    real = _shuffled(real_rows, rate, key, ids)
    padding = tf.range(tf.cast(real_rows, tf.int32), rows)
    source = tf.concat([real, padding], axis=0)
    return tf.ensure_shape(source, [rows if isinstance(rows, int) else None])


def _shuffled(rows, rate, key, ids):
    count = None if rate == 1 else _share(rate, rows)
    if ids is None:
        return shuffle_order(random_bits(key, rows), count)
    # In the order of the ids the rest is as without ids, so positions do not matter.
    by_id = stable_argsort(as_uint64(ids))
    order = shuffle_order(tf.gather(row_words(key, ids, 1)[:, 0], by_id), count)
    return tf.gather(tf.gather(by_id, order), inverse_permutation(by_id))


def _shuffled_behind_padding(rows, rate, key, real_rows, ids):
    """As without padding, in static shapes: padding rows last, where they do not take part."""
    row = tf.range(rows)
    is_real = row < real_rows
    if ids is None:
        by_id = row
        words = random_bits(key, rows)
    else:
        by_id = stable_argsort(as_uint64(ids))
        by_id = tf.gather(by_id, stable_partition(tf.gather(is_real, by_id)))
        words = tf.gather(row_words(key, ids, 1)[:, 0], by_id)
    # The largest word, behind any equal one of a real row.
    words = tf.where(is_real, words, tf.constant(words.dtype.max, words.dtype))
    order = shuffle_order(words, _share(rate, real_rows))
    order = tf.gather(tf.gather(by_id, order), inverse_permutation(by_id))
    return tf.where(is_real, order, row)


def _share(rate, rows):
    """``ceil(rate * rows)``, see reference.corruption.shuffle_rows for the 1e-12."""
    share = rate * (1 - 1e-12)
    if isinstance(rows, int):
        return math.ceil(share * rows)
    return tf.cast(tf.math.ceil(share * tf.cast(rows, tf.float64)), tf.int32)


def dropout(value: Feature, rate: float, key: Key, *, ids: tf.Tensor | None = None) -> Feature:
    """Sets entries to 0 with probability ``rate``, scales the others by ``1 / (1 - rate)``.

    Args:
        value: dense ``[N, ...]`` or ragged, of a floating dtype.
        rate: in [0, 1].
        key: 64 bits.
        ids: optional integer ``[N]``: the draws follow the rows' ids, not their positions.

    Raises:
        TypeError: if the dtype is not floating.
    """
    check_rate(rate)
    if rate == 0:
        return value
    check_floating(value, "dropout")
    flat = value.flat_values if isinstance(value, tf.RaggedTensor) else value
    if rate == 1:
        result = tf.zeros_like(flat)
    else:
        # Rounded by NumPy: TensorFlow's cast to float16 goes through float32 and rounds twice.
        scale = tf.constant(np.asarray(1 / (1 - rate), value.dtype.as_numpy_dtype))
        words = _entry_words(flat, key) if ids is None else _entry_words_by_id(value, key, ids)
        result = tf.where(is_below_rate(words, rate), tf.zeros([], value.dtype), flat * scale)
    return value.with_flat_values(result) if isinstance(value, tf.RaggedTensor) else result


def _entry_words(value, key):
    """A word for each entry of a dense tensor, by its position."""
    size = value.shape.num_elements()
    words = random_bits(key, tf.size(value) if size is None else size)
    return tf.reshape(words, tf.shape(value) if size is None else value.shape)


def _entry_words_by_id(value, key, ids):
    """A word for each entry of the flat values, by its row's id and its position in the row."""
    seeds = row_seeds(key, ids)
    if isinstance(value, tf.RaggedTensor):
        flat = value.flat_values
        splits = value.nested_row_splits[0]
        for inner in value.nested_row_splits[1:]:
            splits = tf.gather(inner, splits)
        splits = tf.cast(splits, tf.int64)
        row_of = tf.RaggedTensor.from_row_splits(flat, splits, validate=False).value_rowids()
        seeds = tf.gather(seeds, row_of)
        first = tf.range(tf.shape(flat, tf.int64)[0]) - tf.gather(splits, row_of)
    else:
        flat, first = value, tf.zeros([1], tf.int64)
    inner_shape = tf.shape(flat, tf.int64)[1:]
    inner_size = tf.reduce_prod(inner_shape)
    positions = first[:, tf.newaxis] * inner_size + tf.range(inner_size)
    return tf.reshape(seeded_words(seeds[:, tf.newaxis], positions), tf.shape(flat))


def mask_columns(value: tf.Tensor, rate: float, key: Key) -> tf.Tensor:
    """Sets each feature column to 0 in all rows with probability ``rate``; no scaling.

    Args:
        value: dense ``[N, ...]`` of a floating dtype, ``shape[1:]`` static.
        rate: in [0, 1].
        key: 64 bits.

    Raises:
        TypeError: if the dtype is not floating or the value is ragged.
        ValueError: if ``shape[1:]`` is not static.
    """
    if isinstance(value, tf.RaggedTensor):
        raise TypeError(
            "mask_columns expects a dense feature (got a ragged one: it has no columns)"
        )
    check_rate(rate)
    if rate == 0:
        return value
    check_floating(value, "mask_columns")
    columns = value.shape[1:]
    if columns.num_elements() is None:
        raise ValueError(f"mask_columns expects columns of static number (got {value.shape})")
    masked = tf.reshape(bernoulli(key, columns.num_elements(), rate), columns)
    return tf.where(masked, tf.zeros([], value.dtype), value)


def check_floating(value, operation: str) -> None:
    """Raises TypeError unless the dtype is floating."""
    if not value.dtype.is_floating:
        raise TypeError(f"{operation} expects a floating dtype (got {value.dtype.name})")
