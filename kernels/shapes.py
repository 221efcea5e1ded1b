"""Sizes of tensors: Python integers where they are known while TensorFlow traces."""

from __future__ import annotations

import tensorflow as tf


def num_rows(value: tf.Tensor | tf.RaggedTensor) -> int | tf.Tensor:
    """Size of the first dimension: an int where it is static, else an int32 scalar tensor."""
    if value.shape[0] is not None:
        return value.shape[0]
    if isinstance(value, tf.RaggedTensor):
        return tf.cast(value.nrows(), tf.int32)
    return tf.shape(value)[0]


def sizes(value: tf.Tensor) -> list[int | tf.Tensor]:
    """Size of each dimension: an int where it is static, else an int32 scalar tensor."""
    return [tf.shape(value)[i] if size is None else size for i, size in enumerate(value.shape)]
