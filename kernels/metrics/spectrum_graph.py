"""Spectrum of a representation in plain TensorFlow ops: on GPUs, in XLA, on remote workers.

The numbers of spectrum_host.py, from one eigendecomposition of the smaller Gram matrix in float64.
With vectors V and singular values sigma, ``U = X V / sigma`` is orthonormal up to
``eps * condition^2``; one Newton-Schulz step ``U (3 - U^T U) / 2`` squares that error. Nothing here
can fail at run time as a Cholesky factorisation would: entries that are not finite are replaced
before, and the results made NaN after.
"""

from __future__ import annotations

import tensorflow as tf

from ..context import compiled_by_xla
from ..shapes import choose, sizes
from .rows import clean_rows
from .spectrum import EPS, Spectrum


def spectrum(X: tf.Tensor, sample_weight=None, *, leverage: bool = True) -> Spectrum:
    """See `spectrum_host.spectrum`; takes and gives tensors."""
    X, w, defined = clean_rows(tf.cast(X, tf.float64), sample_weight)
    rows = tf.reduce_sum(tf.cast(w > 0, X.dtype))
    columns = tf.cast(tf.shape(X)[1], X.dtype)
    if sample_weight is not None:
        X *= tf.sqrt(w)[:, tf.newaxis]
    # Where there is no row or no feature, one of zeros: an empty matrix has no decomposition.
    X = tf.pad(X, [[0, _is_empty(X, 0)], [0, _is_empty(X, 1)]])
    X = tf.where(defined, X, 0)
    X = tf.math.divide_no_nan(X, tf.reduce_max(tf.abs(X)))
    sigma, largest = by_shape(X, lambda: _of_tall(X, leverage), lambda: _of_wide(X))
    # With fewer rows than features, a full rank puts every row of U at length 1.
    last = sigma[tf.cast(tf.maximum(tf.minimum(rows, columns), 1), tf.int32) - 1]
    largest = tf.where((rows > columns) & (last > 0), largest, 1)
    nan = tf.constant(float("nan"), X.dtype)
    return Spectrum(tf.where(defined, sigma, nan), rows, tf.where(defined, largest, nan))


def by_shape(X, tall, wide):
    """What one of two functions returns, by ``N > D``: at once where the shape is static."""
    rows, columns = sizes(X)
    return choose(rows > columns, tall, wide)


def _is_empty(X, axis):
    """1 if there is nothing along an axis, else 0: an int where the shape is static."""
    size = sizes(X)[axis]
    return tf.cast(size == 0, tf.int32) if tf.is_tensor(size) else int(size == 0)


def _of_tall(X, leverage):
    G = tf.matmul(X, X, transpose_a=True)
    if not leverage:
        return _roots(_eigh(G, vectors=False)[0], X), tf.constant(float("nan"), X.dtype)
    eigenvalues, V = _eigh(G)
    sigma = _roots(eigenvalues, X)
    U = tf.matmul(X, tf.math.divide_no_nan(V[:, ::-1], sigma))
    U = 1.5 * U - 0.5 * tf.matmul(U, tf.matmul(U, U, transpose_a=True))
    return sigma, tf.reduce_max(tf.reduce_sum(tf.square(U), axis=1))


def _of_wide(X):
    eigenvalues, _ = _eigh(tf.matmul(X, X, transpose_b=True), vectors=False)
    return _roots(eigenvalues, X), tf.ones([], X.dtype)


def _eigh(G, vectors=True):
    """``(ascending eigenvalues, eigenvectors or None)`` of a symmetric matrix."""
    if compiled_by_xla():
        # There tf.linalg.eigh stops at an error of 1e-7 of the largest eigenvalue, on a CPU at
        # least; only the op below it, which has no public name, takes another bound.
        from tensorflow.compiler.tf2xla.ops import gen_xla_ops

        return gen_xla_ops.xla_self_adjoint_eig(a=G, lower=True, max_iter=100, epsilon=1e-15)
    return tf.linalg.eigh(G) if vectors else (tf.linalg.eigvalsh(G), None)


def _roots(eigenvalues, X):
    """Descending singular values from ascending eigenvalues of the Gram matrix; zeros exact."""
    side = tf.cast(tf.reduce_max(tf.shape(X)), X.dtype)
    threshold = 4 * tf.sqrt(side) * EPS * eigenvalues[-1]
    return tf.sqrt(tf.where(eigenvalues > threshold, eigenvalues, 0))[::-1]
