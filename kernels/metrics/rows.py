"""The rows that a metric measures: checked, without those of weight 0, of length 1."""

from __future__ import annotations

import tensorflow as tf

from ..validation import check_sample_weight


def matrix(representations: tf.Tensor) -> tf.Tensor:
    """A floating tensor of rank 2, or ValueError."""
    representations = tf.convert_to_tensor(representations)
    if representations.shape.rank != 2:
        raise ValueError(f"Expected 2D tensor (got shape {representations.shape})")
    return as_floating(representations)


def row_weights(sample_weight: tf.Tensor | None, rows_first: tf.Tensor) -> tf.Tensor | None:
    """Weights as a floating vector, one per row of the tensor; None stays.

    Raises:
        ValueError: for another number of weights, as far as it is static.
    """
    if sample_weight is None:
        return None
    weights = as_floating(tf.reshape(tf.convert_to_tensor(sample_weight), [-1]))
    check_sample_weight(weights, rows_first.shape[0])
    return weights


def as_floating(value: tf.Tensor) -> tf.Tensor:
    """The tensor, integers as float32."""
    return value if value.dtype.is_floating else tf.cast(value, tf.float32)


def clean_rows(
    representations: tf.Tensor, sample_weight: tf.Tensor | None = None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Rows of weight 0 cleared, weights relative to the largest, and whether a metric is defined.

    Args:
        representations: floating ``[N, D]``.
        sample_weight: optional floating ``[N]``.

    Returns:
        ``(X, w, defined)``: X of the same dtype, w float64 ``[N]`` (1 where no weights are given),
        and a bool scalar: there are rows and features, all finite, and so are the weights, none of
        them negative.
    """
    X = representations
    if sample_weight is None:
        w, good = tf.ones(tf.shape(X)[:1], tf.float64), True
    else:
        w = tf.cast(sample_weight, tf.float64)
        taken = w > 0
        good = tf.reduce_all((w >= 0) & tf.math.is_finite(w))
        w = tf.math.divide_no_nan(w, tf.reduce_max(w))
        X = tf.where(taken[:, tf.newaxis], X, 0)
    some = tf.reduce_any(w > 0) & (tf.shape(X)[1] > 0)
    return X, w, some & good & tf.reduce_all(tf.math.is_finite(X))


def unit_rows(X: tf.Tensor) -> tf.Tensor:
    """Rows of length 1; rows of zeros stay. Scaled first: squares of 1e30 are infinite."""
    X = tf.math.divide_no_nan(X, tf.reduce_max(tf.abs(X), axis=1, keepdims=True))
    return tf.math.divide_no_nan(X, tf.norm(X, axis=1, keepdims=True))


def heaviest_row(X: tf.Tensor, w: tf.Tensor) -> tf.Tensor:
    """The row of the largest weight, [D]; zeros where there is none."""
    return tf.reduce_sum(tf.where(_is_heaviest(w)[:, tf.newaxis], X, tf.zeros_like(X)), axis=0)


def split_heaviest(w: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """``(others, pairs)`` of weights ``[N]``, of which the largest is 1.

    Others are the weights with the largest one set to 0, pairs is the sum of ``w_i w_j`` over
    i != j. As ``W^2 - sum_i w_i^2`` it would be lost where one row has nearly all of the weight.
    """
    others = tf.where(_is_heaviest(w), tf.zeros_like(w), w)
    rest = tf.reduce_sum(others)
    of_others = tf.square(rest) - tf.reduce_sum(tf.square(others))
    return others, 2 * rest + tf.maximum(of_others, 0)


def _is_heaviest(w):
    """Where the first of the largest weights is."""
    # Never an empty vector, which argmax refuses.
    return tf.equal(tf.range(tf.size(w)), tf.argmax(tf.pad(w, [[0, 1]]), output_type=tf.int32))
