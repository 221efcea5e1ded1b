"""The direct path over replicas: C from sums over all of them, the gradient from local rows.

    second moments, relative to centers m that are the means up to rounding, x_i = A_i - m_A:
        d_A = sum_i w_i x_i / W          var_A = (sum_i w_i x_i^2 - W d_A^2) / (W - ddof)
        C   = (sum_i w_i x_i y_i^T - W d_A d_B^T) / W * r_A r_B^T

The subtractions cancel nothing: d is the rounding error of m. One all-reduce brings all of it. The
gradient of a row (docs/theory/derivation.md, section 4) needs that row, the statistics and C, so
the backward pass has no collective.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ...shapes import choose, sizes
from .. import direct
from .collect import FirstMoments, Slots, all_sum, once, times_replicas

_SMALLEST = float(np.finfo(np.float32).tiny)


class SecondMoments(NamedTuple):
    """Sums over the rows of all replicas, equal on all of them.

    Attributes:
        products: sum_i w_i x_i y_i^T, ``[D D]``; empty if the gram path is taken.
        squares: per view sum_i w_i x_i^2, ``[D]``.
        rests: per view sum_i w_i x_i, ``[D]``.
        slots: per view the first two rows of the global batch, ``[2, D]``.
        slot_weights: float64 ``[2]``, their weights.
    """

    products: tf.Tensor
    squares: list[tf.Tensor]
    rests: list[tf.Tensor]
    slots: list[tf.Tensor]
    slot_weights: tf.Tensor


def second_moments(z_a, z_b, first: FirstMoments, slots: Slots, gram):
    """One all-reduce of D^2 + 8 D + 2 numbers.

    Args:
        z_a: float ``[N, D]``, the rows of this replica.
        z_b: the same shape and dtype.
        first: the first moments.
        slots: places for the first two rows.
        gram: False, or a bool tensor: whether to leave out the D^2 products.

    Returns:
        `SecondMoments`.
    """
    rows = first.weights
    centers: list[tuple] = [(m,) for m in first.centers] or [(), ()]
    X, Y = (
        direct.center(z, rows, direct.Moments(m, None))
        for z, m in zip((z_a, z_b), centers, strict=True)
    )

    def in_dtype(dtype, w):
        x, y = tf.cast(X, dtype), tf.cast(Y, dtype)
        wx, wy = (x, y) if w is None else (w * x, w * y)

        def products():
            return tf.reshape(tf.matmul(x, wy, transpose_a=True), [-1])

        nothing = tf.zeros([0], dtype)
        sums = [
            products() if gram is False else tf.cond(gram, lambda: nothing, products),
            *(tf.reduce_sum(values, axis=0) for values in (wx * x, wy * y, wx, wy)),
        ]
        return [tf.cast(values, z_a.dtype) for values in sums]

    # A weight that vanishes in float32 may belong to a row that is huge.
    vanishes = False
    if first.relative is not None and z_a.dtype == tf.float32:
        vanishes = tf.reduce_any((first.relative > 0) & (first.relative < _SMALLEST))
    own = choose(
        vanishes,
        lambda: in_dtype(tf.float64, first.relative),
        lambda: in_dtype(z_a.dtype, rows.w),
    )
    sums = all_sum([*own, *slots.rows, slots.w])
    slot_weights = first.unit * tf.cast(sums[7], tf.float64)
    return SecondMoments(sums[0], sums[1:3], sums[3:5], sums[5:7], slot_weights)


def loss(z_a, z_b, lambda_, first, totals: SecondMoments, options: direct.Options):
    """The loss of the global batch, a scalar, with the gradient of the rows of this replica.

    Args:
        z_a: float ``[N, D]``, the rows of this replica.
        z_b: the same shape and dtype.
        lambda_: scalar of the same dtype.
        first: the first moments.
        totals: the second moments.
        options: see `direct.Options`.
    """
    rows = first.weights
    share = tf.math.reciprocal_no_nan(rows.W)
    both = _moments(first, totals, options)
    D = sizes(z_a)[1]
    products = tf.reshape(totals.products, [D, D])
    if options.normalize_batch:
        products -= totals.rests[0][:, tf.newaxis] * (share * totals.rests[1])
    C = products * direct.scale(both[0], both[1], rows.W)
    invariance, redundancy = direct.terms(C)

    @tf.custom_gradient
    def loss_fn(z_a, z_b, lambda_):
        def gradient_fn(upstream):
            total = times_replicas(upstream)
            grads = direct.gradients(z_a, z_b, lambda_, rows, options, both, C, total)
            # lambda is not a share in a sum: R replicas return it, each divided by R.
            return *grads, upstream * redundancy

        return invariance + lambda_ * redundancy, once(gradient_fn, z_a, z_b, lambda_)

    return loss_fn(z_a, z_b, lambda_)


def _moments(first: FirstMoments, totals: SecondMoments, options: direct.Options):
    """The `direct.Moments` of both views over the global batch."""
    rows = first.weights
    if not options.normalize_batch:
        roots = [direct.inverse_root(squares, rows, options) for squares in totals.squares]
        return [direct.Moments((), r) for r in roots]
    result = []
    for m, squares, rest in zip(first.centers, totals.squares, totals.rests, strict=True):
        d = tf.math.reciprocal_no_nan(rows.W) * rest
        squares = tf.maximum(squares - rest * d, 0)
        result.append(direct.Moments((m, d), direct.inverse_root(squares, rows, options)))
    return result
