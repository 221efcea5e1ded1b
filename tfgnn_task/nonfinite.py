"""What training does when the loss of a step is NaN or infinite.

The check belongs to the backward pass: evaluation reports such a loss and goes on, since it harms
nothing. A step without fault pays for one comparison of a scalar and one count; only when the loss
is not finite are the predictions searched. Functions that XLA compiles leave the check out, because
XLA drops assertions.
"""

from __future__ import annotations

import tensorflow as tf

CHOICES = ("raise", "skip", "ignore")
# With "skip": so many in a row are no bad batches but a run that is lost.
MOST_SKIPPED_IN_A_ROW = 100
# A replica with larger entries than this may have made the loss of all replicas overflow.
_LARGE = 1e6


class NonfiniteGuard(tf.keras.metrics.Metric):
    """Counts the training steps of one loss and checks them.

    A Keras metric, because those know how to make counters under every strategy, also while a
    function is traced.

    Args:
        skip: whether to leave the step to an optimizer that skips (see `skip_nonfinite_steps`),
            instead of raising.
    """

    def __init__(self, *, skip: bool):
        super().__init__(name="nonfinite_guard", dtype=tf.int64)
        self._skip = skip
        zeros = tf.keras.initializers.Zeros()
        self._steps = self.add_weight("steps", initializer=zeros)
        self._failed = self.add_weight("failed_in_a_row", initializer=zeros)

    def update_state(self):
        """See `guard`."""

    def result(self) -> tf.Tensor:
        """The number of training steps."""
        return self._steps.value()

    def guard(self, loss: tf.Tensor, y_pred: tf.Tensor, weights, replicas: int) -> tf.Tensor:
        """The loss, with a gradient that is checked before any variable sees it.

        Args:
            loss: floating scalar.
            y_pred: ``[N, 2, D]``, to look for the cause in.
            weights: ``[N]`` or None; rows of weight 0 are not to blame.
            replicas: how many replicas share the loss.
        """

        @tf.custom_gradient
        def checked(loss):
            def gradient(upstream):
                finite = tf.math.is_finite(loss)
                step = self._count(finite)
                fault = ~finite
                if self._skip:
                    fault = self._failed.value() >= MOST_SKIPPED_IN_A_ROW
                    # An infinite loss may have gradients that are finite.
                    upstream = tf.where(finite, upstream, float("nan"))
                done = tf.cond(
                    fault,
                    lambda: _fail(step, y_pred, weights, replicas, self._skip),
                    lambda: tf.constant(False),
                )
                with tf.control_dependencies([done]):
                    return tf.identity(upstream)

            return tf.identity(loss), gradient

        return checked(loss)

    def _count(self, finite):
        # After the loss: at the end of a dataset a step may begin that finds no batch.
        with tf.control_dependencies([finite]):
            self._steps.assign_add(1)
            if self._skip:
                failed = self._failed.value() + 1
                self._failed.assign(tf.where(finite, tf.zeros_like(failed), failed))
            return self._steps.value()


def skip_nonfinite_steps(
    optimizer: tf.keras.optimizers.Optimizer,
) -> tf.keras.optimizers.Optimizer:
    """An optimizer that leaves out each step with a NaN or infinite gradient.

    Weights, momenta and weight decay stay as they were, on all replicas; the count of iterations
    goes on. It is Keras' `LossScaleOptimizer` with a loss scale that stays 1, or, under the policy
    mixed_float16, with the usual dynamic one.

    Args:
        optimizer: any Keras optimizer; a `LossScaleOptimizer` is returned as it is.
    """
    wrapper = tf.keras.mixed_precision.LossScaleOptimizer
    if isinstance(optimizer, wrapper):
        return optimizer
    if tf.keras.mixed_precision.global_policy().name == "mixed_float16":
        return wrapper(optimizer)
    # The scale is halved at each skipped step, but never below 1, and would grow at last after as
    # many steps as nobody trains.
    return wrapper(optimizer, initial_scale=1.0, dynamic_growth_steps=2**62)


def _fail(step, y_pred, weights, replicas, skip):
    """Raises; only ever run when a step is lost."""
    values = y_pred if weights is None else tf.where(_positive(weights), y_pred, 0)
    bad = ~tf.math.is_finite(values)
    any_bad = tf.reduce_any(bad)
    columns = tf.reduce_any(bad, axis=0)  # [2, D]
    # Without a bad entry the largest is named: what overflowed.
    suspect = tf.where(any_bad, tf.cast(bad, tf.float64), tf.abs(tf.cast(values, tf.float64)))
    features = tf.shape(y_pred)[2]
    cell = tf.argmax(tf.reshape(tf.reduce_max(suspect, axis=0), [-1]), output_type=tf.int32)
    view, column = cell // features, cell % features
    row = tf.argmax(suspect[:, view, column], output_type=tf.int32)
    what = tf.where(
        any_bad,
        tf.strings.format(
            "{} of {} columns of the two views hold NaN or infinity, the first of them",
            [tf.math.count_nonzero(columns), tf.size(columns)],
        ),
        "All entries are finite; the largest is",
    )
    where = tf.strings.format(
        "view {}, feature column {}, row {}: {}", [view, column, row, values[row, view, column]]
    )
    when = tf.strings.format("BarlowTwinsLoss is not finite in training step {}", [step])
    if skip:
        advice = (
            f"{MOST_SKIPPED_IN_A_ROW} steps in a row were to be skipped: the run has diverged, or"
            " its optimizer does not skip; see skip_nonfinite_steps."
        )
    else:
        advice = 'To go on without such steps see on_nonfinite="skip".'
    message = tf.strings.join([when, ". ", what, " ", where, ". ", advice])
    # Of several replicas only those with a cause among their own rows raise, or the first error
    # would name none; it ends the step of all, because the others wait for this one's gradient.
    # Where none has a cause (lambda, say, is NaN), all have one in the next step.
    elsewhere = (replicas > 1) & ~any_bad & (tf.reduce_max(suspect) < _LARGE)
    failed = tf.debugging.Assert(elsewhere, [message], summarize=1)
    with tf.control_dependencies([] if failed is None else [failed]):
        return tf.constant(True)


def _positive(weights):
    return (tf.cast(weights, tf.float64) > 0)[:, tf.newaxis, tf.newaxis]
