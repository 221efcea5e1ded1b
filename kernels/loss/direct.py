"""The direct path in plain TensorFlow ops: forms C = Za^T diag(w) Zb / W, for N >= D.

Pure functions without a gradient of their own: choice.py pairs them in a custom gradient, xla.py
compiles them. Made of differentiable ops, so second derivatives work.

The views are only centred, never scaled, as [N, D] arrays: the factors r = 1 / sqrt(var + epsilon)
are applied to the D x D matrices instead (docs/theory/derivation.md, section 4). The residuals
hold the statistics, not the centred views: the backward pass centres again. Within one graph
TensorFlow merges the two computations, in XLA both are fused into their neighbours.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from ..validation import VARIANCES

# With two rows all but epsilon / var of the gradient's operands cancels, and so it does where two
# of many rows have nearly all of the weight: few are done in float64.
FEW_ROWS = 2


class Options(NamedTuple):
    """The static part of the loss' arguments, see entry.py."""

    normalize_batch: bool
    epsilon: float
    ddof: float


class Weights(NamedTuple):
    """The weights of the rows in units of the largest one: only ratios matter.

    Attributes:
        w: ``[N, 1]``; None stands for weights of 1, which need no product.
        taken: ``[N, 1]``, which rows take part: one may whose weight is 0 in w's dtype.
        W: their sum, a scalar.
        degrees: W - ddof, a scalar; 0 if that is negative.
    """

    w: tf.Tensor | None
    taken: tf.Tensor | None
    W: tf.Tensor
    degrees: tf.Tensor


class Moments(NamedTuple):
    """Statistics of one view.

    Attributes:
        means: one row of the view, and the mean of what is left when it is subtracted, ``[D]``
            each; () without standardisation.
        r: ``[D]``, 1 / sqrt(var + epsilon); 1 without standardisation. NaN out of `VARIANCES`.
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
        sample_weight: None or float64 ``[N]``.
        options: see `Options`.

    Returns:
        ``(loss, residuals)``: a scalar and `DirectResiduals`.
    """
    rows = weights(sample_weight, z_a, options)
    moments_a, Ac = moments(z_a, rows, options)
    moments_b, Bc = moments(z_b, rows, options)
    C = tf.matmul(Ac, weigh(Bc, rows), transpose_a=True)
    C *= scale(moments_a, moments_b, rows.W)
    invariance, redundancy = terms(C)
    return invariance + lambda_ * redundancy, DirectResiduals(moments_a, moments_b, C, redundancy)


def backward(z_a, z_b, lambda_, sample_weight, options: Options, residuals, upstream):
    """``(grad_a, grad_b)``: the gradients of the views, times ``upstream``.

    Args: those of `forward`, its residuals, and the gradient with respect to the loss, a scalar.
    """
    rows = weights(sample_weight, z_a, options)
    *both, C, _ = residuals
    return gradients(z_a, z_b, lambda_, rows, options, both, C, upstream)


def gradients(z_a, z_b, lambda_, rows: Weights, options: Options, both, C, upstream):
    """As `backward`; the sums, `Moments` of both views and C may be of more rows than these."""
    moments_a, moments_b = both
    Ac = center(z_a, rows, moments_a)
    Bc = center(z_b, rows, moments_b)
    c = tf.linalg.diag_part(C)
    G = tf.linalg.set_diag(2 * lambda_ * C, 2 * (c - 1)) * upstream
    G_scaled = G * scale(moments_a, moments_b, rows.W)
    grad_a = tf.matmul(Bc, G_scaled, transpose_b=True)
    grad_b = tf.matmul(Ac, G_scaled)
    if options.normalize_batch:
        # f / W = 1 / (W - ddof), times r^2 because Ac and Bc are not scaled.
        f = tf.math.reciprocal_no_nan(rows.degrees)
        CG = C * G
        grad_a -= Ac * (f * tf.square(moments_a.r) * tf.reduce_sum(CG, axis=1))
        grad_b -= Bc * (f * tf.square(moments_b.r) * tf.reduce_sum(CG, axis=0))
    return weigh(grad_a, rows), weigh(grad_b, rows)


def terms(C) -> tuple[tf.Tensor, tf.Tensor]:
    """The invariance and the redundancy-reduction term, the latter without lambda."""
    c = tf.linalg.diag_part(C)
    # Not ||C||^2 - ||c||^2: near the optimum that difference is all rounding error.
    redundancy = tf.reduce_sum(tf.square(tf.linalg.set_diag(C, tf.zeros_like(c))))
    return tf.reduce_sum(tf.square(1 - c)), redundancy


def scale(moments_a: Moments, moments_b: Moments, W) -> tf.Tensor:
    """``r_A r_B^T / W``, [D, D]."""
    return tf.math.reciprocal_no_nan(W) * moments_a.r[:, tf.newaxis] * moments_b.r


def few_rows(sample_weight, rows):
    """Whether hardly more than two rows decide: a bool, or a bool tensor.

    Args:
        sample_weight: None or float64 ``[N]``.
        rows: N.
    """
    if sample_weight is None:
        return rows <= FEW_ROWS
    w = tf.math.divide_no_nan(sample_weight, tf.reduce_max(sample_weight))
    # W^2 / sum w^2 is the number of rows where all weights are equal, else less.
    return tf.square(tf.reduce_sum(w)) <= (FEW_ROWS + 0.5) * tf.reduce_sum(tf.square(w))


def weights(sample_weight, z, options: Options) -> Weights:
    """The `Weights` of the rows of z, by the float64 weights that were given, or None."""
    if sample_weight is None:
        W = tf.cast(tf.shape(z)[0], z.dtype)
        return Weights(None, None, W, tf.maximum(W - options.ddof, 0))
    # In float64 to the quotient: weights of 1e-40 are 0 in float32, and the sum of 1e38 infinite.
    unit = tf.reduce_max(sample_weight)
    relative = tf.math.divide_no_nan(sample_weight, unit)[:, tf.newaxis]
    W = tf.reduce_sum(relative)
    degrees = tf.maximum(W - tf.math.divide_no_nan(tf.cast(options.ddof, W.dtype), unit), 0)
    w, W, degrees = (tf.cast(value, z.dtype) for value in (relative, W, degrees))
    return Weights(w, relative > 0, W, degrees)


def weigh(values, rows: Weights) -> tf.Tensor:
    """``diag(w) values``."""
    return values if rows.w is None else rows.w * values


def moments(z, rows: Weights, options: Options) -> tuple[Moments, tf.Tensor]:
    """The statistics of a view, and the view centred with them."""
    means: tuple[tf.Tensor, ...] = ()
    if options.normalize_batch:
        # Relative to a row of the data, which is exact: a mean of large numbers has an error of
        # 1e-7 of itself, which for a constant feature would then be multiplied by
        # 1 / sqrt(epsilon). A second mean of what the first one leaves is no remedy here, because
        # XLA may compute the first one twice, in two orders of summation.
        first_row = anchor(z, rows)
        shifted = center(z, rows, Moments((first_row,), None))
        mean = tf.reduce_sum(weigh(shifted, rows), axis=0)
        means = (first_row, mean * tf.math.reciprocal_no_nan(rows.W))
    centred = center(z, rows, Moments(means, None))
    squares = tf.reduce_sum(weigh(tf.square(centred), rows), axis=0)
    return Moments(means, inverse_root(squares, rows, options)), centred


def inverse_root(squares, rows: Weights, options: Options) -> tf.Tensor:
    """``Moments.r`` from the weighted sum of squares of a centred view, [D]."""
    least, most = VARIANCES[squares.dtype.as_numpy_dtype]
    if not options.normalize_batch:
        mean_square = squares * tf.math.reciprocal_no_nan(rows.W)
        return tf.where(mean_square <= most, tf.ones_like(squares), float("nan"))
    var = squares * tf.math.reciprocal_no_nan(rows.degrees) + options.epsilon
    r = tf.where((var >= least) & (var <= most), tf.math.rsqrt(var), float("nan"))
    # Without degrees of freedom there is no variance to speak of: Z = 0, as in the reference.
    return tf.where(rows.degrees > 0, r, 0)


def center(z, rows: Weights, view: Moments) -> tf.Tensor:
    """The view less its mean; rows of weight 0 are 0.

    Padding may hold anything, and 0 * NaN is NaN: rows are selected, not multiplied away.
    """
    for mean in view.means:
        z = z - mean
    return z if rows.taken is None else tf.where(rows.taken, z, 0)


def anchor(z, rows: Weights) -> tf.Tensor:
    """The row of the largest weight, [D]; 0 where there is none, as in an empty batch.

    No other would do: beside one that hardly counts, but is 1e10, what counts would be lost.
    """
    if rows.w is None:
        return tf.reduce_sum(z[:1], axis=0)
    # Never an empty vector, which argmax refuses; an empty batch takes no index from it.
    candidates = tf.pad(rows.w[:, 0], [[0, 1]], constant_values=float("-inf"))
    indices = tf.fill([tf.minimum(tf.shape(z)[0], 1)], tf.argmax(candidates, output_type=tf.int32))
    taken = tf.gather(rows.taken, indices)
    return tf.reduce_sum(tf.where(taken, tf.gather(z, indices), 0), axis=0)
