"""Quality of a representation without labels, from eigenvalues of the smaller Gram matrix.

The numbers of reference/metrics.py: with m = min(N, D), the singular values of X are the square
roots of the eigenvalues of the m x m matrix X^T X or X X^T, accumulated in float64. An eigenvalue
counts as zero when it is at most ``largest * max(N, D) * eps`` (float64 eps): squaring halves the
digits, so singular values below about 5e-7 of the largest (N = 1000) are zeros here.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

_EPSILON = 2.220446049250313e-16  # float64


class Spectrum(NamedTuple):
    """What the metrics need of a representation X [N, D]; m = min(N, D).

    Attributes:
        singular_values: float64 ``[m]``, descending, zeros exact.
        largest_leverage: float64 scalar, max_i |U_i|^2; 1 without full rank.
    """

    singular_values: tf.Tensor
    largest_leverage: tf.Tensor


def spectrum(representations: tf.Tensor) -> Spectrum:
    """Singular values and the largest leverage score of ``[N, D]``, in float64."""
    X = tf.cast(representations, tf.float64)
    rows, columns = tf.unstack(tf.shape(X))
    eigenvalues, vectors = tf.linalg.eigh(_smaller_gram(X))
    sigma = _clipped_roots(eigenvalues, X)

    def tall_leverage():
        U = tf.matmul(X, tf.math.divide_no_nan(vectors, sigma))
        return tf.reduce_max(tf.reduce_sum(tf.square(U), axis=1))

    one = tf.ones([], tf.float64)
    # A wide X of full rank has a square orthogonal U: every row has length 1.
    leverage = tf.cond((rows > columns) & tf.reduce_all(sigma > 0), tall_leverage, lambda: one)
    return Spectrum(tf.reverse(sigma, axis=[0]), leverage)


def singular_values(representations: tf.Tensor) -> tf.Tensor:
    """Singular values alone, float64 ``[m]``, descending: no eigenvectors are computed."""
    X = tf.cast(representations, tf.float64)
    sigma = _clipped_roots(tf.linalg.eigvalsh(_smaller_gram(X)), X)
    return tf.reverse(sigma, axis=[0])


def _smaller_gram(X):
    """X^T X or X X^T, whichever is smaller; their non-zero eigenvalues and squared sums agree."""
    rows, columns = tf.unstack(tf.shape(X))
    return tf.cond(
        rows > columns,
        lambda: tf.matmul(X, X, transpose_a=True),
        lambda: tf.matmul(X, X, transpose_b=True),
    )


def _clipped_roots(eigenvalues, X):
    """Singular values of X from ascending eigenvalues of its Gram matrix; zeros exact."""
    largest_side = tf.cast(tf.reduce_max(tf.shape(X)), eigenvalues.dtype)
    threshold = eigenvalues[-1] * largest_side * _EPSILON
    return tf.sqrt(tf.where(eigenvalues > threshold, eigenvalues, 0))


def rankme(sigma: tf.Tensor, epsilon: float) -> tf.Tensor:
    """RankMe from singular values ``[m]``, see reference.metrics.rankme."""
    p = tf.math.divide_no_nan(sigma, tf.reduce_sum(sigma)) + epsilon
    return tf.exp(-tf.reduce_sum(p * tf.math.log(p)))


def numerical_rank(sigma: tf.Tensor, trace: tf.Tensor | None = None) -> tf.Tensor:
    """Stable rank from singular values ``[m]``, see reference.metrics.numerical_rank.

    ``trace`` is the sum of their squares, if it is known otherwise.
    """
    trace = tf.reduce_sum(tf.square(sigma)) if trace is None else trace
    return tf.math.divide_no_nan(trace, tf.square(sigma[0]))


def pseudo_condition_number(sigma: tf.Tensor) -> tf.Tensor:
    """Largest over smallest singular value, 0 where the smallest is 0."""
    return tf.math.divide_no_nan(sigma[0], sigma[-1])


def coherence(shape: tf.Tensor, largest_leverage: tf.Tensor) -> tf.Tensor:
    """``N / min(N, D)`` times the largest leverage score, see reference.metrics.coherence."""
    rows, columns = tf.unstack(tf.cast(shape, largest_leverage.dtype))
    return largest_leverage * rows / tf.minimum(rows, columns)


def self_clustering(representations: tf.Tensor, subtract_mean: bool) -> tf.Tensor:
    """See reference.metrics.self_clustering; float64 scalar."""
    X = tf.cast(representations, tf.float64)
    if subtract_mean:
        X -= tf.reduce_mean(X, axis=0)
    length = tf.norm(X, axis=1, keepdims=True)
    X = tf.math.divide_no_nan(X, length)  # rows of zeros stay zeros and add nothing
    N = tf.reduce_sum(tf.cast(length > 0, X.dtype))
    actual = tf.reduce_sum(tf.square(_smaller_gram(X)))
    columns = tf.shape(X)[1]
    expected = N + N * (N - 1) / tf.cast(columns, X.dtype)
    spread = N * N - expected
    return tf.where(spread > 0, tf.math.divide_no_nan(actual - expected, spread), 1)
