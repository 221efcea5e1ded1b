"""The gram path in plain TensorFlow ops: never forms C, for N < D.

With Ka = Za Za^T, Kb = Zb Zb^T, both [N, N] (docs/theory/derivation.md, section 5):

    ||C||_F^2 = sum_il w_i w_l Ka_il Kb_il / W^2
    Zb G^T    = (2 lambda / W) Kb diag(w) Za + Zb * h,     h = 2 (1 - lambda) c - 2

The same interface as direct.py.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from .direct import Moments, Options, center, moments, weigh, weights


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
    rows = weights(sample_weight, z_a, options)
    share = tf.math.reciprocal_no_nan(rows.W)
    moments_a, Ac = moments(z_a, rows, options)
    moments_b, Bc = moments(z_b, rows, options)
    Za, Zb = Ac * moments_a.r, Bc * moments_b.r
    # K diag(w) / W: row l of the product is weighted by w_l, the columns of this matrix.
    column_weight = share if rows.w is None else share * tf.transpose(rows.w)
    weighted_ka = tf.matmul(Za, Za, transpose_b=True) * column_weight
    weighted_kb = tf.matmul(Zb, Zb, transpose_b=True) * column_weight
    c = _weighted_sum(Za * Zb, rows, share)
    # sum_il w_i w_l Ka_il Kb_il / W^2: the weights of the columns, and of the rows by transposing.
    # The sum cancels against ||c||^2 near the optimum, so it is taken in float64.
    squares = tf.reduce_sum(tf.cast(weighted_ka * tf.transpose(weighted_kb), tf.float64))
    redundancy = squares - tf.reduce_sum(tf.square(tf.cast(c, tf.float64)))
    redundancy = tf.cast(tf.maximum(redundancy, 0), z_a.dtype)
    loss = tf.reduce_sum(tf.square(1 - c)) + lambda_ * redundancy
    return loss, GramResiduals(moments_a, moments_b, weighted_ka, weighted_kb, c, redundancy)


def backward(z_a, z_b, lambda_, sample_weight, options: Options, residuals, upstream):
    """``(grad_a, grad_b)``, times ``upstream``; arguments as for `direct.backward`."""
    rows = weights(sample_weight, z_a, options)
    moments_a, moments_b, weighted_ka, weighted_kb, c, _ = residuals
    share = tf.math.reciprocal_no_nan(rows.W)
    Za = center(z_a, rows, moments_a) * moments_a.r
    Zb = center(z_b, rows, moments_b) * moments_b.r
    h = 2 * (1 - lambda_) * c - 2
    ZbCt, ZaC = tf.matmul(weighted_kb, Za), tf.matmul(weighted_ka, Zb)
    grad_a = 2 * lambda_ * ZbCt + Zb * h
    grad_b = 2 * lambda_ * ZaC + Za * h
    if options.normalize_batch:
        f = rows.W * tf.math.reciprocal_no_nan(rows.degrees)
        row_squares = _weighted_sum(Za * ZbCt, rows, share)  # rowsum(C * C)
        column_squares = _weighted_sum(Zb * ZaC, rows, share)
        grad_a -= Za * (f * (2 * lambda_ * row_squares + c * h))
        grad_b -= Zb * (f * (2 * lambda_ * column_squares + c * h))
    scale = weigh(upstream * share, rows)
    return scale * moments_a.r * grad_a, scale * moments_b.r * grad_b


def _weighted_sum(values, rows, share) -> tf.Tensor:
    return share * tf.reduce_sum(weigh(values, rows), axis=0)
