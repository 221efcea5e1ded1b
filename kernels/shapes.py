"""Static where known: sizes and choices in Python, as far as shapes tell in a traced graph."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def num_rows(value: tf.Tensor | tf.RaggedTensor) -> int | tf.Tensor:
    """Size of the first dimension: an int where it is static, else an int32 scalar tensor."""
    if value.shape[0] is not None:
        return value.shape[0]
    if isinstance(value, tf.RaggedTensor):
        return tf.cast(value.nrows(), tf.int32)
    return tf.shape(value)[0]


def sizes(value: tf.Tensor) -> list[int | tf.Tensor]:
    """Size of every dimension of a dense tensor, each as `num_rows` gives it."""
    dynamic = tf.shape(value)
    return [dynamic[i] if size is None else size for i, size in enumerate(value.shape)]


def choose(condition: bool | tf.Tensor, if_true: Callable, if_false: Callable):
    """What one of two functions returns; a branch of the graph only where the condition is one."""
    if tf.is_tensor(condition):
        return tf.cond(condition, if_true, if_false)
    return if_true() if condition else if_false()
