"""Keyed random bits in TensorFlow, bit for bit those of reference/random.py.

A key is a uint64 scalar tensor. Everything is stateless and compiles under XLA where ``count`` is
static; eager, graph and XLA give the same bits (alg=1 is Philox4x32-10 on every device).
"""

from __future__ import annotations

import tensorflow as tf

from ..reference.random import hash_name
from .validation import check_rate

_PHILOX = 1


def random_bits(key: tf.Tensor, count, *, stream=0, dtype: tf.DType = tf.uint32) -> tf.Tensor:
    """The first ``count`` words of a stream.

    Args:
        key: uint64 scalar.
        count: int or integer scalar tensor.
        stream: int in [0, 2**64) or uint64 scalar tensor.
        dtype: uint32, or uint64 for words of 64 bits.

    Returns:
        ``dtype`` tensor ``[count]``.
    """
    # Each word becomes a tensor by itself: a Python list of mixed large ints would pass through
    # float64 and lose bits.
    counter = tf.stack([tf.constant(0, tf.uint64), tf.convert_to_tensor(stream, tf.uint64)])
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=tf.reshape(tf.convert_to_tensor(count, tf.int32), [1]),
        key=tf.reshape(tf.convert_to_tensor(key, tf.uint64), [1]),
        counter=counter,
        alg=_PHILOX,
        dtype=dtype,
    )


def derive_key(key: tf.Tensor, name: str | int | tf.Tensor) -> tf.Tensor:
    """A key of its own for a part of a computation, see reference/random.py.

    Args:
        key: uint64 scalar.
        name: str, int in [0, 2**64), or an integer scalar tensor such as a step counter.

    Returns:
        uint64 scalar.
    """
    if isinstance(name, str):
        name = hash_name(name)
    elif tf.is_tensor(name):
        name = tf.cast(name, tf.uint64)
    return random_bits(key, 1, stream=name, dtype=tf.uint64)[0]


def bernoulli(key: tf.Tensor, count, rate: float) -> tf.Tensor:
    """Bool ``[count]``, each True with probability ``rate`` (a Python float in [0, 1]).

    Raises:
        ValueError: if ``rate`` is not in [0, 1].
    """
    check_rate(rate)
    threshold = round(rate * 2**32)
    bits = random_bits(key, count)
    if threshold == 2**32:  # does not fit into a word of 32 bits
        return tf.ones_like(bits, tf.bool)
    return bits < tf.constant(threshold, tf.uint32)


def permutation(key: tf.Tensor, count) -> tf.Tensor:
    """A permutation of ``range(count)``, int32 ``[count]``: a stable argsort of random words."""
    return tf.argsort(random_bits(key, count), stable=True)
