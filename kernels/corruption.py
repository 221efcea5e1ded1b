"""The corruptions in TensorFlow, bit for bit those of reference/corruption.py.

Features are dense tensors ``[N, ...]`` or `tf.RaggedTensor` of any ragged rank. Keys are uint64
scalar tensors, rates are Python floats. With static shapes everything here compiles under XLA,
except `drop_edges`, whose result has as many rows as chance decides.

One difference from NumPy remains: TensorFlow's products flush subnormal numbers to zero (all dtypes
but float16), so `dropout` does.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from .random import bernoulli, permutation
from .validation import check_rate


def shuffle_rows(value, rate: float, key: tf.Tensor):
    """Permutes ``ceil(rate * N)`` rows, chosen at random, among themselves.

    Args:
        value: dense ``[N, ...]`` or ragged, any dtype, strings included.
        rate: share of the rows, in [0, 1].
        key: uint64 scalar.

    Returns:
        A tensor of the same type and shape with the same multiset of rows.
    """
    check_rate(rate)
    if rate == 0 or (not isinstance(value, tf.RaggedTensor) and 0 in value.shape.as_list()):
        return value
    return tf.gather(value, shuffled_row_indices(_row_count(value), rate, key))


def shuffled_row_indices(rows, rate: float, key: tf.Tensor) -> tf.Tensor:
    """Int32 ``[rows]``: the row from which each row of a partly shuffled feature comes."""
    order = permutation(key, rows)
    if rate == 1:
        return order
    share = rate * (1 - 1e-12)  # see reference.corruption.shuffle_rows
    if isinstance(rows, int):  # a static count is what XLA needs for the slice
        count = math.ceil(share * rows)
    else:
        count = tf.cast(tf.math.ceil(share * tf.cast(rows, tf.float64)), tf.int32)
    chosen = order[:count]
    return tf.tensor_scatter_nd_update(
        tf.range(rows, dtype=tf.int32), tf.sort(chosen)[:, tf.newaxis], chosen
    )


def dropout(value, rate: float, key: tf.Tensor):
    """Sets entries to 0 with probability ``rate``, scales the others by ``1 / (1 - rate)``.

    Args:
        value: dense ``[N, ...]`` or ragged, of a floating dtype.
        rate: in [0, 1].
        key: uint64 scalar.

    Raises:
        TypeError: if the dtype is not floating.
    """
    if isinstance(value, tf.RaggedTensor):
        return value.with_flat_values(dropout(value.flat_values, rate, key))
    check_rate(rate)
    if rate == 0:
        return value
    check_floating(value, "dropout")
    if rate == 1:
        return tf.zeros_like(value)
    # Rounded by NumPy: TensorFlow's cast to float16 goes through float32 and rounds twice.
    scale = tf.constant(np.asarray(1 / (1 - rate), value.dtype.as_numpy_dtype))
    size = value.shape.num_elements()
    dropped = bernoulli(key, tf.size(value) if size is None else size, rate)
    dropped = tf.reshape(dropped, tf.shape(value) if size is None else value.shape)
    return tf.where(dropped, tf.zeros([], value.dtype), value * scale)


def mask_columns(value: tf.Tensor, rate: float, key: tf.Tensor) -> tf.Tensor:
    """Sets each feature column to 0 in all rows with probability ``rate``; no scaling.

    Args:
        value: dense ``[N, ...]`` of a floating dtype, ``shape[1:]`` static.
        rate: in [0, 1].
        key: uint64 scalar.

    Raises:
        TypeError: if the dtype is not floating or the value is ragged.
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
    masked = tf.reshape(bernoulli(key, columns.num_elements(), rate), columns)
    return tf.where(masked, tf.zeros([], value.dtype), value)


def drop_edges(sizes: tf.Tensor, rate: float, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Chooses the edges that stay.

    Args:
        sizes: integer ``[components]``, edges in each component.
        rate: probability of an edge to be dropped, in [0, 1].
        key: uint64 scalar.

    Returns:
        ``(rows, sizes)``: int64 indices of the edges kept, in their order, and the new sizes.
    """
    check_rate(rate)
    total = tf.reduce_sum(sizes)
    kept = tf.logical_not(bernoulli(key, tf.cast(total, tf.int32), rate))
    kept_per_component = tf.RaggedTensor.from_row_lengths(tf.cast(kept, sizes.dtype), sizes)
    return tf.where(kept)[:, 0], tf.reduce_sum(kept_per_component, axis=1)


def check_floating(value, operation: str) -> None:
    """Raises TypeError unless the dtype is floating."""
    if not value.dtype.is_floating:
        raise TypeError(f"{operation} expects a floating dtype (got {value.dtype.name})")


def _row_count(value):
    """The number of rows: an int where it is static."""
    if isinstance(value, tf.RaggedTensor):
        static = value.shape[0]
        return static if static is not None else tf.cast(value.nrows(), tf.int32)
    static = value.shape[0]
    return static if static is not None else tf.shape(value)[0]
