"""Where a corruptor's keys come from: fresh entropy, a counted sequence, or a step in the data."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..kernels.random import derive_key

_INT64_RANGE = (-(2**63), 2**63 - 1)


class KeySource(tf.Module):
    """Hands out one 64-bit key per call of a corruptor.

    * ``step_feature``: the key is a pure function of (seed, step), the step read from an integer
      context feature of the graph (its first component's). It does not depend on the order of the
      calls, the worker, or a resumed run. Without a seed, seed 0 is used.
    * ``seed`` alone: the key is a function of (seed, number of the call), counted from 0 over the
      life of this object, across epochs and iterators. The sequence of keys is the same in every
      run; which element of a parallel, non-deterministic ``tf.data`` pipeline gets which key is
      not.
    * neither: fresh entropy from TensorFlow's stateful generator at every call. It follows
      ``tf.random.set_seed`` as all unseeded TensorFlow ops do.
    """

    def __init__(self, seed: int | None = None, step_feature: str | None = None):
        """Validates the seed.

        Args:
            seed: any Python int, taken modulo 2**64, or None.
            step_feature: name of an integer context feature, or None.

        Raises:
            TypeError: if the seed is not an integer.
        """
        super().__init__()
        if seed is not None and (isinstance(seed, bool) or int(seed) != seed):
            raise TypeError(f"seed should be an integer or None (got {seed!r})")
        self.seed = None if seed is None else int(seed)
        self.step_feature = step_feature
        self._calls = None

    def next_key(self, graph: tfgnn.GraphTensor) -> tf.Tensor:
        """A uint64 scalar key for one corruption of ``graph``."""
        if self.step_feature is not None:
            return derive_key(self._root(), self._step(graph))
        if self.seed is not None:
            return derive_key(self._root(), self._count_call())
        low, high = _INT64_RANGE
        return tf.bitcast(tf.random.uniform([], low, high, dtype=tf.int64), tf.uint64)

    def _root(self) -> tf.Tensor:
        return tf.constant((self.seed or 0) % 2**64, tf.uint64)

    def _step(self, graph) -> tf.Tensor:
        features = graph.context.features
        if self.step_feature not in features:
            raise ValueError(
                f'step_feature "{self.step_feature}" is not a context feature of the graph'
                f" (it has {sorted(features)})"
            )
        step = features[self.step_feature]
        if not step.dtype.is_integer:
            raise ValueError(
                f'step_feature "{self.step_feature}" should be an integer feature'
                f" (got {step.dtype.name})"
            )
        return tf.reshape(step, [-1])[0]

    def _count_call(self) -> tf.Tensor:
        if self._calls is None:
            # Outside of whatever graph is being traced, so that every trace and iterator shares it.
            with tf.init_scope():
                self._calls = tf.Variable(0, dtype=tf.int64, trainable=False, name="calls")
        return self._calls.assign_add(1, read_value=True) - 1
