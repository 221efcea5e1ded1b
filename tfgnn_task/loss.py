"""The Barlow Twins loss as a Keras loss over two stacked views."""

from __future__ import annotations

import numbers
import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from ..kernels.context import BACKENDS, compiled_by_xla
from ..kernels.loss.entry import barlow_twins_loss
from ..kernels.loss.paths import PATHS
from ..kernels.loss.replicas.entry import barlow_twins_loss_over_replicas, replicas_in_sync
from ..kernels.validation import check_choice, check_epsilon
from .nonfinite import CHOICES, NonfiniteGuard
from .weights import check_predictions, weights_of_rows

ONE_ROW_MESSAGE = (
    "BarlowTwinsLoss got a batch of one row: its loss is a constant and its gradient zero, so"
    " nothing is learnt from it. The loss compares rows; read out more of them (a larger batch, or"
    ' readout="all_nodes" when training on one full graph).'
)


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class BarlowTwinsLoss(tf.keras.losses.Loss):
    """Barlow Twins loss of predictions ``[N, 2, D]``, the two views stacked in axis 1.

    The value belongs to the batch as a whole, so there is one scalar, whatever ``reduction`` says.
    A batch of one row raises a RuntimeWarning, once per loss object (under XLA, which has no way to
    call the host, only where the number of rows is static).

    On R > 1 replicas in sync it is the value of the global batch, the same on all of them.
    ``Model.fit`` divides it by R and sums the gradients, which gives the gradient of the global
    loss; a custom loop has to do the same (docs/usage/distribution.md). With ``reduction="sum"``,
    by which a caller announces that the replicas' losses are summed as they are, each returns 1 / R
    of the value.

    A loss that is NaN or infinite is returned as it is. In training the backward pass then does
    what ``on_nonfinite`` says, before a gradient reaches any weight:

    * "raise": `tf.errors.InvalidArgumentError` with the training step, counted since the loss
      object was made, and the view, feature column and row of the first bad value. On several
      replicas the error that comes first is one of a replica with a bad value.
    * "skip": all gradients are made NaN, for an optimizer that leaves out such steps, see
      `skip_nonfinite_steps`. After 100 in a row it raises.
    * "ignore": nothing.

    Functions that XLA compiles never raise; there "raise" means "ignore".

    Args:
        lambda_: weight of the redundancy-reduction term; default ``1 / D``.
        normalize_batch: whether to standardise each feature over the batch.
        epsilon: added to the variances.
        ddof: the variances divide by ``W - ddof``.
        backend, path: see `graph_barlow_twins.kernels.loss.entry.barlow_twins_loss`.
        cross_replica: whether the batch is the one of all replicas in sync, or each replica takes
            the loss of its own rows.
        on_nonfinite: see above.
        name: the loss' name.
        **kwargs: passed on to `tf.keras.losses.Loss`.

    Raises:
        TypeError: if ``lambda_`` or epsilon is not a number.
        ValueError: if epsilon is not positive, or a choice is unknown.
    """

    def __init__(
        self,
        *,
        lambda_: float | tf.Tensor | None = None,
        normalize_batch: bool = True,
        epsilon: float = 1e-6,
        ddof: float = 0,
        backend: str = "auto",
        path: str = "auto",
        cross_replica: bool = True,
        on_nonfinite: str = "raise",
        name: str = "barlow_twins_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        check_epsilon(epsilon)
        check_choice("backend", backend, BACKENDS)
        check_choice("path", path, PATHS)
        check_choice("on_nonfinite", on_nonfinite, CHOICES)
        if not (lambda_ is None or tf.is_tensor(lambda_) or isinstance(lambda_, numbers.Real)):
            raise TypeError(f"lambda_ should be a number or a scalar tensor (got {lambda_!r})")
        self._options: dict[str, Any] = {
            "lambda_": lambda_,
            "normalize_batch": normalize_batch,
            "epsilon": epsilon,
            "ddof": ddof,
            "backend": backend,
            "path": path,
        }
        self._cross_replica = bool(cross_replica)
        self._on_nonfinite = on_nonfinite
        self._guard: NonfiniteGuard | None = None
        self._warned = False

    def __call__(
        self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None
    ) -> tf.Tensor:
        """The loss of one batch.

        Args:
            y_true: the task's pseudo-labels, which say what component a row belongs to; anything
                else is unused.
            y_pred: floating ``[N, 2, D]``.
            sample_weight: optional ``[N]`` or ``[N, 1]``, or one per component if the labels name
                them; 0 for padding.

        Returns:
            Scalar.

        Raises:
            ValueError: if the predictions are not of shape ``[N, 2, D]``, D static.
        """
        y_pred = check_predictions(y_pred)
        if y_pred.shape[2] is None:
            raise ValueError(
                f"expected predictions with a static number of features D (got {y_pred.shape})"
            )
        sample_weight = weights_of_rows(sample_weight, y_true, y_pred)
        z_a, z_b = tf.unstack(y_pred, axis=1)
        replicas = replicas_in_sync() if self._cross_replica else 1
        if replicas == 1:
            self._warn_about_one_row(y_pred)
            loss = barlow_twins_loss(z_a, z_b, sample_weight=sample_weight, **self._options)
        else:
            loss = barlow_twins_loss_over_replicas(
                z_a, z_b, sample_weight=sample_weight, **self._options
            )
        loss = self._guarded(loss, y_pred, sample_weight, replicas)
        if replicas > 1 and self.reduction == tf.keras.losses.Reduction.SUM:
            return loss / replicas
        return loss

    @tf.autograph.experimental.do_not_convert
    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """As ``__call__``, without weights."""
        return self(y_true, y_pred)

    def build(self) -> None:
        """Makes the counters of the check for non-finite losses, under the strategy in scope.

        The first call of the loss does so otherwise. If that is within a `tf.function`, the
        function is traced a second time.
        """
        # Not in the constructor: a task may be made before its strategy.
        if self._guard is None and self._on_nonfinite != "ignore":
            self._guard = NonfiniteGuard(skip=self._on_nonfinite == "skip")

    def get_config(self) -> dict:
        """See `tf.keras.losses.Loss`."""
        options = dict(self._options)
        if tf.is_tensor(options["lambda_"]):
            options["lambda_"] = float(options["lambda_"])
        return {
            **super().get_config(),
            **options,
            "cross_replica": self._cross_replica,
            "on_nonfinite": self._on_nonfinite,
        }

    def _guarded(self, loss, y_pred, sample_weight, replicas):
        if self._on_nonfinite == "ignore" or compiled_by_xla():
            return loss
        self.build()
        return self._guard.guard(loss, y_pred, sample_weight, replicas)

    def _warn_about_one_row(self, y_pred):
        rows = y_pred.shape[0]
        if rows == 1:
            self._warn()
        elif rows is None and not compiled_by_xla():
            tf.cond(
                tf.equal(tf.shape(y_pred)[0], 1),
                lambda: tf.numpy_function(self._warn, [], tf.int32, stateful=True),
                lambda: tf.constant(0, tf.int32),
            )

    def _warn(self):
        if not self._warned:
            self._warned = True
            warnings.warn(ONE_ROW_MESSAGE, RuntimeWarning, stacklevel=2)
        return np.int32(0)  # the branches of tf.cond need a value each
