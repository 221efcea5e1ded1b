"""Replicas without a strategy: `tf.distribute` speaks as it does inside of one.

A process of virtual devices takes ten seconds to start, and a strategy one to trace a step; this
takes milliseconds. What it leaves out is TensorFlow's own: test_loss.py has that too.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

REPLICAS = 2


def enter_replica(monkeypatch, strategy):
    """Until the monkeypatch is undone, every thread is inside of a replica of the strategy."""
    monkeypatch.setattr(tf.distribute, "has_strategy", lambda: True)
    monkeypatch.setattr(tf.distribute, "in_cross_replica_context", lambda: False)
    monkeypatch.setattr(tf.distribute, "get_strategy", lambda: strategy)


class _Replica:
    """Strategy and context of one of the threads."""

    num_replicas_in_sync = REPLICAS

    def __init__(self, number, barrier, sent):
        self.replica_id_in_sync_group = number
        self._barrier, self._sent = barrier, sent

    def _exchange(self, value):
        self._sent[self.replica_id_in_sync_group] = value
        self._barrier.wait()
        everything = list(self._sent)
        self._barrier.wait()  # all have read: the next exchange may begin
        return everything

    def all_reduce(self, op, value):
        assert op == tf.distribute.ReduceOp.SUM
        return tf.add_n(self._exchange(value))

    def all_gather(self, value, axis):
        return tf.concat(self._exchange(value), axis)


def run_in_threads(monkeypatch, step):
    """What ``step(0)`` and ``step(1)`` return, eagerly, each as one of two replicas."""
    here, sent = threading.local(), [None] * REPLICAS
    barrier = threading.Barrier(REPLICAS, timeout=60)

    def run(number):
        here.replica = _Replica(number, barrier, sent)
        try:
            return step(number)
        except BaseException:
            barrier.abort()
            raise

    with monkeypatch.context() as patch:
        patch.setattr(tf.distribute, "get_replica_context", lambda: here.replica)
        enter_replica(patch, _Replica(None, barrier, sent))
        with ThreadPoolExecutor(REPLICAS) as pool:
            return list(pool.map(run, range(REPLICAS)))
