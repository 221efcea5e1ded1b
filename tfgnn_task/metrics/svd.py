"""The metrics of kernels/metrics/formulas.py that need one decomposition, as one Keras metric."""

from __future__ import annotations

import tensorflow as tf

from ...kernels.metrics.formulas import svd_metrics
from ...kernels.metrics.rows import matrix
from .means import BatchMeans, Transform


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

    def __init__(
        self, y_pred_transform_fn: Transform | None = None, name: str = "svd_metrics", **kwargs
    ):
        super().__init__(y_pred_transform_fn, name=name, **kwargs)

    def check(self, y_pred: tf.Tensor) -> tf.Tensor:
        """The predictions, if they are a matrix."""
        return matrix(y_pred)

    def evaluate(self, y_pred: tf.Tensor, sample_weight: tf.Tensor | None) -> list[tf.Tensor]:
        """The metrics of one batch."""
        return list(svd_metrics(y_pred, sample_weight=sample_weight).values())
