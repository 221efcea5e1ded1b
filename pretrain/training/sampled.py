"""Trains the encoder on sampled subgraphs of a large graph, through TF-GNN's runner."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from ...kernels.keys import derive_key
from ..config.defaults import BATCH_SIZE, EPOCHS
from ..config.options import PretrainConfig
from ..encoder.sampled import build_sampled_encoder
from ..graph.adjacency import Adjacency
from ..graph.data import GraphData
from ..output.folder import OutputFolder
from .full_graph import Trained, fit, make_task
from .sampler import SubgraphSampler, UndirectedSubgraphs

_MOST_STEPS_PER_CHECKPOINT = 50
_BATCHES_AHEAD = 2  # sampled while a step is computed


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Which roots each step takes.

    Visits are numbered through the whole run, and step t makes the visits t B to (t + 1) B - 1.
    Every N visits come to each node once, in an order of their own. All batches have one size: a
    last one of few nodes would give the loss bad statistics. So an epoch may run over into the next
    order by less than one visit per step.

    Attributes:
        num_nodes: N.
        batch_size: B.
        steps: of the whole run, a multiple of ``steps_per_checkpoint``.
        steps_per_checkpoint: at most 50.
        seed: of the orders.
    """

    num_nodes: int
    batch_size: int
    steps: int
    steps_per_checkpoint: int
    seed: int

    def visits(self, step: int) -> np.ndarray:
        """Numbers of the visits of a step, int64 [B]."""
        return np.arange(step * self.batch_size, (step + 1) * self.batch_size, dtype=np.int64)

    def roots(self, visits: np.ndarray) -> np.ndarray:
        """Numbers of the nodes that visits come to, int64 [B]."""
        rounds, positions = np.divmod(visits, self.num_nodes)
        roots = np.empty_like(visits)
        for number in np.unique(rounds):
            here = rounds == number
            roots[here] = _order(self.num_nodes, self.seed, int(number))[positions[here]]
        return roots


def schedule_of(config: PretrainConfig, num_nodes: int) -> Schedule:
    """The schedule of a run: batches as large as allowed, and checkpoints every 50 steps or so."""
    batches = -(-num_nodes // (config.batch_size or BATCH_SIZE))
    checkpoints = -(-batches // _MOST_STEPS_PER_CHECKPOINT)
    steps_per_checkpoint = -(-batches // checkpoints)
    steps_per_epoch = checkpoints * steps_per_checkpoint
    return Schedule(
        num_nodes=num_nodes,
        batch_size=-(-num_nodes // steps_per_epoch),
        steps=steps_per_epoch * (config.epochs or EPOCHS),
        steps_per_checkpoint=steps_per_checkpoint,
        seed=derive_key(config.seed, "order of the roots"),
    )


class SampledStepsProvider(runner.DatasetProvider):
    """One batch of sampled subgraphs per training step; step t is the same in every run."""

    def __init__(self, sampler: SubgraphSampler, schedule: Schedule, first_step: int):
        """Args: what samples, which roots, and the number of the first step."""
        self._sampler = sampler
        self._schedule = schedule
        self._first_step = first_step

    @property
    def spec(self) -> tfgnn.GraphTensorSpec:
        """Spec of a single subgraph."""
        return self._dataset().unbatch().element_spec

    def get_dataset(self, context: tf.distribute.InputContext) -> tf.data.Dataset:
        """See `runner.DatasetProvider`."""
        del context  # one process
        return self._dataset().prefetch(_BATCHES_AHEAD)

    def _dataset(self) -> tf.data.Dataset:
        steps = tf.data.Dataset.range(self._first_step, self._schedule.steps)
        return steps.map(self._sample, num_parallel_calls=_BATCHES_AHEAD, deterministic=True)

    def _sample(self, step: tf.Tensor) -> tfgnn.GraphTensor:
        visits, roots = tf.numpy_function(
            self._visits_and_roots, [step], [tf.int64, tf.int64], stateful=False
        )
        size = [self._schedule.batch_size]
        visits, roots = tf.ensure_shape(visits, size), tf.ensure_shape(roots, size)
        return self._sampler(roots, visits, step)

    def _visits_and_roots(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        visits = self._schedule.visits(int(step))
        return visits, self._schedule.roots(visits)


@tf.autograph.experimental.do_not_convert  # as `fit`; the sampler is a Keras model, too
def train_sampled(
    data: GraphData,
    adjacency: Adjacency,
    initial_weights: Sequence[np.ndarray],
    config: PretrainConfig,
    folder: OutputFolder,
) -> Trained:
    """Trains from scratch, or from the checkpoint in the folder if there is one.

    Args:
        data: the graph.
        adjacency: its edges.
        initial_weights: of the encoder, in the order of `build_encoder`.
        config: with seed and fan-out.
        folder: where checkpoint and TensorBoard log go.

    Returns:
        What training gives; the weights of its encoder fit `build_encoder`'s.

    Raises:
        TrainingDivergedError: if the loss becomes NaN or infinite.
    """
    schedule = schedule_of(config, data.num_nodes)
    sampler = SubgraphSampler(data, adjacency, fan_out=config.fan_out, seed=config.seed)

    def model_fn(spec):
        encoder = build_sampled_encoder(spec, config.units)
        encoder.set_weights(initial_weights)
        return encoder

    return fit(
        lambda first_step: SampledStepsProvider(sampler, schedule, first_step),
        model_fn,
        make_task(config, readout="first_node"),
        config,
        folder,
        steps=schedule.steps,
        steps_per_checkpoint=schedule.steps_per_checkpoint,
        feature_processors=[UndirectedSubgraphs(len(config.fan_out))],
    )


@functools.lru_cache(maxsize=2)  # two epochs meet while batches are sampled ahead
def _order(num_nodes: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(num_nodes)
