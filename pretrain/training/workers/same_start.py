"""One start for all replicas, whatever machines they are on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def set_weights_of_chief(model: tf.keras.Model, weights: Sequence[np.ndarray]) -> None:
    """Sets a model's weights, on every replica to those that the first one has been given.

    Each worker computes the start for itself. Unlike machines add in another order, so starts
    differ in their last digits; and as all replicas take the same steps, they would go on to.

    Args:
        model: made under the strategy in scope.
        weights: of its `get_weights`, floats.
    """
    strategy = tf.distribute.get_strategy()
    if strategy.num_replicas_in_sync > 1:

        def share() -> list[tf.Tensor]:
            context = tf.distribute.get_replica_context()
            is_first = tf.equal(context.replica_id_in_sync_group, 0)
            mine = [
                tf.where(is_first, one, tf.zeros_like(one)) for one in map(tf.constant, weights)
            ]
            return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

        shared = map(strategy.experimental_local_results, strategy.run(share))
        weights = [one[0].numpy() for one in shared]
    model.set_weights(weights)
