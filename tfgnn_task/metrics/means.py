"""What the Keras metrics of this folder share: means over batches that no batch can spoil."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import tensorflow as tf
from absl import logging

from ...kernels.context import can_call_python
from ...kernels.metrics.rows import row_weights
from ..weights import weights_of_rows

Transform: TypeAlias = Callable[[tf.Tensor], tf.Tensor]


class BatchMeans(tf.keras.metrics.Metric):
    """Means over batches of some scalars that belong to a batch as a whole.

    * Rows of weight 0 do not count. A batch without any other row is passed over.
    * Of every ``every_n_steps`` updates since the last reset the first is evaluated; results are
      means over the evaluated batches, and NaN as long as there is none.
    * A batch whose values are not finite makes the result NaN until a later batch is evaluated and
      finite: a run that has diverged ends its epochs in NaN, one that has recovered gets the mean
      of the good batches. The first such batch after a reset is logged with the number of its
      update, counted since the metric was made (under XLA, and on the workers of parameter
      servers, which cannot call Python, nothing is logged).

    A subclass names its scalars in ``KEYS`` and computes them in ``evaluate``.

    Args:
        y_pred_transform_fn: maps the model's predictions to what is evaluated.
        every_n_steps: see above.
        name: the metric's name.
        **kwargs: passed on to `tf.keras.metrics.Metric`.

    Raises:
        ValueError: if every_n_steps is not a positive integer.
    """

    KEYS: tuple[str, ...] = ()

    def __init__(
        self,
        y_pred_transform_fn: Transform | None = None,
        every_n_steps: int = 1,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if not isinstance(every_n_steps, int | np.integer) or every_n_steps < 1:
            raise ValueError(f"every_n_steps should be a positive integer (got {every_n_steps!r})")
        self._y_pred_transform_fn = y_pred_transform_fn
        self._every_n_steps = int(every_n_steps)
        self._warned = False
        zeros = tf.keras.initializers.Zeros()
        self._totals = self.add_weight("totals", [len(self.KEYS)], initializer=zeros)
        self._evaluated = self.add_weight("evaluated", initializer=zeros)
        self._failed = self.add_weight("failed", initializer=zeros)
        self._updates = self.add_weight("updates", initializer=zeros, dtype=tf.int64)
        self._since_reset = self.add_weight("since_reset", initializer=zeros, dtype=tf.int64)

    def check(self, y_pred: tf.Tensor) -> tf.Tensor:
        """The predictions, if their static shape is right; a subclass raises ValueError if not."""
        return y_pred

    def evaluate(self, y_pred: tf.Tensor, sample_weight: tf.Tensor | None) -> list[tf.Tensor]:
        """The scalars of one batch, in the order of ``KEYS``."""
        raise NotImplementedError

    def update_state(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> None:
        """Adds one batch.

        Args:
            y_true: the task's pseudo-labels, which say what component a row belongs to; anything
                else is unused.
            y_pred: the model's predictions, N rows.
            sample_weight: optional ``[N]`` or ``[N, 1]``, or one per component if the labels name
                them.

        Raises:
            ValueError: if a shape does not fit.
        """
        y_pred = tf.convert_to_tensor(y_pred)
        sample_weight = weights_of_rows(sample_weight, y_true, y_pred)
        if self._y_pred_transform_fn is not None:
            y_pred = self._y_pred_transform_fn(y_pred)
        self._update(y_pred, sample_weight)

    # Keras has AutoGraph rewrite `update_state` and whatever that calls. The transform may need it;
    # for the rest it took most of an eager call's time.
    @tf.autograph.experimental.do_not_convert
    def _update(self, y_pred, sample_weight):
        y_pred = self.check(y_pred)
        weights = row_weights(sample_weight, y_pred)
        update, step = self._updates.value(), self._since_reset.value()
        self._updates.assign_add(1)
        self._since_reset.assign_add(1)
        if self._every_n_steps == 1:
            self._add(update, y_pred, weights)
            return
        tf.cond(
            tf.equal(step % self._every_n_steps, 0),
            lambda: self._add(update, y_pred, weights),
            lambda: tf.constant(False),
        )

    def _add(self, update, y_pred, weights):
        values = tf.stack([tf.cast(x, self.dtype) for x in self.evaluate(y_pred, weights)])
        some = (
            tf.shape(y_pred)[0] > 0 if weights is None else tf.reduce_any(tf.not_equal(weights, 0))
        )
        finite = tf.reduce_all(tf.math.is_finite(values))
        failed = some & ~finite
        self._totals.assign_add(tf.where(some & finite, values, 0))
        self._evaluated.assign_add(tf.cast(some & finite, self.dtype))
        self._failed.assign(tf.where(some, tf.cast(failed, self.dtype), self._failed.value()))
        if can_call_python():
            tf.cond(
                failed,
                lambda: tf.numpy_function(self._warn, [update], tf.bool, stateful=True),
                lambda: tf.constant(False),
            )
        return failed

    def _warn(self, update):
        if not self._warned:
            self._warned = True
            logging.warning(
                "%s: NaN or infinite values at update %d; left out of the means. Not logged again"
                " before the next reset.",
                self.name,
                update,
            )
        return np.True_  # the branches of tf.cond need a value each

    def result(self) -> Mapping[str, tf.Tensor]:
        """The means, by name."""
        nan = tf.constant(np.nan, self._totals.dtype)
        means = tf.where(self._failed > 0, nan, self._totals / self._evaluated)
        return dict(zip(self.KEYS, tf.unstack(means), strict=True))

    def reset_state(self) -> None:
        """Forgets all batches; the count of updates that the warning names goes on."""
        self._warned = False
        for variable in (self._totals, self._evaluated, self._failed, self._since_reset):
            variable.assign(tf.zeros(variable.shape, variable.dtype))

    def __str__(self):
        # Keras' own goes through get_config, in `compile`, and so would refuse a lambda.
        return f"{type(self).__name__}(name={self.name})"

    def get_config(self) -> dict:
        """See `tf.keras.metrics.Metric`; a transform has to be registered with Keras."""
        transform = self._y_pred_transform_fn
        if transform is not None:
            transform = tf.keras.utils.get_registered_name(transform)
            if tf.keras.utils.get_registered_object(transform) is None:
                raise NotImplementedError(
                    "y_pred_transform_fn can be serialised only if it is registered with"
                    " tf.keras.utils.register_keras_serializable."
                )
        return {
            **super().get_config(),
            "y_pred_transform_fn": transform,
            "every_n_steps": self._every_n_steps,
        }

    @classmethod
    def from_config(cls, config: dict) -> BatchMeans:
        """The inverse of `get_config`."""
        transform = config["y_pred_transform_fn"]
        if isinstance(transform, str):  # Keras' SavedModel loader has already replaced the name
            transform = tf.keras.utils.get_registered_object(transform)
        return cls(**{**config, "y_pred_transform_fn": transform})
