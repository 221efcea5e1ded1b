"""Where subgraphs come from: sampled from memory, or from files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from ....kernels.keys import derive_key
from ...graph.tensor import STEP
from ...sampling.memory import MemorySampler
from ...sampling.network import Network
from ...sampling.plan import Plan
from ...sampling.tensors import graphs_in_memory
from ..steps.sampled import Schedule

_BATCHES_AHEAD = 2  # sampled while a step is computed
_SHUFFLED_BATCHES = 16  # of files, in memory

Graphs = Callable[[int], tf.data.Dataset]


class MemorySource:
    """Samples a network: in every pass over the roots other subgraphs.

    Args:
        network: the graph.
        plan: what to draw.
        seed: the same seed, the same subgraphs.
    """

    def __init__(self, network: Network, plan: Plan, seed: int):
        self._network, self._sampler = network, MemorySampler(network, plan, seed)
        self.num_roots = len(network.node_sets[network.target].ids)

    def training(self, schedule: Schedule, spec: tfgnn.GraphTensorSpec) -> Graphs:
        """From the number of the first step to graphs [B], numbered in their context."""

        def sample(step: int):
            visits = schedule.visits(step)
            return self._sampler(schedule.roots(visits), visits // self.num_roots)

        graphs_of = graphs_in_memory(sample, self._network, spec, schedule.batch_size)

        def graphs_from(first_step: int) -> tf.data.Dataset:
            steps = tf.data.Dataset.range(first_step, schedule.steps)
            graphs = steps.map(
                lambda step: _numbered(graphs_of(step), step, schedule.batch_size),
                num_parallel_calls=_BATCHES_AHEAD,
                deterministic=True,
            )
            return graphs.prefetch(_BATCHES_AHEAD)

        return graphs_from

    def roots(self, batch: int, spec: tfgnn.GraphTensorSpec) -> Iterator[tfgnn.GraphTensor]:
        """Graphs of up to B components, of all roots in their order, as in the first pass."""
        whole, rest = divmod(self.num_roots, batch)

        def sample(first: int, size: int, number: int):
            start = first + number * size
            return self._sampler(np.arange(start, start + size))

        for first, number, size in ((0, whole, batch), (whole * batch, 1, rest)):
            if size:
                of = graphs_in_memory(
                    functools.partial(sample, first, size), self._network, spec, size
                )
                yield from _merged(tf.data.Dataset.range(number).map(of, _BATCHES_AHEAD))


class FileSource:
    """Reads subgraphs that have been sampled: the same in every pass, in another order.

    Args:
        files: TFRecords of ``tf.train.Example``.
        num_roots: how many are in them.
        seed: of the order.
    """

    def __init__(self, files: Sequence[Path], num_roots: int, seed: int):
        self._files, self.num_roots, self._seed = [str(one) for one in files], num_roots, seed

    def training(self, schedule: Schedule, spec: tfgnn.GraphTensorSpec) -> Graphs:
        """See `MemorySource.training`."""
        batch = schedule.batch_size

        def parsed(step: tf.Tensor, examples: tf.Tensor) -> tfgnn.GraphTensor:
            return _numbered(tfgnn.parse_example(spec, examples), step, batch)

        def graphs_from(first_step: int) -> tf.data.Dataset:
            passes = -(-schedule.steps * batch // self.num_roots)
            examples = self._pass(0, batch)
            for number in range(1, passes):
                examples = examples.concatenate(self._pass(number, batch))
            batches = examples.batch(batch, drop_remainder=True).take(schedule.steps)
            steps = tf.data.Dataset.range(schedule.steps)
            numbered = tf.data.Dataset.zip((steps, batches)).skip(first_step)
            graphs = numbered.map(parsed, num_parallel_calls=_BATCHES_AHEAD, deterministic=True)
            return graphs.prefetch(_BATCHES_AHEAD)

        return graphs_from

    def _pass(self, number: int, batch: int) -> tf.data.Dataset:
        seed = derive_key(derive_key(self._seed, "order of the roots"), number)
        order = np.random.default_rng(seed).permutation(len(self._files))
        examples = tf.data.Dataset.from_tensor_slices([self._files[one] for one in order])
        examples = examples.interleave(
            tf.data.TFRecordDataset, cycle_length=16, num_parallel_calls=2, deterministic=True
        )
        return examples.shuffle(
            _SHUFFLED_BATCHES * batch, seed=seed % 2**31, reshuffle_each_iteration=False
        )

    def roots(self, batch: int, spec: tfgnn.GraphTensorSpec) -> Iterator[tfgnn.GraphTensor]:
        """See `MemorySource.roots`; the order is that of the files."""
        examples = tf.data.TFRecordDataset(self._files).batch(batch)
        graphs = examples.map(lambda some: tfgnn.parse_example(spec, some), _BATCHES_AHEAD)
        yield from _merged(graphs)


def _numbered(graph: tfgnn.GraphTensor, step: tf.Tensor, batch: int) -> tfgnn.GraphTensor:
    return graph.replace_features(context={STEP: tf.fill([batch, 1], step)})


def _merged(graphs: tf.data.Dataset) -> tf.data.Dataset:
    return graphs.map(lambda one: one.merge_batch_to_components()).prefetch(_BATCHES_AHEAD)
