"""Training of a large graph on sampled subgraphs, and embedding of all of it."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from ....kernels.keys import derive_key
from ...encoder.blockwise import embed_in_blocks
from ...encoder.sampled import build_sampled_encoder
from ...encoder.weights import EncoderWeights
from ...graph.data import GraphData
from ...output.folder import OutputFolder
from ..initial import initial_weights
from ..recipe import Recipe
from ..trained import Trained
from ..workers.part import Part
from ..workers.same_start import set_weights_of_chief
from .build import make_task
from .export import export_keras
from .fit import Callbacks, fit
from .sampler import TICKET, SubgraphSampler, UndirectedSubgraphs

_MOST_STEPS_PER_CHECKPOINT = 50
_BATCHES_AHEAD = 2  # sampled while a step is computed


class SampledRun:
    """Every step takes sampled subgraphs; representations are those of the full graph all the same.

    Args and attributes: see `FullGraphRun`; the recipe has a fan-out.
    """

    correlation = None  # there are no two views of all nodes

    def __init__(self, data: GraphData, recipe: Recipe, *, show: bool = False):
        self._data, self._recipe, self._show = data, recipe, show
        self._adjacency = data.adjacency
        self.initial_weights = initial_weights(data, recipe)

    @tf.autograph.experimental.do_not_convert  # as `fit`; the sampler is a Keras model, too
    def train(self, folder: OutputFolder, *, callbacks: Callbacks = ()) -> Trained:
        """Trains from scratch, or on from the checkpoint in the folder; see `fit`."""
        recipe = self._recipe
        schedule = schedule_of(recipe, self._data.num_nodes, equal_parts())
        sampler = SubgraphSampler(
            self._data, self._adjacency, fan_out=recipe.fan_out, seed=recipe.seed
        )

        def graphs_from(first_step: int, part: Part) -> tf.data.Dataset:
            steps = tf.data.Dataset.range(first_step * part.count, schedule.steps * part.count)
            sample = functools.partial(_sample, sampler, schedule, part)
            graphs = steps.map(sample, num_parallel_calls=_BATCHES_AHEAD, deterministic=True)
            return graphs.prefetch(_BATCHES_AHEAD)

        def model_fn(spec):
            bias = bool(recipe.projector_units)
            encoder = build_sampled_encoder(spec, recipe.units, trains_bias=bias)
            set_weights_of_chief(encoder, self.initial_weights)
            return encoder

        return fit(
            graphs_from,
            graphs_from(0, Part()).unbatch().element_spec,
            model_fn,
            make_task(recipe, readout="first_node", node_id_feature=TICKET),
            recipe,
            folder,
            steps=schedule.steps,
            steps_per_checkpoint=schedule.steps_per_checkpoint,
            show=self._show,
            feature_processors=[UndirectedSubgraphs(len(recipe.fan_out))],
            callbacks=callbacks,
        )

    def embed(self, weights: list[np.ndarray]) -> np.ndarray:
        """Representations of the graph as it is, float32 [N, D]."""
        return embed_in_blocks(
            EncoderWeights.from_list(weights),
            self._data,
            adjacency=self._adjacency,
            quiet=not self._show,
        )

    def export(self, weights: list[np.ndarray], folder: OutputFolder) -> None:
        """Writes the SavedModel and the weights beside it."""
        export_keras(self._data, self._recipe, weights, folder)


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


def equal_parts() -> int:
    """Into how many parts of one size a batch is divided, under the strategy in scope.

    The graphs of one pipeline have one shape, so several GPUs of a machine share evenly.
    """
    strategy = tf.distribute.get_strategy()
    several = tf.distribute.has_strategy() and len(strategy.extended.worker_devices) > 1
    return strategy.num_replicas_in_sync if several else 1


def schedule_of(recipe: Recipe, num_nodes: int, parts: int = 1) -> Schedule:
    """The schedule of a run: batches as large as allowed, and checkpoints every 50 steps or so.

    Args:
        recipe: its batch size, epochs and seed.
        num_nodes: of the graph.
        parts: of a batch, all of one size: it is rounded up.
    """
    batches = -(-num_nodes // recipe.batch_size)
    checkpoints = -(-batches // _MOST_STEPS_PER_CHECKPOINT)
    steps_per_checkpoint = -(-batches // checkpoints)
    steps_per_epoch = checkpoints * steps_per_checkpoint
    return Schedule(
        num_nodes=num_nodes,
        batch_size=-(-num_nodes // steps_per_epoch // parts) * parts,
        steps=steps_per_epoch * recipe.epochs,
        steps_per_checkpoint=steps_per_checkpoint,
        seed=derive_key(recipe.seed, "order of the roots"),
    )


def _sample(sampler: SubgraphSampler, schedule: Schedule, part: Part, number: tf.Tensor):
    """The subgraphs of one replica in one step, the same in every run.

    Args:
        sampler: of the graph.
        schedule: of the whole batches.
        part: the replicas that take turns.
        number: of the step, times their number, plus that of the replica among them.
    """

    def visits_and_roots(number):
        step, replica = divmod(int(number), part.count)
        visits = schedule.visits(step)[part.slice(replica, schedule.batch_size)]
        return visits, schedule.roots(visits)

    share = part.slice(0, schedule.batch_size)
    drawn = tf.numpy_function(visits_and_roots, [number], [tf.int64, tf.int64], stateful=False)
    visits, roots = (tf.ensure_shape(one, [share.stop - share.start]) for one in drawn)
    return sampler(roots, visits, number // part.count)


@functools.lru_cache(maxsize=2)  # two epochs meet while batches are sampled ahead
def _order(num_nodes: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(num_nodes)
