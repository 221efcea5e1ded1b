"""`runner.run` with our task in another interpreter: ``-m tests.distribution.runner KIND RUNS``.

KIND is "worker" (one of two workers, as TF_CONFIG says) or "parameter servers" (the coordinator,
one worker and one parameter server, all in this process). RUNS is JSON: for each name the keywords
of `train` or, with ``numbered``, of `train_numbered`. Prints a line of JSON after RESULTS for each:
by its name the trained weights, the losses of the epochs, and the messages of RuntimeWarnings.
"""

import json
import os
import signal
import sys
import tempfile
import warnings

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import (
    BarlowTwinsTask,
    DropoutFeatures,
    finished_epochs,
    number_graphs,
    skip_nonfinite_steps,
)
from tensorflow_gnn import runner

from tests.distribution.replicas import free_ports
from tests.task.graphs import make_encoder, make_graph

GLOBAL_BATCH, STEPS, EPOCHS = 8, 3, 2
BAD_WORKER, BAD_STEP = 1, 2  # where the run with a NaN has it, in every epoch
NUMBERED_EPOCHS = 4


class Provider(runner.DatasetProvider):
    """The same global batch again and again; each pipeline reads its own share of it.

    Args:
        bad: whether a graph of `BAD_WORKER` in step `BAD_STEP` holds a NaN.
    """

    def __init__(self, bad=False):
        self._graphs = [make_graph(1, seed=seed) for seed in range(GLOBAL_BATCH)] * STEPS
        if bad:  # every other graph is the second worker's
            position = (BAD_STEP - 1) * GLOBAL_BATCH + BAD_WORKER
            features = self._graphs[position].node_sets["node"][tfgnn.HIDDEN_STATE]
            self._graphs[position] = self._graphs[position].replace_features(
                node_sets={"node": {tfgnn.HIDDEN_STATE: features * np.nan}}
            )
        self._graphs = encoded(self._graphs)

    def get_dataset(self, context):
        return share(self._graphs, context)


class NumberedProvider(runner.DatasetProvider):
    """Other graphs in every step of an epoch, numbered from where the backup has got to."""

    def __init__(self, backup_dir):
        self._finished = finished_epochs(backup_dir)
        graphs = [make_graph(1, seed=seed) for seed in range(GLOBAL_BATCH * STEPS)]
        self._graphs = encoded(graphs)

    def get_dataset(self, context):
        graphs = len(self._graphs) // context.num_input_pipelines
        return number_graphs(share(self._graphs, context), first=self._finished * graphs)


def relaxed_spec():
    """Not a constant: a tensor made before the strategy is would keep it from its collectives."""
    return make_graph(1).spec.relax(num_nodes=True, num_edges=True)


def encoded(graphs):
    return [tfgnn.write_example(graph).SerializeToString() for graph in graphs]


def share(examples, context):
    examples = examples[context.input_pipeline_id :: context.num_input_pipelines]
    spec = relaxed_spec()
    return tf.data.Dataset.from_tensor_slices(examples).map(
        lambda example: tfgnn.parse_single_example(spec, example)
    )


def distort(graph):
    """A corruption that depends on the graph alone, not on who draws random numbers in what order.

    What the rows of a batch are in which replica then makes no difference.
    """

    def sines(node_set, *, node_set_name):
        del node_set_name
        return {tfgnn.HIDDEN_STATE: tf.sin(3 * node_set[tfgnn.HIDDEN_STATE])}

    return tfgnn.keras.layers.MapFeatures(node_sets_fn=sines)(graph)


def make_initialised_encoder(spec):
    """The same weights everywhere: Keras' own depend on the strategy, even with one replica."""
    model = make_encoder(spec)
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def train(strategy, *, bad=False, on_nonfinite="raise", epochs=EPOCHS, steps=STEPS):
    """``(weights, losses of the epochs)`` of a short run without chance."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(
            strategy,
            folder,
            Provider(bad),
            BarlowTwinsTask("node", corruptor=distort, on_nonfinite=on_nonfinite),
            epochs=epochs,
            steps=steps,
            skips=on_nonfinite == "skip",
        )


def train_numbered(strategy, *, folder, kill=None):
    """The same of a run that leaves backups in ``folder``.

    Args:
        strategy: as its name says.
        folder: of the run; shared by the workers.
        kill: None, or ``[worker, step]``, 1 for the first step: after it this worker is killed.
    """
    callbacks = []
    if kill is not None and kill[0] == strategy.cluster_resolver.task_id:
        callbacks = [Kill(kill[1])]
    task = BarlowTwinsTask(
        "node", corruptor=DropoutFeatures(default=0.3, seed=1, step_feature="step")
    )
    provider = NumberedProvider(os.path.join(folder, "backup"))
    return _run(
        strategy, folder, provider, task, epochs=NUMBERED_EPOCHS, callbacks=callbacks, backup=True
    )


class Kill(tf.keras.callbacks.Callback):
    """SIGKILL after so many steps."""

    def __init__(self, steps):
        super().__init__()
        self._left = steps

    def on_train_batch_end(self, batch, logs=None):
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def _run(
    strategy,
    folder,
    provider,
    task,
    *,
    epochs,
    steps=STEPS,
    callbacks=(),
    backup=False,
    skips=False,
):
    history = tf.keras.callbacks.History()
    trainer = runner.KerasTrainer(
        strategy,
        model_dir=folder,
        steps_per_epoch=steps,
        verbose=0,
        summarize_every_n_steps="never",
        checkpoint_every_n_steps="never",
        backup_and_restore=backup,
        callbacks=[history, *callbacks],
    )

    def make_optimizer():
        optimizer = tf.keras.optimizers.SGD(0.1, momentum=0.5 if backup else 0.0)
        return skip_nonfinite_steps(optimizer) if skips else optimizer

    result = runner.run(
        train_ds_provider=provider,
        model_fn=make_initialised_encoder,
        optimizer_fn=make_optimizer,
        trainer=trainer,
        task=task,
        gtspec=_numbered_spec() if backup else relaxed_spec(),
        global_batch_size=GLOBAL_BATCH,
        epochs=epochs,
        model_exporters=[],
    )
    weights = np.concatenate([np.ravel(v) for v in result.base_model.get_weights()])
    return weights, history.history["loss"]


def _numbered_spec():
    """The spec of graphs that `number_graphs` has numbered."""
    return (
        tf.data.Dataset.from_tensors(make_graph(1))
        .apply(number_graphs)
        .element_spec.relax(num_nodes=True, num_edges=True)
    )


def parameter_server_strategy():
    worker, server = (f"127.0.0.1:{port}" for port in free_ports(2))
    cluster = tf.train.ClusterSpec({"worker": [worker], "ps": [server]})
    servers = [tf.distribute.Server(cluster, job_name=job, protocol="grpc") for job in cluster.jobs]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc")
    return tf.distribute.ParameterServerStrategy(resolver), servers


def main():
    kind, runs = sys.argv[1], json.loads(sys.argv[2])
    # The runner maps batches in parallel and would take what is ready first.
    tf.config.experimental.enable_op_determinism()
    servers = None
    if kind == "worker":  # before the seed, which would start TensorFlow's context too early
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        strategy, servers = parameter_server_strategy()
    tf.keras.utils.set_random_seed(1)
    for name, keywords in runs.items():
        function = train_numbered if keywords.pop("numbered", False) else train
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            weights, losses = function(strategy, **keywords)
        messages = [str(w.message) for w in caught if w.category is RuntimeWarning]
        result = {"weights": weights.tolist(), "losses": losses, "warnings": messages}
        print("\nRESULTS", json.dumps({name: result}), flush=True)
    del servers  # it is the cluster: alive until here


if __name__ == "__main__":
    main()
