"""Metrics of two views: whether Barlow Twins trains or collapses, and where its rows lie.

Definitions: reference/metrics/views.py; how to read them: docs/metrics.md. Results are float32,
float64 for float64 views. NaN where an entry is NaN or infinite, a weight is negative, NaN or
infinite, or no row or feature is left; never an exception.

The Keras metrics take predictions ``[N, 2, D]`` as `BarlowTwinsLoss` does. Beside the default:

    class Task(BarlowTwinsTask):
        def metrics(self):
            return (*super().metrics(), CrossCorrelationMetrics())
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from ...kernels.loss.direct import Options
from ...kernels.metrics import views as kernels
from ...kernels.validation import check_epsilon, check_views
from ..weights import check_predictions
from .means import BatchMeans, matrix, row_weights


def cross_correlation_metrics(
    z_a: tf.Tensor,
    z_b: tf.Tensor,
    *,
    normalize_batch: bool = True,
    sample_weight: tf.Tensor | None = None,
    epsilon: float = 1e-6,
    ddof: float = 0,
) -> Mapping[str, tf.Tensor]:
    """Mean diagonal and root-mean-square off-diagonal of the cross-correlation C of the loss.

    Barlow Twins drives the first to 1 and the second to 0.

    Args:
        z_a: floating ``[N, D]``, the first view.
        z_b: the second view, the same shape and dtype.
        normalize_batch: as for the loss; so are the other arguments.
        sample_weight: optional ``[N]`` or ``[N, 1]``; rows of weight 0 do not count.
        epsilon: added to the variances; positive.
        ddof: the variances divide by ``W - ddof``.

    Returns:
        ``{"correlation_diagonal": in [-1, 1], "correlation_off_diagonal": in [0, 1]}``; without
        normalize_batch any number, and any that is not negative.

    Raises:
        TypeError: if the views do not share a floating dtype.
        ValueError: if shapes do not fit, or epsilon is not positive.
    """
    z_a, z_b, weights = _views(z_a, z_b, sample_weight)
    check_epsilon(epsilon)
    options = Options(bool(normalize_batch), float(epsilon), float(ddof))
    values = kernels.cross_correlation_metrics(z_a, z_b, weights, options)
    return dict(zip(CrossCorrelationMetrics.KEYS, values, strict=True))


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
        z_a: floating ``[N, D]``, the first view; errors as for `cross_correlation_metrics`.
        z_b: the second view, the same shape and dtype.
        alpha: positive, or ValueError.
        sample_weight: optional ``[N]`` or ``[N, 1]``, weights of the mean.

    Returns:
        Scalar in [0, 2^alpha], smaller is closer. A row of zeros stays zero.

    Source: Wang and Isola 2020, https://arxiv.org/abs/2005.10242.
    """
    _check_positive("alpha", alpha)
    return kernels.alignment(*_views(z_a, z_b, sample_weight), float(alpha))


def uniformity(
    representations: tf.Tensor, *, t: float = 2.0, sample_weight: tf.Tensor | None = None
) -> tf.Tensor:
    """Logarithm of the mean Gaussian potential of pairs of rows, by their directions.

        log mean_{i < j} exp(-t |x_i - x_j|^2),  rows of length 1

    Work grows with N^2 D, memory with N: for large batches see ``every_n_steps``.

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

    Source: Wang and Isola 2020, https://arxiv.org/abs/2005.10242.
    """
    _check_positive("t", t)
    representations = matrix(representations)
    weights = row_weights(sample_weight, representations)
    return kernels.uniformity(representations, weights, float(t))


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class CrossCorrelationMetrics(BatchMeans):
    """Means over batches of `cross_correlation_metrics` of predictions ``[N, 2, D]``.

    Weights, steps that are skipped, and values that are not finite: see `BatchMeans`.

    Args:
        y_pred_transform_fn: maps the model's predictions to ``[N, 2, D]``.
        name: the metric's name.
        normalize_batch: as given to the loss; so are the next two.
        epsilon: added to the variances.
        ddof: the variances divide by ``W - ddof``.
        **kwargs: ``every_n_steps``, and what `tf.keras.metrics.Metric` takes.

    Raises:
        ValueError: if epsilon is not positive, or every_n_steps not a positive integer.
    """

    KEYS = ("correlation_diagonal", "correlation_off_diagonal")
    check = staticmethod(check_predictions)

    def __init__(
        self,
        y_pred_transform_fn=None,
        name: str = "cross_correlation_metrics",
        *,
        normalize_batch: bool = True,
        epsilon: float = 1e-6,
        ddof: float = 0,
        **kwargs,
    ):
        super().__init__(y_pred_transform_fn, name=name, **kwargs)
        check_epsilon(epsilon)
        self._options = {"normalize_batch": normalize_batch, "epsilon": epsilon, "ddof": ddof}

    def evaluate(self, y_pred: tf.Tensor, sample_weight: tf.Tensor | None) -> list[tf.Tensor]:
        """The two numbers of one batch."""
        views = tf.unstack(y_pred, axis=1)
        return list(
            cross_correlation_metrics(*views, sample_weight=sample_weight, **self._options).values()
        )

    def get_config(self):
        """See `BatchMeans.get_config`."""
        return {**super().get_config(), **self._options}


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class AlignmentUniformityMetrics(BatchMeans):
    """Means over batches of alignment, and of the mean uniformity of the views ``[N, 2, D]``.

    Weights, steps that are skipped, and values that are not finite: see `BatchMeans`.

    Args:
        y_pred_transform_fn: maps the model's predictions to ``[N, 2, D]``.
        name: the metric's name.
        alpha: see `alignment`.
        t: see `uniformity`.
        **kwargs: ``every_n_steps``, and what `tf.keras.metrics.Metric` takes.

    Raises:
        ValueError: if alpha or t is not positive, or every_n_steps not a positive integer.
    """

    KEYS = ("alignment", "uniformity")
    check = staticmethod(check_predictions)

    def __init__(
        self,
        y_pred_transform_fn=None,
        name: str = "alignment_uniformity_metrics",
        *,
        alpha: float = 2.0,
        t: float = 2.0,
        **kwargs,
    ):
        super().__init__(y_pred_transform_fn, name=name, **kwargs)
        _check_positive("alpha", alpha)
        _check_positive("t", t)
        self._alpha, self._t = alpha, t

    def evaluate(self, y_pred: tf.Tensor, sample_weight: tf.Tensor | None) -> list[tf.Tensor]:
        """The two numbers of one batch."""
        views = tf.unstack(y_pred, axis=1)
        first, second = (uniformity(z, t=self._t, sample_weight=sample_weight) for z in views)
        close = alignment(*views, alpha=self._alpha, sample_weight=sample_weight)
        return [close, (first + second) / 2]

    def get_config(self):
        """See `BatchMeans.get_config`."""
        return {**super().get_config(), "alpha": self._alpha, "t": self._t}


def _views(z_a, z_b, sample_weight):
    """``(z_a, z_b, weights)`` as tensors; shapes and dtypes checked."""
    z_a, z_b = tf.convert_to_tensor(z_a), tf.convert_to_tensor(z_b)
    if z_a.shape[1:2] == z_b.shape[1:2] == [0]:
        # Without features there is nothing to compare: one of NaN says so.
        z_a, z_b = (tf.pad(z, [[0, 0], [0, 1]], constant_values=float("nan")) for z in (z_a, z_b))
    check_views(z_a, z_b)
    return z_a, z_b, row_weights(sample_weight, z_a)


def _check_positive(name, value):
    if not value > 0:
        raise ValueError(f"{name} should be positive (got {value})")
