"""The metrics of two views as Keras metrics: whether Barlow Twins trains or collapses.

They take predictions ``[N, 2, D]`` as `BarlowTwinsLoss` does. Beside the default:

    class Task(BarlowTwinsTask):
        def metrics(self):
            return (*super().metrics(), CrossCorrelationMetrics())
"""

from __future__ import annotations

import tensorflow as tf

from ...kernels.metrics.views import alignment, cross_correlation_metrics, uniformity
from ...kernels.validation import check_epsilon, check_positive
from ..weights import check_predictions
from .means import BatchMeans, Transform


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
        y_pred_transform_fn: Transform | None = None,
        name: str = "cross_correlation_metrics",
        *,
        normalize_batch: bool = True,
        epsilon: float = 1e-6,
        ddof: float = 0,
        **kwargs,
    ):
        super().__init__(y_pred_transform_fn, name=name, **kwargs)
        check_epsilon(epsilon)
        self._options: dict = {"normalize_batch": normalize_batch, "epsilon": epsilon, "ddof": ddof}

    def evaluate(self, y_pred: tf.Tensor, sample_weight: tf.Tensor | None) -> list[tf.Tensor]:
        """The two numbers of one batch."""
        views = tf.unstack(y_pred, axis=1)
        return list(
            cross_correlation_metrics(*views, sample_weight=sample_weight, **self._options).values()
        )

    def get_config(self) -> dict:
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
        y_pred_transform_fn: Transform | None = None,
        name: str = "alignment_uniformity_metrics",
        *,
        alpha: float = 2.0,
        t: float = 2.0,
        **kwargs,
    ):
        super().__init__(y_pred_transform_fn, name=name, **kwargs)
        check_positive("alpha", alpha)
        check_positive("t", t)
        self._alpha, self._t = alpha, t

    def evaluate(self, y_pred: tf.Tensor, sample_weight: tf.Tensor | None) -> list[tf.Tensor]:
        """The two numbers of one batch."""
        views = tf.unstack(y_pred, axis=1)
        first, second = (uniformity(z, t=self._t, sample_weight=sample_weight) for z in views)
        close = alignment(*views, alpha=self._alpha, sample_weight=sample_weight)
        return [close, (first + second) / 2]

    def get_config(self) -> dict:
        """See `BatchMeans.get_config`."""
        return {**super().get_config(), "alpha": self._alpha, "t": self._t}
