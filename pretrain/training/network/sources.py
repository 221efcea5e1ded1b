"""Where subgraphs come from: sampled from memory, or from files."""

from __future__ import annotations

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
from ..steps.sampler import TICKET
from ..workers.part import Part

_BATCHES_AHEAD = 2  # sampled while a step is computed
_MOST_NODES = 2**24  # of one set in a subgraph
_SHUFFLED_BATCHES = 16  # of files, in memory

Graphs = Callable[[int, Part], tf.data.Dataset]


class MemorySource:
    """Samples a network: in every pass over the roots other subgraphs.

    Args:
        network: the graph.
        plan: what to draw.
        seed: the same seed, the same subgraphs.
    """

    def __init__(self, network: Network, plan: Plan, seed: int):
        self._network, self._seed = network, seed
        self._sampler = MemorySampler(network, plan, seed)
        self.num_roots = len(network.node_sets[network.target].ids)

    def training(self, schedule: Schedule, spec: tfgnn.GraphTensorSpec) -> Graphs:
        """From the first step, and a part of each batch, to the graphs of that part.

        They have `STEP` in their context, and each node has a `TICKET`.
        """

        def graphs_from(first_step: int, part: Part) -> tf.data.Dataset:
            def sample(number: int):
                step, replica = divmod(number, part.count)
                visits = schedule.visits(step)[part.slice(replica, schedule.batch_size)]
                return self._sampler(schedule.roots(visits), visits // self.num_roots)

            share = part.slice(0, schedule.batch_size)
            graphs_of = graphs_in_memory(sample, self._network, spec, share.stop - share.start)
            numbers = _numbers(first_step, schedule, part)
            graphs = numbers.map(
                lambda number: _numbered(graphs_of(number), number, schedule, part),
                num_parallel_calls=_BATCHES_AHEAD,
                deterministic=True,
            )
            return graphs.prefetch(_BATCHES_AHEAD)

        return graphs_from

    def some(self, most: int, spec: tfgnn.GraphTensorSpec) -> tfgnn.GraphTensor:
        """A graph of up to `most` components, of different roots chosen at random."""
        rng = np.random.default_rng(derive_key(self._seed, "some roots"))
        roots = rng.permutation(self.num_roots)[:most]
        of = graphs_in_memory(lambda _: self._sampler(roots), self._network, spec, len(roots))
        return of(tf.constant(0, tf.int64)).merge_batch_to_components()

    def roots(
        self, batch: int, spec: tfgnn.GraphTensorSpec
    ) -> Iterator[tuple[int, tfgnn.GraphTensor]]:
        """All roots in their order, as in the first pass: number of the first one, and a graph.

        Args:
            batch: components of each graph, at most as many as there are roots. The last graph
                begins among those of the one before it, so that all have one size and one trace.
            spec: of one subgraph.
        """
        last = self.num_roots - batch
        starts = [min(start, last) for start in range(0, self.num_roots, batch)]

        def sample(start: int):
            return self._sampler(np.arange(start, start + batch))

        of = graphs_in_memory(sample, self._network, spec, batch)
        graphs = tf.data.Dataset.from_tensor_slices(np.array(starts)).map(of, _BATCHES_AHEAD)
        yield from zip(starts, _merged(graphs), strict=True)


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

        def graphs_from(first_step: int, part: Part) -> tf.data.Dataset:
            def parsed(number: tf.Tensor, examples: tf.Tensor) -> tfgnn.GraphTensor:
                first, count = _share(number, schedule, part)
                mine = tf.ensure_shape(examples[first : first + count], [count])
                return _numbered(tfgnn.parse_example(spec, mine), number, schedule, part)

            passes = -(-schedule.steps * batch // self.num_roots)
            examples = self._pass(0, batch)
            for number in range(1, passes):
                examples = examples.concatenate(self._pass(number, batch))
            batches = examples.batch(batch, drop_remainder=True).take(schedule.steps)
            batches = batches.skip(first_step).flat_map(
                lambda some: tf.data.Dataset.from_tensors(some).repeat(part.count)
            )
            numbered = tf.data.Dataset.zip((_numbers(first_step, schedule, part), batches))
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

    def some(self, most: int, spec: tfgnn.GraphTensorSpec) -> tfgnn.GraphTensor:
        """See `MemorySource.some`."""
        examples = next(iter(self._pass(0, most).batch(most)))
        return tfgnn.parse_example(spec, examples).merge_batch_to_components()

    def roots(
        self, batch: int, spec: tfgnn.GraphTensorSpec
    ) -> Iterator[tuple[int, tfgnn.GraphTensor]]:
        """See `MemorySource.roots`; the order is that of the files, the last graph is smaller."""
        examples = tf.data.TFRecordDataset(self._files).batch(batch)
        graphs = examples.map(lambda some: tfgnn.parse_example(spec, some), _BATCHES_AHEAD)
        yield from zip(range(0, self.num_roots, batch), _merged(graphs), strict=True)


def _numbers(first_step: int, schedule: Schedule, part: Part) -> tf.data.Dataset:
    """Of steps, times the replicas here, plus that of the replica among them."""
    return tf.data.Dataset.range(first_step * part.count, schedule.steps * part.count)


def _share(number: tf.Tensor, schedule: Schedule, part: Part) -> tuple[tf.Tensor, int]:
    """Place in the batch of a replica's first root, and the number of its roots."""
    firsts = [part.slice(replica, schedule.batch_size).start for replica in range(part.count)]
    own = part.slice(0, schedule.batch_size)
    return tf.constant(firsts, tf.int64)[number % part.count], own.stop - own.start


def _numbered(
    graph: tfgnn.GraphTensor, number: tf.Tensor, schedule: Schedule, part: Part
) -> tfgnn.GraphTensor:
    """With `STEP` and `TICKET`, by which views are drawn the same on one replica and on many."""
    first, count = _share(number, schedule, part)
    node_sets = {}
    for name, nodes in graph.node_sets.items():
        sizes = tf.cast(tf.ensure_shape(nodes.sizes, [count, 1])[:, 0], tf.int64)
        within = tf.ragged.range(sizes)
        slots = first + tf.range(count, dtype=tf.int64)
        tickets = within.values + tf.repeat(slots, sizes) * _MOST_NODES
        ticket = tf.RaggedTensor.from_row_lengths(tickets, sizes, validate=False)
        node_sets[name] = {**nodes.features, TICKET: ticket}
    steps = tf.fill([count, 1], number // part.count)
    return graph.replace_features(context={STEP: steps}, node_sets=node_sets)


def _merged(graphs: tf.data.Dataset) -> tf.data.Dataset:
    return graphs.map(lambda one: one.merge_batch_to_components()).prefetch(_BATCHES_AHEAD)
