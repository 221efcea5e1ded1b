"""The direct path over replicas: C from sums over all of them, the gradient from local rows.

    second moments, relative to centers m that are the means up to rounding, x_i = A_i - m_A:
        d_A = sum_i w_i x_i / W          var_A = (sum_i w_i x_i^2 - W d_A^2) / (W - ddof)
        C   = (sum_i w_i x_i y_i^T - W d_A d_B^T) / W * r_A r_B^T

The subtractions cancel nothing: d is the rounding error of m. One all-reduce brings all of it. The
gradient of a row (docs/derivation.md, section 4) needs that row, the statistics and C, so the
backward pass has no collective.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from ..direct import Moments, Options, center
from .collect import FirstMoments, Slots, all_sum, once, times_replicas


class SecondMoments(NamedTuple):
    """Sums over the rows of all replicas, equal on all of them.

    Attributes:
        products: sum_i w_i x_i y_i^T, ``[D D]``; empty if the gram path is taken.
        squares: per view sum_i w_i x_i^2, ``[D]``.
        rests: per view sum_i w_i x_i, ``[D]``.
        slots: per view the first two rows of the global batch, ``[2, D]``.
        slot_weights: ``[2]``, their weights.
    """

    products: tf.Tensor
    squares: list[tf.Tensor]
    rests: list[tf.Tensor]
    slots: list[tf.Tensor]
    slot_weights: tf.Tensor


def second_moments(z_a, z_b, sample_weight, first: FirstMoments, slots: Slots, gram):
    """One all-reduce of D^2 + 8 D + 2 numbers.

    Args:
        z_a: float ``[N, D]``, the rows of this replica.
        z_b: likewise.
        sample_weight: None or ``[N]``.
        first: the first moments.
        slots: places for the first two rows.
        gram: False, or a bool tensor: whether to leave out the D^2 products.

    Returns:
        `SecondMoments`.
    """
    w = None if sample_weight is None else sample_weight[:, tf.newaxis]
    X, Y = _centred(z_a, z_b, w, first)
    wX, wY = (X, Y) if w is None else (w * X, w * Y)

    def products():
        return tf.reshape(tf.matmul(X, wY, transpose_a=True), [-1])

    if gram is not False:
        nothing = tf.zeros([0], z_a.dtype)
        products_or_nothing = tf.cond(gram, lambda: nothing, products)
    else:
        products_or_nothing = products()
    sums = all_sum(
        [
            products_or_nothing,
            tf.reduce_sum(wX * X, axis=0),
            tf.reduce_sum(wY * Y, axis=0),
            tf.reduce_sum(wX, axis=0),
            tf.reduce_sum(wY, axis=0),
            *slots.rows,
            slots.w,
        ]
    )
    return SecondMoments(sums[0], sums[1:3], sums[3:5], sums[5:7], sums[7])


def loss(z_a, z_b, lambda_, sample_weight, first, totals: SecondMoments, options: Options):
    """The loss of the global batch, with the gradient of the rows of this replica.

    Args:
        z_a: float ``[N, D]``, the rows of this replica.
        z_b: likewise.
        lambda_: scalar of the same dtype.
        sample_weight: None or ``[N]`` of the same dtype.
        first: the first moments.
        totals: the second moments.
        options: see `Options`.

    Returns:
        A scalar.
    """
    W = first.W
    share = tf.math.reciprocal_no_nan(W)
    moments = _moments(first, totals, options)
    scale = share * moments[0].r[:, tf.newaxis] * moments[1].r
    D = z_a.shape[1]
    products = tf.reshape(totals.products, [D, D])
    if options.normalize_batch:
        products -= totals.rests[0][:, tf.newaxis] * (share * totals.rests[1])
    C = products * scale
    c = tf.linalg.diag_part(C)
    invariance = tf.reduce_sum(tf.square(1 - c))
    redundancy = tf.reduce_sum(tf.square(tf.linalg.set_diag(C, tf.zeros_like(c))))
    w = None if sample_weight is None else sample_weight[:, tf.newaxis]

    def gradients(z_a, z_b, lambda_, upstream):
        """As `loss_graph.backward`, but W and the moments are not those of these rows."""
        Ac, Bc = (center(z, w, m) for z, m in zip((z_a, z_b), moments, strict=True))
        G = tf.linalg.set_diag(2 * lambda_ * C, 2 * (c - 1)) * upstream
        grad_a = tf.matmul(Bc, G * scale, transpose_b=True)
        grad_b = tf.matmul(Ac, G * scale)
        if options.normalize_batch:
            f = tf.math.reciprocal_no_nan(tf.maximum(W - options.ddof, 0))
            grad_a -= Ac * (f * tf.square(moments[0].r) * tf.reduce_sum(C * G, axis=1))
            grad_b -= Bc * (f * tf.square(moments[1].r) * tf.reduce_sum(C * G, axis=0))
        if w is not None:
            grad_a, grad_b = w * grad_a, w * grad_b
        return grad_a, grad_b

    @tf.custom_gradient
    def loss_fn(z_a, z_b, lambda_):
        def gradient_fn(upstream):
            grads = gradients(z_a, z_b, lambda_, times_replicas(upstream))
            # lambda is not a share in a sum: R replicas return it, each divided by R.
            return *grads, upstream * redundancy

        return invariance + lambda_ * redundancy, once(gradient_fn, z_a, z_b, lambda_)

    return loss_fn(z_a, z_b, lambda_)


def _centred(z_a, z_b, w, first: FirstMoments):
    centers = [(m,) for m in first.centers] or [(), ()]
    return [center(z, w, Moments(m, None)) for z, m in zip((z_a, z_b), centers, strict=True)]


def _moments(first: FirstMoments, totals: SecondMoments, options: Options):
    """The `Moments` of both views over the global batch."""
    if not options.normalize_batch:
        return [Moments((), tf.ones_like(squares)) for squares in totals.squares]
    share = tf.math.reciprocal_no_nan(first.W)
    degrees = first.W - options.ddof
    factor = tf.math.reciprocal_no_nan(tf.maximum(degrees, 0))
    result = []
    for m, squares, rest in zip(first.centers, totals.squares, totals.rests, strict=True):
        d = share * rest
        var = tf.maximum(squares - rest * d, 0) * factor
        # Without degrees of freedom there is no variance to speak of: Z = 0, as in the reference.
        r = tf.where(degrees > 0, tf.math.rsqrt(var + options.epsilon), 0)
        result.append(Moments((m, d), r))
    return result
