"""The gram path in plain TensorFlow ops: never forms C, for N < D.

With Ka = Za Za^T, Kb = Zb Zb^T, both [N, N] (docs/derivation.md, section 5):

    ||C||_F^2 = sum_il w_i w_l Ka_il Kb_il / W^2
    Zb G^T    = (2 lambda / W) Kb diag(w) Za + Zb * h,     h = 2 (1 - lambda) c - 2

The same interface as direct.py.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from .direct import Moments, Options, center, moments, weights


class GramResiduals(NamedTuple):
    """What `backward` needs beside the arguments of `forward`."""

    moments_a: Moments
    moments_b: Moments
    weighted_ka: tf.Tensor
    weighted_kb: tf.Tensor
    c: tf.Tensor
    redundancy: tf.Tensor


def forward(z_a, z_b, lambda_, sample_weight, options: Options):
    """The loss, and the residuals for `backward`; arguments as for `direct.forward`."""
    w, W = weights(sample_weight, z_a)
    share = tf.math.reciprocal_no_nan(W)
    moments_a, Ac = moments(z_a, w, W, options)
    moments_b, Bc = moments(z_b, w, W, options)
    Za, Zb = Ac * moments_a.r, Bc * moments_b.r
    # K diag(w) / W: row l of the product is weighted by w_l, the columns of this matrix.
    column_weight = share if w is None else share * tf.transpose(w)
    weighted_ka = tf.matmul(Za, Za, transpose_b=True) * column_weight
    weighted_kb = tf.matmul(Zb, Zb, transpose_b=True) * column_weight
    c = _weighted_sum(Za * Zb, w, share)
    # sum_il w_i w_l Ka_il Kb_il / W^2: the weights of the columns, and of the rows by transposing.
    # The sum cancels against ||c||^2 near the optimum, so it is taken in float64.
    squares = tf.reduce_sum(tf.cast(weighted_ka * tf.transpose(weighted_kb), tf.float64))
    redundancy = squares - tf.reduce_sum(tf.square(tf.cast(c, tf.float64)))
    redundancy = tf.cast(tf.maximum(redundancy, 0), z_a.dtype)
    loss = tf.reduce_sum(tf.square(1 - c)) + lambda_ * redundancy
    return loss, GramResiduals(moments_a, moments_b, weighted_ka, weighted_kb, c, redundancy)


def backward(z_a, z_b, lambda_, sample_weight, options: Options, residuals, upstream):
    """``(grad_a, grad_b)``, times ``upstream``; arguments as for `direct.backward`."""
    w, W = weights(sample_weight, z_a)
    moments_a, moments_b, weighted_ka, weighted_kb, c, _ = residuals
    share = tf.math.reciprocal_no_nan(W)
    Za = center(z_a, w, moments_a) * moments_a.r
    Zb = center(z_b, w, moments_b) * moments_b.r
    h = 2 * (1 - lambda_) * c - 2
    ZbCt, ZaC = tf.matmul(weighted_kb, Za), tf.matmul(weighted_ka, Zb)
    grad_a = 2 * lambda_ * ZbCt + Zb * h
    grad_b = 2 * lambda_ * ZaC + Za * h
    if options.normalize_batch:
        f = W * tf.math.reciprocal_no_nan(tf.maximum(W - options.ddof, 0))
        row_squares = _weighted_sum(Za * ZbCt, w, share)  # rowsum(C * C)
        column_squares = _weighted_sum(Zb * ZaC, w, share)
        grad_a -= Za * (f * (2 * lambda_ * row_squares + c * h))
        grad_b -= Zb * (f * (2 * lambda_ * column_squares + c * h))
    scale = upstream * (share if w is None else share * w)
    return scale * moments_a.r * grad_a, scale * moments_b.r * grad_b


def _weighted_sum(values, w, share) -> tf.Tensor:
    return share * tf.reduce_sum(values if w is None else w * values, axis=0)
