"""The direct path in plain TensorFlow ops: forms C = Za^T diag(w) Zb / W, for N >= D.

Pure functions without a gradient of their own: choice.py pairs them in a custom gradient, xla.py
compiles them. Made of differentiable ops, so second derivatives work.

The views are only centred, never scaled, as [N, D] arrays: the factors r = 1 / sqrt(var + epsilon)
are applied to the D x D matrices instead (docs/derivation.md, section 4). The residuals hold the
statistics, not the centred views: the backward pass centres again. Within one graph TensorFlow
merges the two computations, in XLA both are fused into their neighbours.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Options(NamedTuple):
    """The static part of the loss' arguments, see entry.py."""

    normalize_batch: bool
    epsilon: float
    ddof: float


class Moments(NamedTuple):
    """Statistics of one view.

    Attributes:
        means: one row of the view, and the mean of what is left when it is subtracted, ``[D]``
            each; () without standardisation.
        r: ``[D]``, 1 / sqrt(var + epsilon); 1 without standardisation.
    """

    means: tuple[tf.Tensor, ...]
    r: tf.Tensor


class DirectResiduals(NamedTuple):
    """What `backward` needs beside the arguments of `forward`."""

    moments_a: Moments
    moments_b: Moments
    C: tf.Tensor
    redundancy: tf.Tensor


def forward(z_a, z_b, lambda_, sample_weight, options: Options):
    """The loss, and the residuals for `backward`; D for a batch without rows or without weight.

    Args:
        z_a: float32 or float64 ``[N, D]``.
        z_b: the same shape and dtype.
        lambda_: scalar of the same dtype.
        sample_weight: None or ``[N]`` of the same dtype.
        options: see `Options`.

    Returns:
        ``(loss, residuals)``: a scalar and `DirectResiduals`.
    """
    w, W = weights(sample_weight, z_a)
    moments_a, Ac = moments(z_a, w, W, options)
    moments_b, Bc = moments(z_b, w, W, options)
    C = tf.matmul(Ac, Bc if w is None else w * Bc, transpose_a=True)
    C *= scale(moments_a, moments_b, W)
    invariance, redundancy = terms(C)
    return invariance + lambda_ * redundancy, DirectResiduals(moments_a, moments_b, C, redundancy)


def backward(z_a, z_b, lambda_, sample_weight, options: Options, residuals, upstream):
    """``(grad_a, grad_b)``: the gradients of the views, times ``upstream``.

    Args: those of `forward`, its residuals, and the gradient with respect to the loss, a scalar.
    """
    w, W = weights(sample_weight, z_a)
    *both, C, _ = residuals
    return gradients(z_a, z_b, lambda_, w, W, options, both, C, upstream)


def gradients(z_a, z_b, lambda_, w, W, options: Options, both, C, upstream):
    """As `backward`; W, the `Moments` of both views and C may be those of more rows than these."""
    moments_a, moments_b = both
    Ac = center(z_a, w, moments_a)
    Bc = center(z_b, w, moments_b)
    c = tf.linalg.diag_part(C)
    G = tf.linalg.set_diag(2 * lambda_ * C, 2 * (c - 1)) * upstream
    G_scaled = G * scale(moments_a, moments_b, W)
    grad_a = tf.matmul(Bc, G_scaled, transpose_b=True)
    grad_b = tf.matmul(Ac, G_scaled)
    if options.normalize_batch:
        # f / W = 1 / (W - ddof), times r^2 because Ac and Bc are not scaled.
        f = tf.math.reciprocal_no_nan(tf.maximum(W - options.ddof, 0))
        CG = C * G
        grad_a -= Ac * (f * tf.square(moments_a.r) * tf.reduce_sum(CG, axis=1))
        grad_b -= Bc * (f * tf.square(moments_b.r) * tf.reduce_sum(CG, axis=0))
    if w is not None:
        grad_a, grad_b = w * grad_a, w * grad_b
    return grad_a, grad_b


def terms(C) -> tuple[tf.Tensor, tf.Tensor]:
    """The invariance and the redundancy-reduction term, the latter without lambda."""
    c = tf.linalg.diag_part(C)
    # Not ||C||^2 - ||c||^2: near the optimum that difference is all rounding error.
    redundancy = tf.reduce_sum(tf.square(tf.linalg.set_diag(C, tf.zeros_like(c))))
    return tf.reduce_sum(tf.square(1 - c)), redundancy


def scale(moments_a: Moments, moments_b: Moments, W) -> tf.Tensor:
    """``r_A r_B^T / W``, [D, D]."""
    return tf.math.reciprocal_no_nan(W) * moments_a.r[:, tf.newaxis] * moments_b.r


def weights(sample_weight, z):
    """``(w [N, 1] or None, W)``; None stands for weights of 1, which need no product."""
    if sample_weight is None:
        return None, tf.cast(tf.shape(z)[0], z.dtype)
    return sample_weight[:, tf.newaxis], tf.reduce_sum(sample_weight)


def moments(z, w, W, options: Options) -> tuple[Moments, tf.Tensor]:
    """The statistics of a view, and the view centred with them."""
    if not options.normalize_batch:
        result = Moments((), tf.ones(tf.shape(z)[1:], z.dtype))
        return result, center(z, w, result)
    # Relative to a row of the data, which is exact: a mean of large numbers has an error of 1e-7 of
    # itself, which for a constant feature would then be multiplied by 1 / sqrt(epsilon). A second
    # mean of what the first one leaves is no remedy here, because XLA may compute the first one
    # twice, in two orders of summation.
    first_row = anchor(z, w)
    shifted = center(z, w, Moments((first_row,), None))
    mean = tf.reduce_sum(shifted if w is None else w * shifted, axis=0)
    means = (first_row, mean * tf.math.reciprocal_no_nan(W))
    centred = center(z, w, Moments(means, None))
    squares = tf.square(centred) if w is None else w * tf.square(centred)
    return Moments(means, inverse_root(tf.reduce_sum(squares, axis=0), W, options)), centred


def inverse_root(squares, W, options: Options) -> tf.Tensor:
    """``1 / sqrt(var + epsilon)``, [D], from the weighted sum of squares of a centred view."""
    degrees = W - options.ddof
    var = squares * tf.math.reciprocal_no_nan(tf.maximum(degrees, 0))
    # Without degrees of freedom there is no variance to speak of: Z = 0, as in the reference.
    return tf.where(degrees > 0, tf.math.rsqrt(var + options.epsilon), 0)


def center(z, w, view: Moments) -> tf.Tensor:
    """The view less its mean; rows of weight 0 are 0.

    Padding may hold anything, and 0 * NaN is NaN: rows are selected, not multiplied away.
    """
    for mean in view.means:
        z = z - mean
    return z if w is None else tf.where(w > 0, z, 0)


def anchor(z, w) -> tf.Tensor:
    """The first row of positive weight, [D]; 0 where there is none, as in an empty batch."""
    if w is None:
        return tf.reduce_sum(z[:1], axis=0)
    # Never an empty vector, which argmax refuses; an empty batch takes no index from it.
    candidates = tf.concat([w[:-1, 0] > 0, [True]], axis=0)
    first = tf.argmax(tf.cast(candidates, tf.int32), output_type=tf.int32)
    indices = tf.fill([tf.minimum(tf.shape(z)[0], 1)], first)
    return tf.reduce_sum(tf.where(tf.gather(w, indices) > 0, tf.gather(z, indices), 0), axis=0)
