"""Orders of rows in TensorFlow: sorting by random words, partitions, inverses.

Everything gives static shapes for static shapes and compiles under XLA. Outside XLA, large inputs
take another way to the same result. TensorFlow sorts by `top_k`, which sorts indices of words in
one thread: every comparison is two loads from anywhere. So words are first split by their leading
bits into buckets that fit into a cache, which run in parallel (2 to 3 times as fast).
"""

from __future__ import annotations

import tensorflow as tf

from .context import compiled_by_xla
from .shapes import choose, num_rows

_BUCKETS = 16
_HISTOGRAM_BITS = 8
# Rows from which the buckets make up for their overhead (0.2 ms): earlier where not all rows need
# to be sorted. (`python -m bench.corruption.report`, ragged and string shuffles.)
_ROWS_TO_SORT, _ROWS_TO_CHOOSE_FROM = 1 << 13, 1 << 12
# All functions here take the buckets from so many rows on.
BUCKET_ROWS = max(_ROWS_TO_SORT, _ROWS_TO_CHOOSE_FROM)


def stable_argsort(words: tf.Tensor) -> tf.Tensor:
    """The order that sorts unsigned words; equal words keep the order of their rows.

    Args:
        words: uint32 or uint64 ``[N]``.

    Returns:
        int32 ``[N]``: entry ``i`` is the row of the ``i``-th smallest word.
    """
    plain = lambda: tf.argsort(words, stable=True)  # noqa: E731
    if words.dtype != tf.uint32:
        return plain()
    return _choose_by_size(words, _ROWS_TO_SORT, plain, lambda: _argsort_by_buckets(words))


def shuffle_order(words: tf.Tensor, count=None) -> tf.Tensor:
    """The row from which each row comes when the rows of the smallest words change places.

    Args:
        words: uint32 ``[N]``.
        count: number of rows that take part, int or int32 scalar; None: all.

    Returns:
        int32 ``[N]``: with ``p = stable_argsort(words)[:count]``, entry ``sorted(p)[j]`` is
        ``p[j]``, any other its own number.
    """
    if count is None:
        return stable_argsort(words)

    def plain():
        order = tf.argsort(words, stable=True)
        takes_part = inverse_permutation(order) < count
        rank = tf.cumsum(tf.cast(takes_part, tf.int32), exclusive=True)
        source = tf.gather(order, rank)  # where all take part the last rank is the last row's
        return tf.where(takes_part, source, tf.range(tf.size(words)))

    by_buckets = lambda: _shuffle_smallest(words, count)  # noqa: E731
    return _choose_by_size(words, _ROWS_TO_CHOOSE_FROM, plain, by_buckets)


def stable_partition(first: tf.Tensor) -> tf.Tensor:
    """The order that brings the rows marked in ``first`` to the front, both parts in order.

    Args:
        first: bool ``[N]``.

    Returns:
        int32 ``[N]``.
    """
    marked = tf.cast(first, tf.int32)
    before = tf.cumsum(marked, exclusive=True)  # marked rows before this one
    behind = tf.reduce_sum(marked) + tf.range(tf.size(first)) - before
    return inverse_permutation(tf.where(first, before, behind))


def inverse_permutation(order: tf.Tensor) -> tf.Tensor:
    """Where each row went: ``inverse[order[i]] == i``.

    Args:
        order: int32 ``[N]``, a permutation of ``range(N)``.

    Returns:
        int32 ``[N]``.
    """
    if compiled_by_xla():
        # XLA's compiler tries to evaluate the argument of invert_permutation: in time N ** 2.
        rows = tf.range(tf.size(order))
        return tf.tensor_scatter_nd_update(tf.zeros_like(order), order[:, tf.newaxis], rows)
    return tf.math.invert_permutation(order)  # 16 times as fast as the scatter


def _choose_by_size(words, bucket_rows, plain, by_buckets):
    if compiled_by_xla():
        return plain()
    order = choose(num_rows(words) < bucket_rows, plain, by_buckets)
    return tf.ensure_shape(order, words.shape)


# As functions of their own: traced once, and parallel also where called eagerly.
_WORDS, _COUNT = tf.TensorSpec([None], tf.uint32), tf.TensorSpec([], tf.int32)


@tf.function(input_signature=[_WORDS], autograph=False)
def _argsort_by_buckets(words):
    return _row(_sort(_pack(words)))


@tf.function(input_signature=[_WORDS, _COUNT], autograph=False)
def _shuffle_smallest(words, count):
    # Only words up to the leading bits of the last one that takes part need to be sorted.
    leading = tf.cast(tf.bitwise.right_shift(words, 32 - _HISTOGRAM_BITS), tf.int32)
    bins = 1 << _HISTOGRAM_BITS
    up_to = tf.cumsum(tf.math.bincount(leading, minlength=bins, maxlength=bins))
    last = tf.searchsorted(up_to, count[tf.newaxis])
    packed = tf.boolean_mask(_pack(words), leading <= last)
    chosen = _sort(packed, tf.cast(last + 1, tf.float32) / bins)[:count]
    in_place = tf.boolean_mask(packed, packed <= chosen[-1])
    rows = tf.range(tf.size(words))
    # Where an index occurs twice, the later list wins.
    return tf.dynamic_stitch([rows, _row(in_place)], [rows, _row(chosen)])


def _pack(words):
    """Word and row in one: a sort needs no indices beside it, and no two are equal."""
    rows = tf.cast(tf.range(tf.size(words)), tf.uint64)
    high = tf.bitwise.left_shift(tf.cast(words, tf.uint64), _constant(32))
    return tf.bitwise.bitwise_or(high, rows)


def _row(packed):
    return tf.cast(packed, tf.int32)  # the low half


def _sort(packed, top=1.0):
    """Sorts packed words, most of them below the share ``top`` of the range of words."""
    # Any monotone function of the word gives buckets that are in order; equal sizes are fastest.
    share = tf.cast(tf.bitwise.right_shift(packed, _constant(48)), tf.float32) / (65536 * top)
    bucket = tf.minimum(tf.cast(share * _BUCKETS, tf.int32), _BUCKETS - 1)
    # top_k sorts downwards.
    parts = tf.dynamic_partition(tf.bitwise.invert(packed), bucket, _BUCKETS)
    parts = [tf.math.top_k(part, tf.size(part)).values for part in parts]
    return tf.bitwise.invert(tf.concat(parts, axis=0))


def _constant(number):
    return tf.constant(number, tf.uint64)
