"""`runner.run` with our task in an interpreter of its own: `python distribution_runner.py KIND`.

KIND is "worker" (one of two workers, as TF_CONFIG says) or "parameter servers" (the coordinator,
one worker and one parameter server, all in this process). Prints a line of JSON after RESULTS: the
trained weights, the losses of the epochs, and the messages of RuntimeWarnings.
"""

import json
import sys
import tempfile
import warnings

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from distribution_replicas import free_ports
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask
from task_graphs import make_encoder, make_graph
from tensorflow_gnn import runner

GLOBAL_BATCH, STEPS, EPOCHS = 8, 3, 2


class Provider(runner.DatasetProvider):
    """The same global batch again and again; each pipeline reads its own share of it.

    Not several batches, because the runner maps them in parallel and takes what is ready first.
    """

    def __init__(self):
        self.spec = make_graph(1).spec.relax(num_nodes=True, num_edges=True)
        self._graphs = [make_graph(1, seed=seed) for seed in range(GLOBAL_BATCH)]

    def get_dataset(self, context):
        graphs = self._graphs[context.input_pipeline_id :: context.num_input_pipelines]
        dataset = tf.data.Dataset.from_tensors(graphs[0])
        for graph in graphs[1:]:
            dataset = dataset.concatenate(tf.data.Dataset.from_tensors(graph))
        return dataset.repeat(STEPS)


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


def train(strategy, **task_options):
    """``(weights, losses of the epochs)`` of a short run."""
    provider = Provider()
    history = tf.keras.callbacks.History()
    with tempfile.TemporaryDirectory() as folder:
        trainer = runner.KerasTrainer(
            strategy,
            model_dir=folder,
            steps_per_epoch=STEPS,
            verbose=0,
            summarize_every_n_steps="never",
            checkpoint_every_n_steps="never",
            backup_and_restore=False,
            callbacks=[history],
        )
        result = runner.run(
            train_ds_provider=provider,
            model_fn=make_initialised_encoder,
            optimizer_fn=lambda: tf.keras.optimizers.SGD(0.1),
            trainer=trainer,
            task=BarlowTwinsTask("node", corruptor=distort, **task_options),
            gtspec=provider.spec,
            global_batch_size=GLOBAL_BATCH,
            epochs=EPOCHS,
            model_exporters=[],
        )
    weights = np.concatenate([np.ravel(v) for v in result.base_model.get_weights()])
    return weights, history.history["loss"]


def parameter_server_strategy():
    worker, server = (f"127.0.0.1:{port}" for port in free_ports(2))
    cluster = tf.train.ClusterSpec({"worker": [worker], "ps": [server]})
    servers = [tf.distribute.Server(cluster, job_name=job, protocol="grpc") for job in cluster.jobs]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc")
    return tf.distribute.ParameterServerStrategy(resolver), servers


def main():
    servers = None
    if sys.argv[1] == "worker":
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    else:
        strategy, servers = parameter_server_strategy()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        weights, losses = train(strategy)
    del servers  # it is the cluster: alive until here
    messages = [str(w.message) for w in caught if w.category is RuntimeWarning]
    results = {"weights": weights.tolist(), "losses": losses, "warnings": messages}
    print("\nRESULTS", json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
