"""The "graph" backend: the Barlow Twins loss in plain TensorFlow ops, with the analytic gradient.

Runs eagerly, in a graph, and inside a function that is compiled by XLA; on any device. The gradient
function is made of TensorFlow ops too, so second derivatives work.

The views are only centred, never scaled, as [N, D] arrays: the factors r = 1 / sqrt(var + epsilon)
are applied to the D x D matrices instead (docs/derivation.md, "Folding the scale").
"""

from __future__ import annotations

import tensorflow as tf


def barlow_twins_loss_direct(
    z_a: tf.Tensor,
    z_b: tf.Tensor,
    lambda_: tf.Tensor,
    sample_weight: tf.Tensor | None,
    *,
    normalize_batch: bool,
    epsilon: float,
    ddof: float,
) -> tf.Tensor:
    """The loss by way of the D x D cross-correlation.

    Args:
        z_a: float32 or float64 ``[N, D]``.
        z_b: likewise.
        lambda_: scalar of the same dtype; differentiable.
        sample_weight: None or ``[N]`` of the same dtype; a constant to differentiation.
        normalize_batch: whether to standardise.
        epsilon: added to the variances.
        ddof: variances divide by ``W - ddof``.

    Returns:
        Scalar of the dtype of the views.
    """

    @tf.custom_gradient
    def loss_fn(z_a, z_b, lambda_):
        w, W = _weights(sample_weight, z_a)
        Ac, r_a = _center(z_a, w, W, normalize_batch, epsilon, ddof)
        Bc, r_b = _center(z_b, w, W, normalize_batch, epsilon, ddof)
        wBc = Bc if w is None else w * Bc
        scale = tf.math.reciprocal_no_nan(W) * r_a[:, tf.newaxis] * r_b
        C = tf.matmul(Ac, wBc, transpose_a=True) * scale
        c = tf.linalg.diag_part(C)
        # Not ||C||^2 - ||c||^2: near the optimum that difference is all rounding error.
        off_diagonal = tf.linalg.set_diag(C, tf.zeros_like(c))
        redundancy = tf.reduce_sum(tf.square(off_diagonal))
        loss = tf.reduce_sum(tf.square(1 - c)) + lambda_ * redundancy

        def gradient_fn(upstream):
            G = tf.linalg.set_diag(2 * lambda_ * C, 2 * (c - 1)) * upstream
            G_scaled = G * scale
            grad_a = tf.matmul(Bc, G_scaled, transpose_b=True)
            grad_b = tf.matmul(Ac, G_scaled)
            if normalize_batch:
                # f / W = 1 / (W - ddof), times r^2 because Ac is not scaled.
                f = tf.math.reciprocal_no_nan(tf.maximum(W - ddof, 0))
                CG = C * G
                grad_a -= Ac * (f * tf.square(r_a) * tf.reduce_sum(CG, axis=1))
                grad_b -= Bc * (f * tf.square(r_b) * tf.reduce_sum(CG, axis=0))
            if w is not None:
                grad_a, grad_b = w * grad_a, w * grad_b
            return grad_a, grad_b, upstream * redundancy

        return loss, gradient_fn

    return loss_fn(z_a, z_b, lambda_)


def _weights(sample_weight, z):
    """``(w [N, 1] or None, W)``; None stands for weights of 1, which need no product."""
    if sample_weight is None:
        return None, tf.cast(tf.shape(z)[0], z.dtype)
    w = tf.stop_gradient(sample_weight)
    return w[:, tf.newaxis], tf.reduce_sum(w)


def _center(z, w, W, normalize_batch, epsilon, ddof):
    """The view less its mean, rows of weight 0 cleared, and r; (z, 1) without standardisation."""
    if w is not None:
        # Padding may hold anything, and 0 * NaN is NaN: select, do not multiply.
        z = tf.where(w > 0, z, 0)
    if not normalize_batch:
        return z, tf.ones(tf.shape(z)[1:], z.dtype)
    share = tf.math.reciprocal_no_nan(W)
    # Twice: the rounding error of the first mean is 1e-7 of the mean itself, which for a constant
    # feature would then be multiplied by 1 / sqrt(epsilon).
    for _ in range(2):
        mean = tf.reduce_sum(z if w is None else w * z, axis=0) * share
        z = z - mean if w is None else tf.where(w > 0, z - mean, 0)
    squares = tf.square(z) if w is None else w * tf.square(z)
    var = tf.reduce_sum(squares, axis=0) * tf.math.reciprocal_no_nan(tf.maximum(W - ddof, 0))
    r = tf.math.rsqrt(var + epsilon)
    # Without degrees of freedom there is no variance to speak of: Z = 0, as in the reference.
    return z, tf.where(W - ddof > 0, r, 0)
