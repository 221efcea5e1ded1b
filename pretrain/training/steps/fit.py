"""The training itself, through TF-GNN's runner: of a full graph and of sampled ones alike."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from ....tfgnn_task import BarlowTwinsTask
from ...output.folder import OutputFolder
from ..curves import write_history
from ..early_stopping import has_settled
from ..recipe import METRICS_EVERY_N_STEPS, Recipe
from ..trained import Trained
from ..workers.part import Part
from .build import make_optimizer
from .checkpoints import read_progress
from .event_files import remove_host_names
from .progress import StepRecorder

Callbacks = Sequence[tf.keras.callbacks.Callback]


# AutoGraph would rewrite the functions that make pipeline and model, for a quarter of a short
# training's time, and none has Python control flow that depends on a tensor.
@tf.autograph.experimental.do_not_convert
def fit(
    graphs_from: Callable[[int, Part], tf.data.Dataset],
    spec: tfgnn.GraphTensorSpec,
    model_fn: Callable[[tfgnn.GraphTensorSpec], tf.keras.Model],
    task: BarlowTwinsTask,
    recipe: Recipe,
    folder: OutputFolder,
    *,
    steps: int,
    steps_per_checkpoint: int,
    show: bool,
    feature_processors: Sequence[Callable[[tfgnn.GraphTensor], tfgnn.GraphTensor]] = (),
    callbacks: Callbacks = (),
) -> Trained:
    """Trains from scratch, or on from the checkpoint in the folder if there is one.

    Under the strategy in scope, see `workers.team.strategy_of`.

    Args:
        graphs_from: from the number of the first step, and the part of each batch that is wanted,
            to one GraphTensor per step and replica of that part.
        spec: of a single such graph.
        model_fn: from that spec to the encoder, with its first weights.
        task: makes views and loss.
        recipe: of optimiser and early stopping.
        folder: where checkpoint and TensorBoard log go.
        steps: number of the step after the last.
        steps_per_checkpoint: a checkpoint is written after so many steps, and after the last one.
        show: whether to draw a progress bar.
        feature_processors: of `runner.run`, applied to the graphs before the views are made.
        callbacks: more of them, called first.

    Raises:
        InputError: if the checkpoint is damaged.
        TrainingDivergedError: if the loss becomes NaN or infinite.
    """
    start = time.perf_counter()
    done = read_progress(folder)
    recorder = StepRecorder(
        steps=steps,
        history=done.history,
        show=show,
        metrics_every_n_steps=METRICS_EVERY_N_STEPS,
    )

    def has_ended() -> bool:
        return has_settled(recorder.history, recipe.early_stopping, recipe.patience)

    def before_checkpoint(epoch, logs):
        write_history(folder, recorder.history)
        if has_ended():
            recorder.model.stop_training = True

    if has_ended():
        steps = done.steps  # the interrupted run had ended here, too
    # Keras writes its checkpoint at the end of an epoch, and all epochs of the runner are of one
    # length: the recorder cuts the last one short.
    epochs = done.epochs - (done.steps - steps) // steps_per_checkpoint
    strategy = tf.distribute.get_strategy()
    writes = strategy.extended.should_save_summary
    log = [tf.keras.callbacks.TensorBoard(str(folder.tensorboard), update_freq=10)]
    trainer = QuickStartTrainer(
        strategy,
        model_dir=str(folder.tensorboard),
        steps_per_epoch=steps_per_checkpoint,
        verbose=0,
        summarize_every_n_steps="never",
        checkpoint_every_n_steps="never",
        backup_and_restore=False,  # ours keeps the checkpoint until the whole job is done
        callbacks=[
            *callbacks,
            recorder,
            tf.keras.callbacks.LambdaCallback(on_epoch_end=before_checkpoint),
            *(log if writes else ()),
            tf.keras.callbacks.BackupAndRestore(str(folder.backup), delete_checkpoint=False),
        ],
    )
    try:
        result = runner.run(
            train_ds_provider=_Provider(functools.partial(graphs_from, done.steps)),
            model_fn=model_fn,
            optimizer_fn=lambda: make_optimizer(recipe, steps),
            trainer=trainer,
            task=task,
            gtspec=spec,
            global_batch_size=strategy.num_replicas_in_sync,  # one graph each
            epochs=epochs,
            model_exporters=[],
            feature_processors=feature_processors,
        )
    finally:
        recorder.close()
    remove_host_names(folder.tensorboard)
    seconds = time.perf_counter() - start
    encoder = result.base_model
    return Trained(encoder.get_weights(), recorder.history, seconds, done.steps, encoder)


class QuickStartTrainer(runner.KerasTrainer):
    """`runner.KerasTrainer`, whose train function is traced once, and without AutoGraph.

    A `tf.function` that makes variables is traced twice, and `BarlowTwinsLoss` would make its
    counters in the middle of the first step. AutoGraph rewrites the source of all that a train step
    calls, to turn Python control flow that depends on a tensor into graph operations; no layer,
    loss or metric here has any. (One that had would raise `OperatorNotAllowedInGraphError`.) On
    Cora both together are a quarter of a training's time.
    """

    def train(self, model_fn: Callable[[], tf.keras.Model], *args, **kwargs) -> tf.keras.Model:
        """See `runner.KerasTrainer`; the model's loss should be a `BarlowTwinsLoss`."""

        def prepared() -> tf.keras.Model:
            model = model_fn()
            model.loss.build()
            model.distribute_reduction_method = "first"  # results are those of all replicas
            model.train_step = tf.autograph.experimental.do_not_convert(model.train_step)
            return model

        return super().train(prepared, *args, **kwargs)


class _Provider(runner.DatasetProvider):
    def __init__(self, graphs_of: Callable[[Part], tf.data.Dataset]):
        self._graphs_of = graphs_of

    def get_dataset(self, context: tf.distribute.InputContext) -> tf.data.Dataset:
        # Tuning gains nothing in a pipeline whose stages are given, and one in three short runs
        # waited ten seconds at its end for the tuner, asleep between two looks.
        options = tf.data.Options()
        options.autotune.enabled = False
        return self._graphs_of(Part.of(context)).with_options(options)
