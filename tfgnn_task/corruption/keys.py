"""Where a corruptor's keys come from: fresh entropy, a counted sequence, or a step in the data."""

from __future__ import annotations

import json
import os

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...kernels.random import derive_key

_INT64_RANGE = (-(2**63), 2**63 - 1)
_PHILOX = tf.random.Algorithm.PHILOX.value
_SKIP = 256  # what RngReadAndSkip adds to the state of Philox for a delta of 1


class KeySource(tf.Module):
    """Hands out one 64-bit key per call of a corruptor.

    * ``step_feature``: the key is a pure function of (seed, step), the step read from an integer
      context feature of the graph (its first component's). It does not depend on the order of the
      calls, the worker, the replica, or a resumed run. Without a seed, seed 0 is used.
    * ``seed`` alone: the key is a function of (seed, number of the call), counted from 0 over the
      life of this object, across epochs and iterators. The sequence of keys is the same in every
      run. In ``Dataset.map`` without ``num_parallel_calls`` the n-th element gets the n-th key.
      With ``num_parallel_calls`` calls overtake each other, whatever ``deterministic`` says: the
      same keys are handed out, but which element gets which one can differ between runs, unless
      ``tf.config.experimental.enable_op_determinism()`` is set, or `number_graphs` counts the
      elements before the parallel map and ``step_feature`` reads the number.
    * neither: fresh entropy from TensorFlow's stateful generator at every call. It follows
      ``tf.random.set_seed`` as all unseeded TensorFlow ops do.

    Without a ``step_feature``, replicas under a strategy with several of them (called in
    ``strategy.run``), and workers of a cluster with several (of the strategy in scope, or else of
    ``TF_CONFIG``), draw different keys: their numbers are mixed into the key. Each replica counts
    its own calls.

    Copies (`copy.deepcopy`, pickling) go on counting from where the original was, by themselves.
    """

    def __init__(self, seed: int | None = None, step_feature: str | None = None):
        """Validates the arguments.

        Args:
            seed: any Python int, taken modulo 2**64, or None.
            step_feature: name of an integer context feature, or None.

        Raises:
            TypeError: if the seed is not an integer, or the name not a string.
        """
        super().__init__()
        if seed is not None and not _is_whole(seed):
            raise TypeError(f"seed should be an integer or None (got {seed!r})")
        if step_feature is not None and not isinstance(step_feature, str):
            raise TypeError(f"step_feature should be a string or None (got {step_feature!r})")
        self.seed = None if seed is None else int(seed)
        self.step_feature = step_feature
        self._calls = None
        self._replica_calls = None

    def next_key(self, graph: tfgnn.GraphTensor) -> tf.Tensor:
        """A uint64 scalar key for one corruption of ``graph``."""
        if self.step_feature is not None:
            return derive_key(self._root(), self._step(graph))
        replica = _replica()
        if self.seed is None:
            low, high = _INT64_RANGE
            key = tf.bitcast(tf.random.uniform([], low, high, dtype=tf.int64), tf.uint64)
        else:
            key = derive_key(self._root(), self._count_call(replica is not None))
        for kind, number in (("worker", _worker()), ("replica", replica)):
            if number is not None:
                key = derive_key(derive_key(key, kind), number)
        return key

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

    def _count_call(self, in_replica: bool) -> tf.Tensor:
        # Two counters: a variable that replicas share would count all of them together.
        name = "_replica_calls" if in_replica else "_calls"
        if getattr(self, name) is None:
            setattr(self, name, _counter())
        return _next_number(getattr(self, name))

    def __reduce__(self):
        # By the counts as numbers: distributed variables can be neither copied nor pickled.
        counts = [
            None if count is None else int(count.numpy()[0]) // _SKIP
            for count in (self._calls, self._replica_calls)
        ]
        return _restored, (type(self), self.seed, self.step_feature, *counts)


def _restored(cls, seed, step_feature, calls, replica_calls):
    keys = cls(seed, step_feature)
    keys._calls, keys._replica_calls = (
        None if count is None else _counter(count) for count in (calls, replica_calls)
    )
    return keys


def number_graphs(
    dataset: tf.data.Dataset, feature_name: str = "step", *, first: int = 0
) -> tf.data.Dataset:
    """Numbers the graphs of a dataset in a context feature, for ``step_feature``.

    The count goes on over epochs (iterators), so every epoch draws fresh corruptions, and since it
    is taken before any parallel stage, the same ones in every run, whatever ``num_parallel_calls``
    and ``deterministic`` are afterwards.

    Args:
        dataset: scalar GraphTensors.
        feature_name: the context feature to add, int64 ``[components]``.
        first: number of the first graph, for a resumed run.

    Returns:
        The dataset with the feature added; of graphs batched afterwards, the first component's
        number counts.
    """
    with tf.init_scope():
        count = _counter(first)

    def add(graph):
        number = _next_number(count)
        numbers = tf.fill([tf.size(graph.context.sizes)], number)
        numbers = tf.ensure_shape(numbers, graph.context.sizes.shape)
        return graph.replace_features(context={**graph.context.features, feature_name: numbers})

    return dataset.map(add)


def _is_whole(value):
    try:
        return not isinstance(value, bool) and int(value) == value
    except (TypeError, ValueError, OverflowError):  # "abc", NaN, infinity
        return False


def _counter(start: int = 0) -> tf.Variable:
    # Outside of whatever graph is being traced, so that every trace and iterator shares it. Under a
    # strategy every replica has a copy that it counts up by itself.
    with tf.init_scope():
        return tf.Variable(
            [start * _SKIP, 0, 0],
            dtype=tf.int64,
            trainable=False,
            name="calls",
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )


def _next_number(count: tf.Variable) -> tf.Tensor:
    # `assign_add` adds first and reads afterwards, so two calls at once can read the same number.
    # What TensorFlow has to read and add in one step, on all devices and under XLA, is meant for
    # the states of its random generators.
    state = tf.raw_ops.RngReadAndSkip(
        resource=count.handle, alg=_PHILOX, delta=tf.constant(1, tf.uint64)
    )
    return state[0] // _SKIP


def _replica() -> tf.Tensor | None:
    """This replica's number among several; None outside of them."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return None
    return tf.convert_to_tensor(context.replica_id_in_sync_group)


def _worker() -> int | None:
    """This worker's number among several, from the strategy in scope or TF_CONFIG; else None."""
    resolver = getattr(tf.distribute.get_strategy(), "cluster_resolver", None)
    if resolver is not None:
        cluster = resolver.cluster_spec().as_dict()
        task = {"type": resolver.task_type, "index": resolver.task_id}
    else:
        config = json.loads(os.environ.get("TF_CONFIG") or "{}")
        cluster, task = config.get("cluster", {}), config.get("task", {})
    # A chief is the worker before the others.
    counts = {kind: len(cluster.get(kind, ())) for kind in ("chief", "worker")}
    if sum(counts.values()) < 2 or task.get("type") not in counts:
        return None
    before = counts["chief"] if task["type"] == "worker" else 0
    return before + int(task.get("index") or 0)
