"""What the loss over replicas sends: the first moments, and rows.

The collectives themselves carry no gradient. A value that came out of one is given the gradient of
the replica's own share in it: every replica computes the same loss from it, so the gradients that
arrive at its R copies are equal, and their sum, which automatic differentiation would ask another
collective for, is R times the local one. (A second derivative does need that collective; it is
refused.)
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from ...shapes import sizes
from .. import direct


class FirstMoments(NamedTuple):
    """Sums over the rows of all replicas, equal on all of them.

    Attributes:
        rows: N, a scalar.
        positive_rows: how many of them have a positive weight, a scalar.
        weights: of the rows of this replica, with the sums over all, in units of the mean weight.
        relative: the same weights in float64, which holds smaller ones; None without.
        unit: the mean weight of the positive rows, a float64 scalar.
        centers: per view ``[D]``, its mean up to rounding; () without standardisation.
        sent_before: rows that the replicas before this one send in `gather_rows`, a scalar.
        positive_rows_before: the same for those of positive weight.
    """

    rows: tf.Tensor
    positive_rows: tf.Tensor
    weights: direct.Weights
    relative: tf.Tensor | None
    unit: tf.Tensor
    centers: tuple[tf.Tensor, ...]
    sent_before: tf.Tensor
    positive_rows_before: tf.Tensor


def all_sum(tensors):
    """The sums of some tensors over all replicas, by one collective."""
    flat = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)
    flat = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, flat)
    parts = tf.split(flat, [tf.size(tensor) for tensor in tensors], num=len(tensors))
    return [tf.reshape(part, tf.shape(t)) for part, t in zip(parts, tensors, strict=True)]


def first_moments(z_a, z_b, sample_weight, options: direct.Options) -> FirstMoments:
    """One all-reduce of 2 D + 2 R + 1 numbers.

    Means are taken relative to a row of the replica's own, whose share in the global mean is then
    added: sums of numbers of the size of the spread, not of the mean. Sent in float64, which holds
    the sums of all weights and views of float32.
    """
    local = direct.weights(sample_weight, z_a, options)
    rows = tf.shape(z_a)[0]
    if sample_weight is None:
        positive, local_W, largest = rows, tf.cast(rows, tf.float64), tf.ones([], tf.float64)
    else:
        positive = tf.math.count_nonzero(sample_weight, dtype=tf.int32)
        local_W = tf.reduce_sum(sample_weight)
        largest = tf.maximum(tf.reduce_max(sample_weight), 0)  # of no weights it is -infinity
    context = tf.distribute.get_replica_context()
    own, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
    here = tf.one_hot(own, replicas, dtype=tf.float64)
    sums = [here * tf.cast(rows, tf.float64), here * tf.cast(positive, tf.float64), local_W]
    if options.normalize_batch:
        for z in (z_a, z_b):
            anchor = direct.anchor(z, local)
            shifted = direct.center(z, local, direct.Moments((anchor,), None))
            rest = tf.reduce_sum(direct.weigh(shifted, local), axis=0)
            sums.append(local_W * tf.cast(anchor, tf.float64) + largest * tf.cast(rest, tf.float64))
    all_rows, all_positive, W, *moments = all_sum(sums)
    positive_rows = tf.reduce_sum(all_positive)
    unit = tf.math.divide_no_nan(W, positive_rows)
    share = tf.math.reciprocal_no_nan(W)
    relative = None
    if sample_weight is not None:
        relative = tf.math.divide_no_nan(sample_weight, unit)[:, tf.newaxis]
    before = tf.math.cumsum(here, exclusive=True, reverse=True)
    return FirstMoments(
        rows=tf.reduce_sum(all_rows),
        positive_rows=positive_rows,
        weights=_over_replicas(local, relative, W, unit, options),
        relative=relative,
        unit=unit,
        centers=tuple(tf.cast(share * moment, z_a.dtype) for moment in moments),
        sent_before=tf.reduce_sum(before * tf.maximum(all_rows, 1)),
        positive_rows_before=tf.reduce_sum(before * all_positive),
    )


def _over_replicas(local: direct.Weights, relative, W, unit, options) -> direct.Weights:
    """The weights of this replica's rows in a common unit, with the sums over all replicas."""
    dtype = local.W.dtype
    sums = [
        tf.cast(tf.math.divide_no_nan(value, unit), dtype)
        for value in (W, tf.maximum(W - options.ddof, 0))
    ]
    if relative is None:
        return direct.Weights(None, None, *sums)
    return direct.Weights(tf.cast(relative, dtype), local.taken, *sums)


def first_rows(sample_weight, rows):
    """Indices of the first rows of positive weight, int32 ``[k]``, k = min(rows, 2), and weights.

    Where there are fewer than k, an index of weight 0 fills up. Made of ops that know an empty
    batch.
    """
    count = tf.minimum(rows, 2)
    if sample_weight is None:
        return tf.range(count), None
    # Of equal entries the first ones come first.
    _, indices = tf.math.top_k(tf.cast(sample_weight > 0, tf.float32), count)
    return indices, tf.gather(sample_weight, indices)


class Slots(NamedTuple):
    """Places for the first two rows of positive weight of the global batch.

    Attributes:
        rows: per view ``[2, D]``, what this replica puts there; 0 where the row is another one's.
        w: ``[2]``, their weights, in the same way.
        indices: ``[k]``, which rows of this replica it may have put there.
        selection: ``[2, k]``, 1 where it has.
    """

    rows: list[tf.Tensor]
    w: tf.Tensor
    indices: tf.Tensor
    selection: tf.Tensor

    def as_rows_of(self, z_a, z_b, totals):
        """``totals``, the rows summed over all replicas, differentiable by those of this one."""

        @tf.custom_gradient
        def all_rows(z_a, z_b):
            def gradient_fn(*upstream):
                return [
                    times_replicas(
                        tf.scatter_nd(
                            self.indices[:, tf.newaxis],
                            tf.matmul(tf.cast(self.selection, grad.dtype), grad, transpose_a=True),
                            tf.shape(z),
                        )
                    )
                    for z, grad in zip((z_a, z_b), upstream, strict=True)
                ]

            return tuple(tf.identity(total) for total in totals), once(gradient_fn)

        return all_rows(z_a, z_b)


def fill_slots(z_a, z_b, sample_weight, first: FirstMoments) -> Slots:
    """What this replica knows of the first two rows of the global batch."""
    indices, w = first_rows(sample_weight, tf.shape(z_a)[0])
    if w is None:
        w = tf.ones(tf.shape(indices), z_a.dtype)
    else:
        w = tf.cast(tf.math.divide_no_nan(w, first.unit), z_a.dtype)
    place = tf.cast(first.positive_rows_before, tf.int32) + tf.range(tf.size(indices))
    # tf.one_hot is 0 for places that are no slot.
    selection = tf.one_hot(place, 2, axis=0, dtype=z_a.dtype) * tf.cast(w > 0, z_a.dtype)
    # Selected, not multiplied away: padding may hold anything.
    rows = [tf.where(w[:, tf.newaxis] > 0, tf.gather(z, indices), 0) for z in (z_a, z_b)]
    return Slots(
        [tf.matmul(selection, z) for z in rows],
        tf.linalg.matvec(selection, w),
        indices,
        selection,
    )


class GatheredRows(NamedTuple):
    """The rows of all replicas.

    Attributes:
        z_a: ``[N', D]``; N' is N and one row of weight 0 for every replica without rows.
        z_b: the same shape and dtype.
        w: ``[N']``.
        first_row: where the rows of this replica begin, an int32 scalar.
    """

    z_a: tf.Tensor
    z_b: tf.Tensor
    w: tf.Tensor
    first_row: tf.Tensor

    def as_rows_of(self, z_a, z_b):
        """``(z_a, z_b, w)`` of all replicas, differentiable with respect to those of this one."""

        @tf.custom_gradient
        def all_rows(z_a, z_b):
            def gradient_fn(*upstream):
                here = self.first_row + tf.range(tf.shape(z_a)[0])
                return [times_replicas(tf.gather(grad, here)) for grad in upstream]

            return (self.z_a, self.z_b), once(gradient_fn)

        return *all_rows(z_a, z_b), self.w


def gather_rows(z_a, z_b, sample_weight, first: FirstMoments, gram, wire) -> GatheredRows:
    """All-gather of N (2 D + 1) numbers, if they are wanted.

    An all-gather of nothing at all never returns (TensorFlow's ring on CPUs), so a replica without
    rows to send sends one of weight 0.

    Args:
        z_a: float ``[N, D]``.
        z_b: the same shape and dtype.
        sample_weight: None or ``[N]``.
        first: the first moments.
        gram: whether the rows are wanted, True or a bool tensor.
        wire: the dtype in which to send them.
    """
    dtype = z_a.dtype
    weighted = sample_weight is not None
    w = sample_weight if weighted else tf.ones(tf.shape(z_a)[:1], wire)
    views = tf.concat([z_a, z_b], axis=1)
    if gram is not True:
        wanted = tf.where(gram, tf.shape(w)[0], 0)
        views, w = views[:wanted], w[:wanted]
    padding = [[0, tf.cast(tf.equal(tf.shape(w)[0], 0), tf.int32)]]
    views, w = tf.pad(views, [*padding, [0, 0]]), tf.pad(w, padding)
    # Weights that the wire's dtype would round travel on their own.
    together = w.dtype == wire
    message = [tf.cast(views, wire), *([w[:, tf.newaxis]] if together else [])]
    rows = _all_rows(tf.concat(message, axis=1))
    all_w = rows[:, -1] if together else _all_rows(w)
    features = sizes(z_a)[1]
    return GatheredRows(
        tf.cast(rows[:, :features], dtype),
        tf.cast(rows[:, features : 2 * features], dtype),
        tf.cast(all_w, tf.float64),
        first_row=tf.cast(first.sent_before, tf.int32),
    )


def _all_rows(tensor):
    gather = tf.distribute.get_replica_context().all_gather
    if tensor.dtype != tf.bfloat16:
        return gather(tensor, axis=0)
    # TensorFlow gathers no bfloat16, but the bits may pass for float16.
    return tf.bitcast(gather(tf.bitcast(tensor, tf.float16), axis=0), tf.bfloat16)


def times_replicas(gradient):
    """The sum over the replicas of a gradient that is equal on all of them."""
    return gradient * tf.distribute.get_strategy().num_replicas_in_sync


def once(gradient_fn, *operands):
    """``gradient_fn``, a function of the upstream gradients, which in turn has no gradient.

    Args:
        gradient_fn: what a function with a custom gradient returns.
        operands: the tensors that it depends on beside the upstream gradients.
    """

    def refuse(*_):
        raise NotImplementedError(
            "The Barlow Twins loss over replicas has no second derivative; give cross_replica=False"
            " for the loss of each replica's own rows, which has one."
        )

    def gradient_once(*upstream):
        @tf.custom_gradient
        def gradients(*arguments):
            return gradient_fn(*arguments[: len(upstream)]), refuse

        return gradients(*upstream, *operands)

    return gradient_once
