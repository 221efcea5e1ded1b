"""Quality of two views of the same rows, in plain TensorFlow ops.

Definitions: reference/metrics/views.py. Computed in float32 for half and float32 inputs, in float64
for float64.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..loss import direct as direct_path
from ..loss import gram as gram_path
from .formulas import clean_rows, unit_rows
from .spectrum_graph import is_empty

# Rows whose distances to all rows are held at a time, by `uniformity`.
_BLOCK = 256


def cross_correlation_metrics(z_a, z_b, sample_weight, options: direct_path.Options):
    """``(mean_i C_ii, root mean square of C_ij, i != j)``, see the reference.

    Both come from the forward pass of the loss in its plain ops. The D x D matrix C takes N D^2
    operations, the two N x N matrices 2 N^2 D, so those are formed where D > 2 N. There, too, their
    difference ``||C||_F^2 - sum_i C_ii^2`` is safe: C has rank N at most, so the difference is no
    smaller than ``(D / N - 1) sum_i C_ii^2`` would be for equal diagonal entries.
    """
    dtype = tf.float64 if z_a.dtype == tf.float64 else tf.float32
    rows, columns = (tf.shape(z_a)[i] if z_a.shape[i] is None else z_a.shape[i] for i in range(2))
    z_a, _, defined_a = clean_rows(tf.cast(z_a, dtype), sample_weight)
    z_b, _, defined_b = clean_rows(tf.cast(z_b, dtype), sample_weight)
    weights = None if sample_weight is None else tf.cast(sample_weight, dtype)
    if weights is not None:
        # The loss looks for a row of positive weight, and would not stand an empty batch.
        empty = is_empty(z_a, 0)
        z_a, z_b = (tf.pad(z, [[0, empty], [0, 0]]) for z in (z_a, z_b))
        weights = tf.pad(weights, [[0, empty]])
    _, W = direct_path.weights(weights, z_a)
    arguments = (z_a, z_b, tf.zeros([], dtype), weights, options)

    def direct():
        _, residuals = direct_path.forward(*arguments)
        return tf.linalg.diag_part(residuals.C), residuals.redundancy, _smallest_r(residuals)

    def gram():
        _, residuals = gram_path.forward(*arguments)
        return residuals.c, residuals.redundancy, _smallest_r(residuals)

    wide = columns > 2 * rows
    if tf.is_tensor(wide):
        c, redundancy, r = tf.cond(wide, gram, direct)
    else:
        c, redundancy, r = gram() if wide else direct()
    diagonal = tf.reduce_mean(c)
    D = tf.cast(columns, dtype)
    off_diagonal = tf.sqrt(redundancy / tf.maximum(D * (D - 1), 1))
    # Where a variance is infinite, 1 / sqrt of it is 0, and C would pass for zero.
    overflow = (W - options.ddof > 0) & tf.equal(r, 0)
    finite = tf.math.is_finite(W) & tf.math.is_finite(diagonal) & tf.math.is_finite(off_diagonal)
    defined = defined_a & defined_b & finite & ~overflow
    return tf.where(defined, diagonal, np.nan), tf.where(defined, off_diagonal, np.nan)


def alignment(z_a, z_b, sample_weight, alpha: float) -> tf.Tensor:
    """Mean distance of the views of a row, to the power of alpha, see the reference."""
    A, w, defined_a = clean_rows(z_a, sample_weight)
    B, _, defined_b = clean_rows(z_b, sample_weight)
    A, B = (unit_rows(tf.cast(z, w.dtype)) for z in (A, B))
    distance = tf.norm(A - B, axis=1) ** alpha
    mean = tf.math.divide_no_nan(tf.reduce_sum(w * distance), tf.reduce_sum(w))
    return tf.where(defined_a & defined_b, mean, np.nan)


def uniformity(representations, sample_weight, t: float) -> tf.Tensor:
    """Logarithm of the mean Gaussian potential of pairs of rows, see the reference.

    Works on blocks of rows, so memory is linear in N, and on logarithms: exp(-4 t) may underflow.
    """
    X, w, defined = clean_rows(representations, sample_weight)
    X = unit_rows(tf.cast(X, w.dtype))
    square = tf.reduce_sum(tf.square(X), axis=1)  # 1, or 0 for a row of zeros
    log_w = tf.math.log(w)
    rows, columns = tf.unstack(tf.shape(X))
    block = tf.maximum(tf.minimum(rows, _BLOCK), 1)
    blocks = (rows + block - 1) // block
    padding = blocks * block - rows

    def of_block(block_of_rows):
        Y, y_square, log_v, index = block_of_rows
        product = tf.matmul(Y, X, transpose_b=True)
        squared_distance = tf.maximum(y_square[:, tf.newaxis] + square - 2 * product, 0)
        exponent = log_v[:, tf.newaxis] + log_w - t * squared_distance
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
        fn_output_signature=w.dtype,
    )
    # The weights of all pairs; w is at most 1, and 1 somewhere.
    w = tf.cast(w, tf.float64)
    pairs = tf.square(tf.reduce_sum(w)) - tf.reduce_sum(tf.square(w))
    value = tf.reduce_logsumexp(parts) - tf.cast(tf.math.log(pairs), parts.dtype)
    value = tf.where(tf.math.count_nonzero(w) > 1, tf.minimum(value, 0), 0)
    return tf.where(defined, value, np.nan)


def _smallest_r(residuals):
    return tf.minimum(tf.reduce_min(residuals.moments_a.r), tf.reduce_min(residuals.moments_b.r))
