"""Keyed random bits in TensorFlow, bit for bit those of reference/random.py.

A key is a uint64 scalar tensor, or an int in [0, 2**64). Everything is stateless and compiles under
XLA where ``count`` is static; eager, graph and XLA give the same bits (alg=1 is Philox4x32-10 on
every device).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import tensorflow as tf

from .keys import GOLDEN, MIX64_FACTORS, hash_name
from .sorting import stable_argsort
from .validation import check_rate

Key: TypeAlias = tf.Tensor | int
_PHILOX = 1


def random_bits(key: Key, count, *, stream=0, dtype: tf.DType = tf.uint32) -> tf.Tensor:
    """The first ``count`` words of a stream.

    Args:
        key: 64 bits.
        count: int or integer scalar tensor.
        stream: int in [0, 2**64) or uint64 scalar tensor.
        dtype: uint32, or uint64 for words of 64 bits.

    Returns:
        ``dtype`` tensor ``[count]``.
    """
    if isinstance(stream, int):
        # By way of NumPy: TensorFlow takes a list of large ints through float64, which loses bits.
        counter = tf.constant(np.array([0, stream], np.uint64))
    else:
        counter = tf.stack([tf.constant(0, tf.uint64), tf.cast(stream, tf.uint64)])
    return tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=tf.reshape(tf.convert_to_tensor(count, tf.int32), [1]),
        key=tf.reshape(tf.convert_to_tensor(key, tf.uint64), [1]),
        counter=counter,
        alg=_PHILOX,
        dtype=dtype,
    )


def derive_key(key: Key, name: str | int | tf.Tensor) -> tf.Tensor:
    """A key of its own for a part of a computation, see reference/random.py.

    Args:
        key: 64 bits.
        name: str, int in [0, 2**64), or an integer scalar tensor such as a step counter.

    Returns:
        uint64 scalar.
    """
    if isinstance(name, str):
        name = hash_name(name)
    elif tf.is_tensor(name):
        name = tf.cast(name, tf.uint64)
    return random_bits(key, 1, stream=name, dtype=tf.uint64)[0]


def bernoulli(key: Key, count, rate: float) -> tf.Tensor:
    """Bool ``[count]``, each True with probability ``rate`` (a Python float in [0, 1]).

    Raises:
        ValueError: if ``rate`` is not in [0, 1].
    """
    check_rate(rate)
    return is_below_rate(random_bits(key, count), rate)


def is_below_rate(words: tf.Tensor, rate: float) -> tf.Tensor:
    """Which uint32 words mean True at ``rate``: ``words < round(rate * 2**32)``."""
    threshold = round(rate * 2**32)
    if threshold == 2**32:  # does not fit into a word of 32 bits
        return tf.ones_like(words, tf.bool)
    return words < tf.constant(threshold, tf.uint32)


def permutation(key: Key, count) -> tf.Tensor:
    """A permutation of ``range(count)``, int32 ``[count]``: a stable argsort of random words."""
    return stable_argsort(random_bits(key, count))


def mix64(words: tf.Tensor) -> tf.Tensor:
    """The finalizer of SplitMix64, a bijection of 64-bit words (uint64, any shape)."""
    shift, xor = tf.bitwise.right_shift, tf.bitwise.bitwise_xor
    for distance, factor in zip((30, 27), MIX64_FACTORS, strict=True):
        words = xor(words, shift(words, _uint64(distance))) * _uint64(factor)
    return xor(words, shift(words, _uint64(31)))


def row_seeds(key: Key, ids: tf.Tensor) -> tf.Tensor:
    """The state of SplitMix64 from which each row's words come, see reference/random.py.

    Args:
        key: 64 bits, or a uint64 tensor of the shape of ``ids``.
        ids: integer tensor of any shape.

    Returns:
        uint64 tensor of the shape of ``ids``.
    """
    key = tf.convert_to_tensor(key, tf.uint64)
    return mix64(mix64(key) + _uint64(GOLDEN) * (as_uint64(ids) + _uint64(1)))


def seeded_words(seeds: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Word number ``position`` of the row with each seed; the two broadcast.

    Args:
        seeds: uint64, see `row_seeds`.
        positions: integer tensor, at least 0.

    Returns:
        uint32 tensor.
    """
    states = seeds + (as_uint64(positions) + _uint64(1)) * _uint64(GOLDEN)
    return tf.cast(tf.bitwise.right_shift(mix64(states), _uint64(32)), tf.uint32)


def row_words(key: Key, ids: tf.Tensor, words_per_row) -> tf.Tensor:
    """Random words that depend on a row's id, not on its position.

    Args:
        key: 64 bits.
        ids: integer ``[N]``; equal ids get equal words.
        words_per_row: int or integer scalar tensor.

    Returns:
        uint32 ``[N, words_per_row]``.
    """
    positions = tf.range(tf.cast(words_per_row, tf.int64))
    return seeded_words(row_seeds(key, ids)[:, tf.newaxis], positions)


def as_uint64(ids: tf.Tensor) -> tf.Tensor:
    """Integers modulo 2**64: a negative one counts from above, whatever its dtype.

    Raises:
        TypeError: if the dtype is not an integer.
    """
    ids = tf.convert_to_tensor(ids)
    if not ids.dtype.is_integer:
        raise TypeError(f"ids should be integers (got {ids.dtype.name})")
    if ids.dtype.is_unsigned:
        return tf.cast(ids, tf.uint64)
    return tf.bitcast(tf.cast(ids, tf.int64), tf.uint64)


def _uint64(number):
    return tf.constant(number, tf.uint64)
