"""Corruptions of structure in TensorFlow, bit for bit those of reference/corruption/graph.py.

Which rows to drop (`dropped_rows`, with `edge_ids` and `pair_representatives`), and what to do with
them: `remove_rows` where the result may be as long as chance decides, `partition_rows` where all
shapes are static: it moves them into the padding, and XLA compiles it.
"""

from __future__ import annotations

import tensorflow as tf

from ..context import compiled_by_xla
from ..random import Key, as_uint64, is_below_rate, random_bits, row_seeds, row_words
from ..sorting import inverse_permutation, stable_argsort, stable_partition
from ..validation import check_rate


def dropped_rows(
    key: Key,
    count: int | tf.Tensor,
    rate: float,
    *,
    ids: tf.Tensor | None = None,
    representatives: tf.Tensor | None = None,
) -> tf.Tensor:
    """Which rows a draw drops, each with probability ``rate``.

    Args:
        key: 64 bits.
        count: number of rows, int or int32 scalar tensor.
        rate: in [0, 1].
        ids: optional integer ``[count]``: the draw follows the id, not the position.
        representatives: optional int32 ``[count]``: row ``i`` shares the draw of row
            ``representatives[i]``.

    Returns:
        bool ``[count]``.
    """
    check_rate(rate)
    words = random_bits(key, count) if ids is None else row_words(key, ids, 1)[:, 0]
    dropped = is_below_rate(words, rate)
    return dropped if representatives is None else tf.gather(dropped, representatives)


def edge_ids(source_ids: tf.Tensor, target_ids: tf.Tensor, undirected: bool) -> tf.Tensor:
    """Ids of edges by the ids of their endpoints, uint64 ``[E]``.

    Args:
        source_ids: integer ``[E]``, the id of each edge's source node.
        target_ids: integer ``[E]``, the id of its target node.
        undirected: whether (u, v) and (v, u) get the same id.
    """
    first, second = as_uint64(source_ids), as_uint64(target_ids)
    if undirected:
        first, second = tf.minimum(first, second), tf.maximum(first, second)
    return row_seeds(first, second)


def pair_representatives(source: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The first edge with the same two endpoints, in whichever direction.

    Args:
        source: int32 or int64 ``[E]``, in [0, 2**31), one end of each edge.
        target: the same for its other end.

    Returns:
        int32 ``[E]``.
    """
    source, target = tf.cast(source, tf.uint64), tf.cast(target, tf.uint64)
    pairs = tf.bitwise.bitwise_or(
        tf.bitwise.left_shift(tf.minimum(source, target), tf.constant(32, tf.uint64)),
        tf.maximum(source, target),
    )
    if not compiled_by_xla():
        # A hash table: 3 times as fast as sorting.
        distinct, group = tf.unique(pairs)
        edges = tf.range(tf.size(group))
        first = tf.math.unsorted_segment_min(edges, group, tf.size(distinct))
        return tf.gather(first, group)
    order = stable_argsort(pairs)
    pairs = tf.gather(pairs, order)
    is_new = tf.concat([[False], tf.not_equal(pairs[1:], pairs[:-1])], axis=0)[: tf.size(pairs)]
    group = tf.cumsum(tf.cast(is_new, tf.int32))
    first = tf.math.unsorted_segment_min(order, group, tf.size(pairs))
    return tf.gather(tf.gather(first, group), inverse_permutation(order))


def remove_rows(kept: tf.Tensor, sizes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Keeps some rows; the result is as long as they are many.

    Args:
        kept: bool ``[N]``.
        sizes: integer ``[components]`` with sum N.

    Returns:
        ``(rows, sizes)``: int64 ``[K]``, the rows kept in their order, and the new sizes.
    """
    rows = tf.where(kept)[:, 0]
    # They are sorted: to look the components' ends up in them is cheaper than to count.
    up_to = tf.searchsorted(rows, tf.cast(tf.cumsum(sizes), rows.dtype))
    return rows, tf.cast(up_to - tf.concat([[0], up_to[:-1]], axis=0), sizes.dtype)


def partition_rows(
    kept: tf.Tensor, sizes: tf.Tensor, real_components: int | tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Moves dropped rows into the first padding component; all shapes stay.

    Args:
        kept: bool ``[N]``, True on padding rows as well.
        sizes: integer ``[components]`` with sum N.
        real_components: int or int32 scalar: components from there on are padding. Without any,
            there is nowhere to move to and every row is kept.

    Returns:
        ``(order, sizes, kept_real_rows)``: row ``j`` of the result is row ``order[j]`` (int32
        ``[N]``): the real rows kept, then the dropped ones, then the padding, each in order. The
        new sizes, and the number of real rows kept (int32 scalar).
    """
    components = tf.range(tf.size(sizes))
    is_real = components < real_components
    real_rows = tf.reduce_sum(tf.where(is_real, sizes, tf.zeros_like(sizes)))
    no_padding = real_components >= tf.size(sizes)
    stays = tf.logical_and(
        tf.logical_or(kept, no_padding), tf.range(tf.size(kept), dtype=sizes.dtype) < real_rows
    )
    kept_sizes = tf.where(is_real, _count_per_component(stays, sizes), sizes)
    moved = tf.reduce_sum(sizes - kept_sizes)
    kept_sizes += tf.where(tf.equal(components, real_components), moved, tf.zeros_like(moved))
    return stable_partition(stays), kept_sizes, tf.reduce_sum(tf.cast(stays, tf.int32))


def _count_per_component(marked, sizes):
    """How many rows of each component are marked, in the dtype of the sizes."""
    before = tf.concat([[0], tf.cumsum(tf.cast(marked, tf.int32))], axis=0)
    ends = tf.cumsum(sizes)
    return tf.cast(tf.gather(before, ends) - tf.gather(before, ends - sizes), sizes.dtype)
