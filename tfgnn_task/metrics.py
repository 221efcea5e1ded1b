"""Metrics of embedding quality, as functions and as one Keras metric.

Definitions: reference/metrics.py. Results have the dtype of the input, float32 for half types.
Source: Tsitsulin et al. 2023, https://arxiv.org/abs/2305.16562.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import tensorflow as tf

from ..kernels import metrics as kernels

_RANKME_EPSILON = 1e-12


def rankme(
    representations: tf.Tensor,
    *,
    sigma: tf.Tensor | None = None,
    u: tf.Tensor | None = None,
    epsilon: float = _RANKME_EPSILON,
) -> tf.Tensor:
    """Exponential of the entropy of the normalised singular values; in [1, min(N, D)].

    Args:
        representations: floating ``[N, D]``.
        sigma: optional singular values ``[min(N, D)]``; computed if not given.
        u: unused.
        epsilon: added to the normalised singular values.

    Returns:
        Scalar; 1 for all-zero representations.

    Raises:
        ValueError: if the representations are not of rank 2.

    Source: Garrido et al. 2022, https://arxiv.org/abs/2210.02885.
    """
    del u
    return _as_input(kernels.rankme(_sigma(representations, sigma), epsilon), representations)


def numerical_rank(
    representations: tf.Tensor, *, sigma: tf.Tensor | None = None, u: tf.Tensor | None = None
) -> tf.Tensor:
    """``sum(sigma^2) / max(sigma)^2``; in [1, min(N, D)], 0 for all-zero representations.

    Arguments and errors as for `rankme`; with ``sigma`` given, only its largest value is used, and
    the sum of the squares is that of the representations' entries.
    """
    del u
    trace = None
    if sigma is not None:
        trace = tf.reduce_sum(tf.square(tf.cast(_matrix(representations), tf.float64)))
    rank = kernels.numerical_rank(_sigma(representations, sigma), trace)
    return _as_input(rank, representations)


def pseudo_condition_number(
    representations: tf.Tensor, *, sigma: tf.Tensor | None = None, u: tf.Tensor | None = None
) -> tf.Tensor:
    """Largest over smallest singular value; 0 for representations without full rank.

    Arguments and errors as for `rankme`.
    """
    del u
    sigma = _sigma(representations, sigma)
    return _as_input(kernels.pseudo_condition_number(sigma), representations)


def coherence(
    representations: tf.Tensor, *, sigma: tf.Tensor | None = None, u: tf.Tensor | None = None
) -> tf.Tensor:
    """``N / min(N, D)`` times the largest leverage score; in [1, N / min(N, D)].

    Representations without full rank have the largest value: see reference.metrics.coherence.

    Args:
        representations: floating ``[N, D]``.
        sigma: unused.
        u: optional left singular vectors ``[N, min(N, D)]``; computed if not given.

    Returns:
        Scalar.

    Raises:
        ValueError: if the representations are not of rank 2.
    """
    del sigma
    representations = _matrix(representations)
    if u is None:
        leverage = kernels.spectrum(representations).largest_leverage
    else:
        leverage = tf.reduce_max(tf.reduce_sum(tf.square(tf.cast(u, tf.float64)), axis=1))
    return _as_input(kernels.coherence(tf.shape(representations), leverage), representations)


def self_clustering(representations: tf.Tensor, *, subtract_mean: bool = False) -> tf.Tensor:
    """How far the directions of the rows are from an even spread; in (-0.5, 1].

    About 0 for directions at random, 1 for a collapse. Rows of zeros are left out; where at most
    one row remains, or D = 1, the result is 1.

    Args:
        representations: floating ``[N, D]``.
        subtract_mean: whether to centre the rows first.

    Returns:
        Scalar.

    Raises:
        ValueError: if the representations are not of rank 2.
    """
    representations = _matrix(representations)
    return _as_input(kernels.self_clustering(representations, subtract_mean), representations)


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class AllSvdMetrics(tf.keras.metrics.Metric):
    """Means over batches of numerical_rank, rankme and coherence, from one decomposition.

    Args:
        y_pred_transform_fn: maps the model's predictions to representations ``[N, D]``; default:
            the predictions are the representations.
        name: the metric's name.
        **kwargs: passed on to `tf.keras.metrics.Metric`.

    ``result()`` is a dict from the three names to scalars.
    """

    def __init__(
        self,
        y_pred_transform_fn: Callable[[tf.Tensor], tf.Tensor] | None = None,
        name: str = "svd_metrics",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self._y_pred_transform_fn = y_pred_transform_fn
        names = ("numerical_rank", "rankme", "coherence")
        self._means = {key: tf.keras.metrics.Mean(name=key) for key in names}

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        """Adds one batch; labels and weights are not used."""
        del y_true, sample_weight
        y_pred = tf.convert_to_tensor(y_pred)
        if self._y_pred_transform_fn is not None:
            y_pred = self._y_pred_transform_fn(y_pred)
        representations = _matrix(y_pred)
        sigma, leverage = kernels.spectrum(representations)
        self._means["numerical_rank"].update_state(kernels.numerical_rank(sigma))
        self._means["rankme"].update_state(kernels.rankme(sigma, _RANKME_EPSILON))
        shape = tf.shape(representations)
        self._means["coherence"].update_state(kernels.coherence(shape, leverage))

    def result(self) -> Mapping[str, tf.Tensor]:
        """The three means."""
        return {name: mean.result() for name, mean in self._means.items()}

    def reset_state(self) -> None:
        """Forgets all batches."""
        for mean in self._means.values():
            mean.reset_state()

    def get_config(self):
        """See `tf.keras.metrics.Metric`; a transform has to be registered with Keras."""
        transform = self._y_pred_transform_fn
        if transform is not None:
            transform = tf.keras.utils.get_registered_name(transform)
            if tf.keras.utils.get_registered_object(transform) is None:
                raise NotImplementedError(
                    "y_pred_transform_fn can be serialised only if it is registered with"
                    " tf.keras.utils.register_keras_serializable."
                )
        return {"name": self.name, "dtype": self.dtype, "y_pred_transform_fn": transform}

    @classmethod
    def from_config(cls, config):
        """The inverse of `get_config`."""
        name = config["y_pred_transform_fn"]
        transform = name and tf.keras.utils.get_registered_object(name)
        return cls(**{**config, "y_pred_transform_fn": transform})


def _matrix(representations) -> tf.Tensor:
    representations = tf.convert_to_tensor(representations)
    if representations.shape.rank != 2:
        raise ValueError(f"Expected 2D tensor (got shape {representations.shape})")
    return representations


def _sigma(representations, sigma) -> tf.Tensor:
    representations = _matrix(representations)
    return kernels.singular_values(representations) if sigma is None else tf.cast(sigma, tf.float64)


def _as_input(value: tf.Tensor, representations) -> tf.Tensor:
    dtype = tf.convert_to_tensor(representations).dtype
    return tf.cast(value, tf.float64 if dtype == tf.float64 else tf.float32)
