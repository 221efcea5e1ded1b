"""Metrics of embedding quality, as functions and as one Keras metric.

Definitions: reference/metrics/; how to read them: docs/metrics.md. All take ``sample_weight
[N]``: rows of weight 0 do not count, whatever they hold; otherwise ``diag(sqrt(w)) X`` is measured.
Results have the dtype of the input, float32 for half types. NaN where an entry is NaN or infinite,
a weight is negative, NaN or infinite, or no row or feature is left; never an exception.
Source: Tsitsulin et al. 2023, https://arxiv.org/abs/2305.16562.
"""

from __future__ import annotations

import tensorflow as tf

from ...kernels.metrics import formulas as kernels
from .means import BatchMeans, matrix, row_weights

_RANKME_EPSILON = 1e-12


def rankme(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    epsilon: float = _RANKME_EPSILON,
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

    Raises:
        ValueError: if the representations are not of rank 2, or the weights do not fit.

    Source: Garrido et al. 2022, https://arxiv.org/abs/2210.02885.
    """
    del u
    sigma, cap = _sigma_and_cap(representations, sigma, sample_weight)
    return _as_input(kernels.rankme(sigma, epsilon, cap), representations)


def rankme_cap(representations: tf.Tensor, *, sample_weight: tf.Tensor | None = None) -> tf.Tensor:
    """``min(N, D)``, which RankMe cannot exceed, N counting the rows of positive weight.

    Arguments and errors as for `rankme`.
    """
    representations = matrix(representations)
    weights = row_weights(sample_weight, representations)
    _, weights, defined = kernels.clean_rows(representations, weights)
    rows = tf.cast(tf.math.count_nonzero(weights), tf.float64)
    cap = kernels.rank_cap(tf.shape(representations), rows)
    return _as_input(tf.where(defined, cap, float("nan")), representations)


def numerical_rank(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """``sum(sigma^2) / max(sigma)^2``; in [1, min(N, D)], 0 for all-zero representations.

    Arguments and errors as for `rankme`; with ``sigma`` given, only its largest value is used, and
    the sum of the squares is that of the representations' entries, weighted.
    """
    del u
    if sigma is None:
        sigma, _ = _sigma_and_cap(representations, None, sample_weight)
        return _as_input(kernels.numerical_rank(sigma), representations)
    representations = matrix(representations)
    X = tf.cast(representations, tf.float64)
    if sample_weight is not None:
        w = tf.cast(row_weights(sample_weight, representations), tf.float64)[:, tf.newaxis]
        X = tf.where(tf.equal(w, 0), 0, tf.sqrt(w) * X)
    # Divided before they are squared, which may overflow.
    share = tf.math.divide_no_nan(X, tf.cast(sigma, tf.float64)[0])
    return _as_input(tf.reduce_sum(tf.square(share)), representations)


def pseudo_condition_number(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """Largest over smallest singular value, at least 1; 0 without full rank.

    Arguments and errors as for `rankme`. A smallest singular value below about 2e-7 of the largest
    (for 1000 rows; 1e-6 for a million) cannot be told from 0 and counts as 0.
    """
    del u
    sigma, cap = _sigma_and_cap(representations, sigma, sample_weight)
    return _as_input(kernels.pseudo_condition_number(sigma, cap), representations)


def coherence(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """``N / min(N, D)`` times the largest leverage score; in [1, N / min(N, D)].

    Representations without full rank have the largest value: see reference.metrics.coherence.
    Arguments and errors as for `rankme`, but ``sigma`` is unused, and ``u`` the left singular
    vectors ``[N, min(N, D)]``, those of the weighted rows if there are weights; computed if not
    given.
    """
    del sigma
    representations = matrix(representations)
    weights = row_weights(sample_weight, representations)
    if u is None:
        found = kernels.spectrum(representations, weights)
    else:
        rows = tf.shape(u)[0] if weights is None else tf.math.count_nonzero(weights)
        largest = tf.reduce_max(tf.reduce_sum(tf.square(tf.cast(u, tf.float64)), axis=1))
        found = kernels.Spectrum(None, tf.cast(rows, tf.float64), largest)
    cap = kernels.rank_cap(tf.shape(representations), found.rows)
    return _as_input(kernels.coherence(found, cap), representations)


def self_clustering(
    representations: tf.Tensor,
    *,
    subtract_mean: bool = False,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    sample_weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """How far the directions of the rows are from an even spread; in (-0.5, 1].

    About 0 for directions at random, 1 for a collapse. Rows of zeros are left out; where at most
    one row remains, or D = 1, the result is 1. With ``subtract_mean`` the rows are centred first;
    pairs of rows have the product of their weights as weight. Other arguments and errors as for
    `rankme`, but ``sigma`` and ``u`` are unused.
    """
    del sigma, u
    representations = matrix(representations)
    weights = row_weights(sample_weight, representations)
    value = kernels.self_clustering(representations, subtract_mean, weights)
    return _as_input(value, representations)


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class AllSvdMetrics(BatchMeans):
    """Means over batches of numerical_rank, rankme and coherence, from one decomposition.

    ``result()`` is a dict from the three names, and ``rankme_cap``, to scalars. Predictions,
    weights, steps that are skipped, and values that are not finite: see `BatchMeans`.

    Args:
        y_pred_transform_fn: maps the model's predictions to representations ``[N, D]``; default:
            the predictions are the representations.
        name: the metric's name.
        every_n_steps: evaluate the first of every so many batches.
        **kwargs: passed on to `tf.keras.metrics.Metric`.

    Raises:
        ValueError: if every_n_steps is not a positive integer.
    """

    KEYS = ("numerical_rank", "rankme", "coherence", "rankme_cap")

    def __init__(self, y_pred_transform_fn=None, name: str = "svd_metrics", **kwargs):
        super().__init__(y_pred_transform_fn, name=name, **kwargs)

    def check(self, y_pred: tf.Tensor) -> tf.Tensor:
        """The predictions, if they are a matrix."""
        return matrix(y_pred)

    def evaluate(self, y_pred: tf.Tensor, sample_weight: tf.Tensor | None) -> list[tf.Tensor]:
        """The metrics of one batch."""
        found = kernels.spectrum(y_pred, sample_weight)
        cap = kernels.rank_cap(tf.shape(y_pred), found.rows)
        return [
            kernels.numerical_rank(found.singular_values),
            kernels.rankme(found.singular_values, _RANKME_EPSILON, cap),
            kernels.coherence(found, cap),
            cap,
        ]


def _sigma_and_cap(representations, sigma, sample_weight):
    """Singular values and how many of them count; with values given, those and all of them."""
    representations = matrix(representations)
    if sigma is not None:
        sigma = tf.cast(sigma, tf.float64)
        return sigma, tf.cast(tf.size(sigma), tf.float64)
    weights = row_weights(sample_weight, representations)
    found = kernels.spectrum(representations, weights, leverage=False)
    return found.singular_values, kernels.rank_cap(tf.shape(representations), found.rows)


def _as_input(value: tf.Tensor, representations) -> tf.Tensor:
    dtype = tf.convert_to_tensor(representations).dtype
    return tf.cast(value, tf.float64 if dtype == tf.float64 else tf.float32)
