"""Trains the encoder with `BarlowTwinsTask` through TF-GNN's runner."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from ...kernels.keys import derive_key
from ...tfgnn_task import (
    BarlowTwinsTask,
    Compose,
    CorruptionSpec,
    Corruptor,
    DropEdges,
    DropoutFeatures,
    MaskFeatures,
    finished_epochs,
)
from ..config.defaults import LINEAR
from ..config.options import PretrainConfig
from ..encoder.gcn import build_encoder
from ..encoder.linear import build_linear_encoder
from ..encoder.start import start_weights
from ..graph.data import GraphData
from ..graph.tensor import EDGE_SET, KEPT_COLUMNS, NODE_SET, STEP, StepsProvider, plain_spec
from ..output.folder import OutputFolder, damaged, read_json
from ..output.replace import write_json
from .early_stopping import has_settled
from .progress import StepRecorder
from .trainer import QuickStartTrainer

_MOST_STEPS_PER_CHECKPOINT = 20
# RankMe and the like cost as much as a third of a step on Cora, and change slowly.
_METRICS_EVERY_N_STEPS = 10


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes:
        encoder: graph to graph, trained.
        history: ``{metric: [one value per step]}``.
        seconds: time spent in this process' training, compilation included.
        first_step: number of the first step done by this process; 0 unless resumed.
    """

    encoder: tf.keras.Model
    history: dict[str, list[float]]
    seconds: float
    first_step: int


def train(
    graph: tfgnn.GraphTensor,
    first_weights: Sequence[np.ndarray],
    config: PretrainConfig,
    folder: OutputFolder,
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
) -> Trained:
    """Trains from scratch, or from the checkpoint in the folder if there is one.

    Args:
        graph: the full graph, see `graph_tensor_from_data`.
        first_weights: of the encoder, see `initial_weights`.
        config: with defaults filled in, see `recipe.with_defaults`.
        folder: where checkpoint and TensorBoard log go.
        callbacks: more of them, called first.

    Raises:
        TrainingDivergedError: if the loss becomes NaN or infinite.
    """

    def model_fn(spec):
        tf.keras.utils.set_random_seed(config.seed)  # a projector draws its weights after this
        encoder = make_encoder(spec, config, compiled=True)
        encoder.set_weights(first_weights)
        return encoder

    return fit(
        lambda first_step: StepsProvider(graph, first_step=first_step, steps=config.steps),
        model_fn,
        make_task(config),
        config,
        folder,
        steps=config.steps,
        steps_per_checkpoint=_steps_per_checkpoint(config.steps),
        callbacks=callbacks,
    )


# AutoGraph would rewrite the functions that make pipeline and model, for a quarter of a short
# training's time, and none has Python control flow that hangs on a tensor.
@tf.autograph.experimental.do_not_convert
def fit(
    make_provider: Callable[[int], runner.DatasetProvider],
    model_fn: Callable[[tfgnn.GraphTensorSpec], tf.keras.Model],
    task: BarlowTwinsTask,
    config: PretrainConfig,
    folder: OutputFolder,
    *,
    steps: int,
    steps_per_checkpoint: int,
    feature_processors: Sequence[Callable[[tfgnn.GraphTensor], tfgnn.GraphTensor]] = (),
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
) -> Trained:
    """Trains through TF-GNN's runner, on from the checkpoint in the folder if there is one.

    Args:
        make_provider: from the number of the first step to a provider of one GraphTensor per step,
            with a ``spec``.
        model_fn: from that spec to the encoder.
        task: makes views and loss.
        config: of learning rate and progress bar.
        folder: where checkpoint and TensorBoard log go.
        steps: number of the step after the last; a multiple of ``steps_per_checkpoint``.
        steps_per_checkpoint: how often a checkpoint is written.
        feature_processors: of `runner.run`, applied to the graphs before the views are made.
        callbacks: more of them, called first.

    Raises:
        TrainingDivergedError: if the loss becomes NaN or infinite.
    """
    start = time.perf_counter()
    first_step = _checkpointed_steps(folder, steps_per_checkpoint)
    recorder = StepRecorder(
        steps=steps,
        history=_read_history(folder, first_step),
        show=not config.quiet,
        metrics_every_n_steps=_METRICS_EVERY_N_STEPS,
    )
    if is_over(recorder.history, config):
        steps = first_step  # the interrupted run had ended here, too
    provider = make_provider(first_step)
    trainer = QuickStartTrainer(
        tf.distribute.get_strategy(),
        model_dir=str(folder.tensorboard),
        steps_per_epoch=steps_per_checkpoint,
        verbose=0,
        summarize_every_n_steps="never",
        checkpoint_every_n_steps="never",
        backup_and_restore=False,  # ours keeps the checkpoint until the whole job is done
        callbacks=[
            *callbacks,
            recorder,
            _HistoryWriter(recorder, folder),
            _EarlyStop(recorder, config),
            tf.keras.callbacks.TensorBoard(str(folder.tensorboard), update_freq=10),
            tf.keras.callbacks.BackupAndRestore(str(folder.backup), delete_checkpoint=False),
        ],
    )
    try:
        result = runner.run(
            train_ds_provider=provider,
            model_fn=model_fn,
            optimizer_fn=lambda: make_optimizer(config, steps),
            trainer=trainer,
            task=task,
            gtspec=provider.spec,
            global_batch_size=1,
            epochs=steps // steps_per_checkpoint,
            model_exporters=[],
            feature_processors=feature_processors,
        )
    finally:
        recorder.close()
    seconds = time.perf_counter() - start
    return Trained(result.base_model, recorder.history, seconds, first_step)


@tf.autograph.experimental.do_not_convert  # as in `fit`
def make_encoder(
    spec: tfgnn.GraphTensorSpec, config: PretrainConfig, *, compiled: bool = False
) -> tf.keras.Model:
    """The encoder that the configuration names, with TensorFlow's own first weights.

    Args:
        spec: see `build_encoder`.
        config: with defaults filled in, see `recipe.with_defaults`.
        compiled: see `build_encoder`.
    """
    if config.encoder == LINEAR:
        return build_linear_encoder(spec, config.units[0], config.hops)
    return build_encoder(spec, config.units, compiled=compiled)


def initial_weights(data: GraphData, config: PretrainConfig) -> list[np.ndarray]:
    """Of the untrained encoder: equal graphs and seeds, equal weights."""
    if config.encoder == LINEAR:
        return start_weights(data, config.units[0], config.hops, config.seed)
    tf.keras.utils.set_random_seed(config.seed)
    return make_encoder(plain_spec(data.num_features), config).get_weights()


def make_task(config: PretrainConfig, readout: str = "all_nodes") -> BarlowTwinsTask:
    """Two views with fewer edges, feature columns and feature entries, keyed by seed and step."""
    views = [
        Compose(
            _corruptors(*rates),
            seed=derive_key(config.seed, f"view {number}"),
            step_feature=STEP,
        )
        for number, rates in enumerate(
            zip(config.drop_edges, config.mask_features, config.drop_entries, strict=True)
        )
    ]
    return BarlowTwinsTask(
        NODE_SET,
        corruptor=views,
        readout=readout,
        lambda_=config.lambda_,
        projector_units=config.projector_units,
        metrics_every_n_steps=_METRICS_EVERY_N_STEPS,
    )


def _corruptors(drop_edges: float, mask_features: float, drop_entries: float) -> list[Corruptor]:
    """Those of one view.

    Columns are masked in the context (`graph_tensor.KEPT_COLUMNS`), not in the features. Entries
    are dropped from the floating feature of the nodes: dense ones, or the values of sparse ones.
    """
    entries = CorruptionSpec(node_set_corruption={NODE_SET: {"*": drop_entries}})
    return [
        DropEdges({EDGE_SET: drop_edges}),
        MaskFeatures(CorruptionSpec(context_corruption={KEPT_COLUMNS: mask_features})),
        DropoutFeatures(entries, skip_non_floating=True),
    ]


def make_optimizer(config: PretrainConfig, steps: int) -> tf.keras.optimizers.Optimizer:
    """AdamW, which is Adam without weight decay; learning rate by step, see `PretrainConfig`."""
    rate = config.learning_rate
    warmup = min(config.warmup_steps, steps - 1)
    schedules = tf.keras.optimizers.schedules
    if config.schedule == "cosine":
        rate = schedules.CosineDecay(
            0.0 if warmup else rate, steps - warmup, warmup_target=rate, warmup_steps=warmup
        )
    elif warmup:
        rate = schedules.PolynomialDecay(0.0, warmup, end_learning_rate=rate)
    return tf.keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)


class _EarlyStop(tf.keras.callbacks.Callback):
    """Ends the training at a checkpoint after which the curve no longer improves."""

    def __init__(self, recorder: StepRecorder, config: PretrainConfig):
        super().__init__()
        self._recorder = recorder
        self._config = config

    def on_epoch_end(self, epoch, logs=None):
        if is_over(self._recorder.history, self._config):
            self.model.stop_training = True


def is_over(history: dict[str, list[float]], config: PretrainConfig) -> bool:
    """Whether early stopping ends the training here."""
    return has_settled(history, config.early_stopping, config.patience)


class _HistoryWriter(tf.keras.callbacks.Callback):
    """Keeps the recorded curves beside the checkpoint, before each checkpoint is written."""

    def __init__(self, recorder: StepRecorder, folder: OutputFolder):
        super().__init__()
        self._recorder = recorder
        self._folder = folder

    def on_epoch_end(self, epoch, logs=None):
        self._folder.checkpoint.mkdir(parents=True, exist_ok=True)
        write_json(self._folder.history, self._recorder.history)


def _steps_per_checkpoint(steps: int) -> int:
    """The largest divisor of ``steps`` up to 20: Keras writes a checkpoint per epoch of so many."""
    return max(d for d in range(1, _MOST_STEPS_PER_CHECKPOINT + 1) if steps % d == 0)


def _checkpointed_steps(folder: OutputFolder, steps_per_checkpoint: int) -> int:
    """How many steps the checkpoint in the folder has behind it; 0 without one.

    Raises:
        InputError: if the checkpoint cannot be read.
    """
    latest = tf.train.latest_checkpoint(str(folder.backup / "chief"))
    if latest is None:
        return 0
    try:
        reader = tf.train.load_checkpoint(latest)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)  # Keras would find out in the middle of its start
        return finished_epochs(str(folder.backup)) * steps_per_checkpoint
    except (tf.errors.OpError, IndexError, KeyError, RuntimeError, ValueError):
        raise damaged(folder.backup) from None


def _read_history(folder: OutputFolder, steps: int) -> dict[str, list[float]]:
    """The curves up to the checkpoint. They are written first, so they may be longer than it.

    Raises:
        InputError: if they cannot be read or are shorter.
    """
    if steps == 0:
        return {}
    curves = read_json(folder.history)
    try:
        lengths = {len(values) for values in curves.values()}
    except (AttributeError, TypeError):
        raise damaged(folder.history) from None
    if not lengths or min(lengths) < steps:
        raise damaged(folder.history)
    return {name: values[:steps] for name, values in curves.items()}
