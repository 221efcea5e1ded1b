"""Quality of two views of the same rows, in plain TensorFlow ops: training or collapse, and where.

Definitions: reference/metrics/views.py; how to read them: docs/theory/metrics.md. Computed in
float32, float64 for float64 views, and so are the results. ``sample_weight``, ``[N]`` or
``[N, 1]``: rows of weight 0 do not count. NaN where an entry is NaN or infinite, a weight is
negative, NaN or infinite, or no row or feature is left.

Source of alignment and uniformity: Wang and Isola 2020, https://arxiv.org/abs/2005.10242.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..loss import direct as direct_path
from ..loss import gram as gram_path
from ..shapes import choose, sizes
from ..validation import check_epsilon, check_positive, check_views
from .rows import clean_rows, matrix, row_weights, split_heaviest, unit_rows

# Rows whose distances to all rows are held at a time, by `uniformity`.
_BLOCK = 256


@tf.autograph.experimental.do_not_convert
def cross_correlation_metrics(
    z_a: tf.Tensor,
    z_b: tf.Tensor,
    *,
    normalize_batch: bool = True,
    sample_weight: tf.Tensor | None = None,
    epsilon: float = 1e-6,
    ddof: float = 0,
) -> dict[str, tf.Tensor]:
    """Mean diagonal and root-mean-square off-diagonal of the cross-correlation C of the loss.

    Barlow Twins drives the first to 1 and the second to 0.

    Args:
        z_a: floating ``[N, D]``, the first view.
        z_b: the second view, the same shape and dtype.
        normalize_batch: as for the loss; so are the other arguments.
        sample_weight: optional ``[N]`` or ``[N, 1]``.
        epsilon: added to the variances; positive.
        ddof: the variances divide by ``W - ddof``.

    Returns:
        ``{"correlation_diagonal": in [-1, 1], "correlation_off_diagonal": in [0, 1]}``; without
        normalize_batch any number, and any that is not negative.

    Raises:
        TypeError: if the views do not share a floating dtype.
        ValueError: if shapes do not fit, or epsilon is not positive.
    """
    z_a, z_b, weights = _checked(z_a, z_b, sample_weight)
    check_epsilon(epsilon)
    options = direct_path.Options(bool(normalize_batch), float(epsilon), float(ddof))
    dtype = _working_dtype(z_a)
    rows, columns = sizes(z_a)
    z_a, _, defined_a = clean_rows(tf.cast(z_a, dtype), weights)
    z_b, _, defined_b = clean_rows(tf.cast(z_b, dtype), weights)
    weights = None if weights is None else tf.cast(weights, tf.float64)

    def measured(compute_dtype):
        views = tf.cast(z_a, compute_dtype), tf.cast(z_b, compute_dtype)
        arguments = (*views, tf.zeros([], compute_dtype), weights, options)

        def direct():
            _, residuals = direct_path.forward(*arguments)
            return tf.linalg.diag_part(residuals.C), residuals.redundancy

        def gram():
            _, residuals = gram_path.forward(*arguments)
            return residuals.c, residuals.redundancy

        # The D x D matrix C takes N D^2 operations, the two N x N matrices 2 N^2 D, so those are
        # formed where D > 2 N. There, too, their difference ||C||_F^2 - sum_i C_ii^2 is safe: C has
        # rank N at most, so it is no smaller than (D / N - 1) sum_i C_ii^2 would be for equal
        # diagonal entries.
        c, redundancy = choose(columns > 2 * rows, gram, direct)
        D = tf.cast(columns, compute_dtype)
        off_diagonal = tf.sqrt(redundancy / tf.maximum(D * (D - 1), 1))
        return tf.cast(tf.reduce_mean(c), dtype), tf.cast(off_diagonal, dtype)

    # As the loss: where few rows decide, float32 does not hold the weights of the others.
    few_rows = False
    if weights is not None and dtype == tf.float32:
        few_rows = direct_path.few_rows(weights, rows)
    diagonal, off_diagonal = choose(few_rows, lambda: measured(tf.float64), lambda: measured(dtype))
    finite = tf.math.is_finite(diagonal) & tf.math.is_finite(off_diagonal)
    defined = defined_a & defined_b & finite
    return {
        "correlation_diagonal": tf.where(defined, diagonal, np.nan),
        "correlation_off_diagonal": tf.where(defined, off_diagonal, np.nan),
    }


@tf.autograph.experimental.do_not_convert
def alignment(
    z_a: tf.Tensor,
    z_b: tf.Tensor,
    *,
    alpha: float = 2.0,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """Mean distance between the directions of two views of a row, to the power alpha.

        mean_i |a_i - b_i|^alpha,  rows of length 1

    Args:
        z_a: floating ``[N, D]``, the first view.
        z_b: the second view, the same shape and dtype.
        alpha: positive.
        sample_weight: optional ``[N]`` or ``[N, 1]``, weights of the mean.

    Returns:
        Scalar in [0, 2^alpha], smaller is closer. A row of zeros stays zero.

    Raises:
        TypeError: if the views do not share a floating dtype.
        ValueError: if shapes do not fit, or alpha is not positive.
    """
    check_positive("alpha", alpha)
    z_a, z_b, weights = _checked(z_a, z_b, sample_weight)
    A, w, defined_a = clean_rows(z_a, weights)
    B, _, defined_b = clean_rows(z_b, weights)
    dtype = _working_dtype(A)
    A, B = (unit_rows(tf.cast(z, dtype)) for z in (A, B))
    distance = tf.norm(A - B, axis=1) ** float(alpha)
    w = tf.cast(w, dtype)
    mean = tf.math.divide_no_nan(tf.reduce_sum(w * distance), tf.reduce_sum(w))
    return tf.where(defined_a & defined_b, mean, np.nan)


@tf.autograph.experimental.do_not_convert
def uniformity(
    representations: tf.Tensor, *, t: float = 2.0, sample_weight: tf.Tensor | None = None
) -> tf.Tensor:
    """Logarithm of the mean Gaussian potential of pairs of rows, by their directions.

        log mean_{i < j} exp(-t |x_i - x_j|^2),  rows of length 1

    Work grows with N^2 D, memory with N.

    Args:
        representations: floating ``[N, D]``.
        t: positive.
        sample_weight: optional ``[N]`` or ``[N, 1]``; pairs of rows have the product as weight.

    Returns:
        Scalar in [-4 t, 0], smaller is more even; 0 where all rows point the same way, and for a
        single row. A row of zeros stays zero.

    Raises:
        ValueError: if the representations are not of rank 2, the weights do not fit, or t is not
            positive.
    """
    check_positive("t", t)
    X = matrix(representations)
    X, w, defined = clean_rows(X, row_weights(sample_weight, X))
    dtype = _working_dtype(X)
    X = unit_rows(tf.cast(X, dtype))
    square = tf.reduce_sum(tf.square(X), axis=1)  # 1, or 0 for a row of zeros
    # The pair's share in all pairs; in float64, because both parts may be large.
    pairs = split_heaviest(w)[-1]
    log_w = tf.math.log(w)
    rows, columns = tf.unstack(tf.shape(X))
    block = tf.maximum(tf.minimum(rows, _BLOCK), 1)
    blocks = (rows + block - 1) // block
    padding = blocks * block - rows

    def of_block(block_of_rows):
        Y, y_square, log_v, index = block_of_rows
        product = tf.matmul(Y, X, transpose_b=True)
        squared_distance = tf.maximum(y_square[:, tf.newaxis] + square - 2 * product, 0)
        # On logarithms: exp(-4 t) may underflow.
        share = tf.cast(log_v[:, tf.newaxis] + log_w - tf.math.log(pairs), dtype)
        exponent = share - float(t) * squared_distance
        others = index[:, tf.newaxis] != tf.range(rows)
        return tf.reduce_logsumexp(tf.where(others, exponent, -np.inf))

    parts = tf.map_fn(
        of_block,
        (
            tf.reshape(tf.pad(X, [[0, padding], [0, 0]]), [blocks, block, columns]),
            tf.reshape(tf.pad(square, [[0, padding]]), [blocks, block]),
            tf.reshape(tf.pad(log_w, [[0, padding]], constant_values=-np.inf), [blocks, block]),
            tf.reshape(tf.range(blocks * block), [blocks, block]),
        ),
        fn_output_signature=dtype,
    )
    value = tf.reduce_logsumexp(parts)
    value = tf.where(tf.math.count_nonzero(w) > 1, tf.minimum(value, 0), 0)
    return tf.where(defined, value, np.nan)


def _checked(z_a, z_b, sample_weight):
    """``(z_a, z_b, weights)`` as tensors; shapes and dtypes checked."""
    z_a, z_b = tf.convert_to_tensor(z_a), tf.convert_to_tensor(z_b)
    if z_a.shape[1:2] == z_b.shape[1:2] == [0]:
        # Without features there is nothing to compare: one of NaN says so.
        z_a, z_b = (tf.pad(z, [[0, 0], [0, 1]], constant_values=float("nan")) for z in (z_a, z_b))
    check_views(z_a, z_b)
    return z_a, z_b, row_weights(sample_weight, z_a)


def _working_dtype(view):
    return tf.float64 if view.dtype == tf.float64 else tf.float32
