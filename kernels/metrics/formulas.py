"""Quality of a representation without labels: formulas on its spectrum, in float64.

Definitions: reference/metrics/formulas.py. The spectrum comes from spectrum_host.py where the CPU
can be called (one `tf.numpy_function`: LAPACK is several times faster than TensorFlow's own
decompositions), else from spectrum_graph.py.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..context import can_call_numba
from . import spectrum_graph, spectrum_host
from .spectrum_graph import by_shape
from .spectrum_host import Spectrum


def can_call_host() -> bool:
    """Whether what is being traced, or run eagerly, can call the CPU's NumPy at a profit."""
    return can_call_numba(None)


def spectrum(representations: tf.Tensor, sample_weight=None, *, leverage: bool = True) -> Spectrum:
    """The spectrum of ``[N, D]``, see `spectrum_host.spectrum`; in tensors.

    Args:
        representations: floating ``[N, D]``.
        sample_weight: optional floating ``[N]``.
        leverage: whether the largest leverage score is wanted; NaN if not.
    """
    if not can_call_host():
        return spectrum_graph.spectrum(representations, sample_weight, leverage=leverage)
    weights = () if sample_weight is None else (sample_weight,)
    # NumPy has no half types of its own; all values of both are float32 values.
    inputs = [
        tf.cast(x, tf.float32) if x.dtype.size < 4 else x for x in (representations, *weights)
    ]

    def on_host(X, w=None):
        return spectrum_host.spectrum(X, w, leverage=leverage)

    result = Spectrum(*tf.numpy_function(on_host, inputs, [tf.float64] * 3, stateful=False))
    result.singular_values.set_shape([None])
    result.rows.set_shape([])
    result.largest_leverage.set_shape([])
    return result


def rank_cap(shape: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """``min(N, D)`` from the shape ``[N, D]`` and the rows that count; NaN where that is 0."""
    cap = tf.minimum(rows, tf.cast(shape[1], rows.dtype))
    return tf.where(cap > 0, cap, _nan(cap))


def rankme(sigma: tf.Tensor, epsilon: float, cap: tf.Tensor | None = None) -> tf.Tensor:
    """RankMe from singular values, see reference.metrics.rankme.

    Args:
        sigma: ``[m]``, descending.
        epsilon: added to each share.
        cap: so many of the values count (epsilon makes a zero matter); default: all.
    """
    p = tf.math.divide_no_nan(sigma, tf.reduce_sum(sigma)) + epsilon
    terms = p * tf.math.log(p)
    if cap is not None:
        terms = tf.where(tf.range(tf.size(sigma)) < tf.cast(_or_one(cap), tf.int32), terms, 0)
    return tf.exp(-tf.reduce_sum(terms))


def numerical_rank(sigma: tf.Tensor) -> tf.Tensor:
    """Stable rank from singular values, see reference.metrics.numerical_rank."""
    return tf.reduce_sum(tf.square(tf.math.divide_no_nan(sigma, sigma[0])))


def pseudo_condition_number(sigma: tf.Tensor, cap: tf.Tensor) -> tf.Tensor:
    """Largest over smallest of the first ``cap`` singular values, 0 where that is 0."""
    return tf.math.divide_no_nan(sigma[0], sigma[tf.cast(_or_one(cap), tf.int32) - 1])


def coherence(found: Spectrum, cap: tf.Tensor) -> tf.Tensor:
    """``N / min(N, D)`` times the largest leverage score, see reference.metrics.coherence."""
    return found.largest_leverage * found.rows / cap


def self_clustering(
    representations: tf.Tensor, subtract_mean: bool, sample_weight=None
) -> tf.Tensor:
    """See reference.metrics.self_clustering; float64 scalar.

    ``sum_ij w_i w_j (x_i . x_j)^2`` is the squared Frobenius norm of ``Y Y^T`` and of ``Y^T Y`` for
    ``Y = diag(sqrt(w)) X``; the smaller one is formed.
    """
    X, w, defined = clean_rows(representations, sample_weight)
    X = tf.where(defined, tf.cast(X, tf.float64), 0)
    w = tf.cast(w, tf.float64)
    if subtract_mean:
        X = tf.math.divide_no_nan(X, tf.reduce_max(tf.abs(X)))
        for _ in range(2):  # the first mean is itself rounded
            mean = tf.math.divide_no_nan(tf.linalg.matvec(X, w, transpose_a=True), tf.reduce_sum(w))
            X = tf.where(w[:, tf.newaxis] > 0, X - mean, 0)
    X = unit_rows(X)
    w *= tf.cast(tf.reduce_any(tf.not_equal(X, 0), axis=1), X.dtype)
    Y = tf.sqrt(w)[:, tf.newaxis] * X
    gram = by_shape(
        Y,
        lambda: tf.matmul(Y, Y, transpose_a=True),
        lambda: tf.matmul(Y, Y, transpose_b=True),
    )
    actual = tf.reduce_sum(tf.square(gram))
    squares = tf.reduce_sum(tf.square(w))
    # W^2 - sum w^2, over pairs: with one row left the difference is not exactly zero.
    several = (tf.math.count_nonzero(w) > 1) & (tf.shape(X)[1] > 1)
    pairs = tf.square(tf.reduce_sum(w)) - squares
    expected = squares + tf.math.divide_no_nan(pairs, tf.cast(tf.shape(X)[1], X.dtype))
    value = tf.math.divide_no_nan(actual - expected, squares + pairs - expected)
    return tf.where(defined, tf.where(several, value, 1), _nan(value))


def clean_rows(representations: tf.Tensor, sample_weight=None):
    """Rows of weight 0 cleared, weights relative to the largest, and whether a metric is defined.

    Args:
        representations: floating ``[N, D]``.
        sample_weight: optional floating ``[N]``.

    Returns:
        ``(X, w, defined)``: X of the same dtype, w ``[N]`` (1 where no weights are given) float32,
        or float64 for float64 X, and a bool scalar: there are rows and features, all finite, and
        so are the weights, none of them negative.
    """
    X = representations
    dtype = tf.float64 if X.dtype == tf.float64 else tf.float32
    if sample_weight is None:
        w, good = tf.ones(tf.shape(X)[:1], dtype), True
    else:
        w = tf.cast(sample_weight, tf.float64)
        good = tf.reduce_all((w >= 0) & tf.math.is_finite(w))
        w = tf.cast(tf.math.divide_no_nan(w, tf.reduce_max(w)), dtype)
        X = tf.where(w[:, tf.newaxis] > 0, X, 0)
    some = tf.reduce_any(w > 0) & (tf.shape(X)[1] > 0)
    return X, w, some & good & tf.reduce_all(tf.math.is_finite(X))


def unit_rows(X: tf.Tensor) -> tf.Tensor:
    """Rows of length 1; rows of zeros stay. Scaled first: squares of 1e30 are infinite."""
    X = tf.math.divide_no_nan(X, tf.reduce_max(tf.abs(X), axis=1, keepdims=True))
    return tf.math.divide_no_nan(X, tf.norm(X, axis=1, keepdims=True))


def _or_one(cap):
    return tf.where(cap > 0, cap, 1)  # NaN is not an index


def _nan(like):
    return tf.constant(np.nan, like.dtype)
