"""Quality of a representation without labels, in TensorFlow.

Definitions: reference/metrics/formulas.py; how to read them: docs/theory/metrics.md. All take
``sample_weight``, ``[N]`` or ``[N, 1]``: rows of weight 0 do not count, whatever they hold;
otherwise ``diag(sqrt(w)) X`` is measured. Computed in float64; a scalar of the dtype of the input,
float32 for half types. NaN where an entry is NaN or infinite, a weight is negative, NaN or
infinite, or no row or feature is left; ValueError if the representations are not of rank 2 or the
weights do not fit.

The spectrum comes from spectrum_host.py where the CPU can be called (one `tf.numpy_function`:
LAPACK is several times faster than TensorFlow's own decompositions), else from spectrum_graph.py.

Source: Tsitsulin et al. 2023, https://arxiv.org/abs/2305.16562.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from ..context import can_call_numba
from ..linalg import RANKME_EPSILON
from . import spectrum_graph
from .rows import clean_rows, heaviest_row, matrix, row_weights, split_heaviest, unit_rows
from .spectrum import Spectrum
from .spectrum_graph import by_shape


@tf.autograph.experimental.do_not_convert
def rankme(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    epsilon: float = RANKME_EPSILON,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """Exponential of the entropy of the normalised singular values; in [1, `rankme_cap`].

    Args:
        representations: floating ``[N, D]``.
        sigma: optional singular values ``[min(N, D)]``, those of the weighted rows if there are
            weights; computed if not given.
        u: unused.
        epsilon: added to the normalised singular values.
        sample_weight: optional ``[N]`` or ``[N, 1]``.

    Returns:
        Scalar; 1 for all-zero representations.

    Source: Garrido et al. 2022, https://arxiv.org/abs/2210.02885.
    """
    del u
    sigma, cap = _sigma_and_cap(representations, sigma, sample_weight)
    return _as_input(_rankme(sigma, cap, epsilon), representations)


@tf.autograph.experimental.do_not_convert
def rankme_cap(representations: tf.Tensor, *, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
    """``min(N, D)``, which RankMe cannot exceed, N counting the rows of positive weight."""
    X = matrix(representations)
    _, w, defined = clean_rows(X, row_weights(sample_weight, X))
    cap = _cap(X, tf.math.count_nonzero(w))
    return _as_input(tf.where(defined, cap, np.nan), representations)


@tf.autograph.experimental.do_not_convert
def numerical_rank(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """``sum(sigma^2) / max(sigma)^2``; in [1, min(N, D)], 0 for all-zero representations.

    Arguments as for `rankme`; with ``sigma`` given, only its largest value is used, and the sum of
    the squares is that of the representations' entries, weighted.
    """
    del u
    if sigma is None:
        sigma, _ = _sigma_and_cap(representations, None, sample_weight)
        return _as_input(_numerical_rank(sigma), representations)
    X = tf.cast(matrix(representations), tf.float64)
    if sample_weight is not None:
        w = tf.cast(row_weights(sample_weight, X), tf.float64)[:, tf.newaxis]
        X = tf.where(tf.equal(w, 0), 0, tf.sqrt(w) * X)
    # Divided before they are squared, which may overflow.
    share = tf.math.divide_no_nan(X, tf.cast(sigma, tf.float64)[0])
    return _as_input(tf.reduce_sum(tf.square(share)), representations)


@tf.autograph.experimental.do_not_convert
def pseudo_condition_number(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """Largest over smallest singular value, at least 1; 0 without full rank.

    Arguments as for `rankme`. A smallest singular value below about 2e-7 of the largest (for 1000
    rows; 1e-6 for a million) cannot be told from 0 and counts as 0.
    """
    del u
    sigma, cap = _sigma_and_cap(representations, sigma, sample_weight)
    last = sigma[tf.cast(_or_one(cap), tf.int32) - 1]
    return _as_input(tf.math.divide_no_nan(sigma[0], last), representations)


@tf.autograph.experimental.do_not_convert
def coherence(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """``N / min(N, D)`` times the largest leverage score; in [1, N / min(N, D)].

    Representations without full rank have the largest value: see reference.metrics.coherence.

    Args:
        representations: floating ``[N, D]``.
        sigma: unused.
        u: optional left singular vectors ``[N, min(N, D)]``, those of the weighted rows if there
            are weights; computed if not given.
        sample_weight: optional ``[N]`` or ``[N, 1]``.
    """
    del sigma
    X = matrix(representations)
    w = row_weights(sample_weight, X)
    if u is None:
        found = spectrum(X, w)
    else:
        rows = tf.shape(u)[0] if w is None else tf.math.count_nonzero(w)
        largest = tf.reduce_max(tf.reduce_sum(tf.square(tf.cast(u, tf.float64)), axis=1))
        found = Spectrum(None, tf.cast(rows, tf.float64), largest)
    return _as_input(_coherence(found, _cap(X, found.rows)), representations)


@tf.autograph.experimental.do_not_convert
def self_clustering(
    representations: tf.Tensor,
    *,
    subtract_mean: bool = False,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """How far the directions of the rows are from an even spread; in [-1 / (D - 1), 1].

    About 0 for directions at random, 1 for a collapse. Rows of zeros are left out; where at most
    one row remains, or D = 1, the result is 1.

    Args:
        representations: floating ``[N, D]``.
        subtract_mean: whether to centre the rows first.
        sigma: unused.
        u: unused.
        sample_weight: optional ``[N]`` or ``[N, 1]``; pairs of rows have the product as weight.
    """
    del sigma, u
    X = matrix(representations)
    X, w, defined = clean_rows(X, row_weights(sample_weight, X))
    X = tf.where(defined, tf.cast(X, tf.float64), 0)
    if subtract_mean:
        X = tf.math.divide_no_nan(X, tf.reduce_max(tf.abs(X)))
        X -= heaviest_row(X, w)  # the mean of large numbers is itself rounded
        mean = tf.math.divide_no_nan(tf.linalg.matvec(X, w, transpose_a=True), tf.reduce_sum(w))
        X = tf.where(w[:, tf.newaxis] > 0, X - mean, 0)
    X = unit_rows(X)
    w *= tf.cast(tf.reduce_any(tf.not_equal(X, 0), axis=1), X.dtype)
    # Of the pairs with the heaviest row, and of those of others: of the latter
    # sum_ij w_i w_j (x_i . x_j)^2 is the squared Frobenius norm of Y Y^T and of Y^T Y.
    w = tf.math.divide_no_nan(w, tf.reduce_max(tf.pad(w, [[0, 1]])))
    others, pairs = split_heaviest(w)
    of_heaviest = tf.reduce_sum(others * tf.square(tf.linalg.matvec(X, heaviest_row(X, w))))
    Y = tf.sqrt(others)[:, tf.newaxis] * X
    gram = by_shape(
        Y,
        lambda: tf.matmul(Y, Y, transpose_a=True),
        lambda: tf.matmul(Y, Y, transpose_b=True),
    )
    of_others = tf.reduce_sum(tf.square(gram)) - tf.reduce_sum(tf.square(others))
    mean = tf.math.divide_no_nan(2 * of_heaviest + tf.maximum(of_others, 0), pairs)
    several = (tf.math.count_nonzero(w) > 1) & (tf.shape(X)[1] > 1)
    uniform = tf.math.reciprocal_no_nan(tf.cast(tf.shape(X)[1], X.dtype))
    value = tf.math.divide_no_nan(mean - uniform, 1 - uniform)
    return _as_input(tf.where(defined, tf.where(several, value, 1), np.nan), representations)


@tf.autograph.experimental.do_not_convert
def svd_metrics(
    representations: tf.Tensor, *, sample_weight: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """numerical_rank, rankme, coherence and rankme_cap by name, from one decomposition; float64."""
    X = matrix(representations)
    w = row_weights(sample_weight, X)
    if can_call_host():
        names = ("numerical_rank", "rankme", "coherence", "rankme_cap")
        return dict(zip(names, _on_host("svd_metrics", X, w, outputs=4), strict=True))
    found = spectrum(X, w)
    sigma, cap = found.singular_values, _cap(X, found.rows)
    return {
        "numerical_rank": _numerical_rank(sigma),
        "rankme": _rankme(sigma, cap, RANKME_EPSILON),
        "coherence": _coherence(found, cap),
        "rankme_cap": cap,
    }


def spectrum(representations: tf.Tensor, sample_weight=None, *, leverage: bool = True) -> Spectrum:
    """The spectrum of ``[N, D]``, see `spectrum_host.spectrum`; in tensors.

    Args:
        representations: floating ``[N, D]``.
        sample_weight: optional floating ``[N]``.
        leverage: whether the largest leverage score is wanted; NaN if not.
    """
    if not can_call_host():
        return spectrum_graph.spectrum(representations, sample_weight, leverage=leverage)
    found = _on_host("spectrum", representations, sample_weight, outputs=3, leverage=leverage)
    for value, shape in zip(found, ([None], [], []), strict=True):
        value.set_shape(shape)
    return Spectrum(*found)


def _on_host(name: str, X, w, *, outputs: int, **options) -> list[tf.Tensor]:
    """What a function of spectrum_host.py returns, in float64."""
    weights = () if w is None else (w,)
    # NumPy has no half types of its own; all values of both are float32 values.
    inputs = [tf.cast(x, tf.float32) if x.dtype.size < 4 else x for x in (X, *weights)]

    def call(X, w=None):
        from . import spectrum_host  # on demand: it loads Numba

        return getattr(spectrum_host, name)(X, w, **options)

    return tf.numpy_function(call, inputs, [tf.float64] * outputs, stateful=False)


def can_call_host() -> bool:
    """Whether what is being traced, or run eagerly, can call the CPU's NumPy at a profit."""
    return can_call_numba(None)


def _sigma_and_cap(representations, sigma, sample_weight):
    """Singular values and how many of them count; with values given, those and all of them."""
    X = matrix(representations)
    if sigma is not None:
        sigma = tf.cast(sigma, tf.float64)
        return sigma, tf.cast(tf.size(sigma), tf.float64)
    found = spectrum(X, row_weights(sample_weight, X), leverage=False)
    return found.singular_values, _cap(X, found.rows)


def _cap(X, rows):
    """``min(N, D)`` in float64 by the rows that count; NaN where that is 0."""
    cap = tf.minimum(tf.cast(rows, tf.float64), tf.cast(tf.shape(X)[1], tf.float64))
    return tf.where(cap > 0, cap, np.nan)


def _rankme(sigma, cap, epsilon):
    p = tf.math.divide_no_nan(sigma, tf.reduce_sum(sigma)) + epsilon
    # Epsilon makes a zero matter: only those among the first ``cap`` values are values.
    counts = tf.range(tf.size(sigma)) < tf.cast(_or_one(cap), tf.int32)
    return tf.exp(-tf.reduce_sum(tf.where(counts, p * tf.math.log(p), 0)))


def _numerical_rank(sigma):
    return tf.reduce_sum(tf.square(tf.math.divide_no_nan(sigma, sigma[0])))


def _coherence(found, cap):
    return found.largest_leverage * found.rows / cap


def _or_one(cap):
    return tf.where(cap > 0, cap, 1)  # NaN is not an index


def _as_input(value, representations):
    dtype = tf.convert_to_tensor(representations).dtype
    return tf.cast(value, tf.float64 if dtype == tf.float64 else tf.float32)
