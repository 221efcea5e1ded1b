"""What the tests run in interpreters of their own, as `python -m tests.distribution.worker`.

    mirrored OUT.npz CASES         two replicas in this process, on two virtual CPU devices
    worker OUT.npz CASES           one of two replicas, as TF_CONFIG says

CASES is JSON: for each name the keywords of one of the functions below, with its name as "run". The
results of this process' replicas go to OUT.npz as "case/result/replica".
"""

import functools
import json
import os
import sys

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import tensorflow as tf

REPLICAS = 2
STEPS, BATCH, INPUTS, UNITS = 5, 24, 7, 6


def make_batch(rows, features, *, dtype="float32", mean=0.0, masked=False, filler=np.nan, seed=0):
    """Two views and weights or None; the first feature of A is constant if there is a mean."""
    rng = np.random.default_rng([seed, rows, features])
    a = rng.normal(size=(rows, features)) + mean
    b = a + rng.normal(size=(rows, features))
    w = None
    if mean:
        a[:, 0] = mean
    if masked:
        w = rng.uniform(0.5, 2, rows).astype(np.float32) * (rng.random(rows) > 0.3)
        w[:3] = 1.0, 0.0, 0.5
        a[w == 0], b[w == 0] = filler, filler
    return *(tf.cast(z, dtype).numpy() for z in (a, b)), w


def training_steps(masked):
    """Per step ``(x [N, 2, INPUTS], weights [N], rows of replica 0)``; the last one is shorter."""
    rows = [BATCH] * (STEPS - 1) + [BATCH // 2 - 1]
    cuts = [12, 17, 4, 24, 9]
    for seed, (n, cut) in enumerate(zip(rows, cuts, strict=True)):
        a, b, w = make_batch(n, INPUTS, masked=masked, filler=30.0, seed=seed)
        w = np.ones(n, np.float32) if w is None else w.astype(np.float32)
        yield np.stack([a, b], axis=1).astype(np.float32), w, cut


def make_model(loss_options):
    from graph_barlow_twins.tfgnn_task import BarlowTwinsLoss

    tf.keras.utils.set_random_seed(1)
    layers = [tf.keras.layers.Dense(9, "tanh"), tf.keras.layers.Dense(UNITS)]
    model = tf.keras.Sequential([tf.keras.Input([2, INPUTS]), *layers])
    model.compile(tf.keras.optimizers.SGD(0.05, 0.9), loss=BarlowTwinsLoss(**loss_options))
    return model


def fit(steps, model):
    """Trains on an iterator of ``(x, weights)``; returns what `fit` reports as loss."""

    def batches():
        for x, w in steps:
            yield x, np.zeros((len(x), 0), np.float32), w

    shapes = ([None, 2, INPUTS], [None, 0], [None])
    signature = tuple(tf.TensorSpec(shape, tf.float32) for shape in shapes)

    def dataset_fn(_):
        return tf.data.Dataset.from_generator(batches, output_signature=signature)

    dataset = tf.distribute.get_strategy().distribute_datasets_from_function(dataset_fn)
    return model.fit(dataset, steps_per_epoch=STEPS, epochs=1, verbose=0).history["loss"]


def flat_weights(model):
    return np.concatenate([v.ravel() for v in model.get_weights()])


@functools.cache
def train_one_replica(masked):
    """Weights before and after, and the loss of each step, of one replica with all rows."""
    model = make_model({})
    before = flat_weights(model)
    losses = []
    for x, w, _ in training_steps(masked):
        losses.append(model.train_on_batch(x, np.zeros((len(x), 0)), w, reset_metrics=True))
    return before, flat_weights(model), losses


def run_loss(strategy, *, batch, cut, options=None, eager=False, cross_replica=True):
    """Loss, and gradients of L / R as Keras takes them, of each replica here."""
    from graph_barlow_twins.kernels.loss.entry import barlow_twins_loss
    from graph_barlow_twins.kernels.loss.replicas.entry import barlow_twins_loss_over_replicas

    compute = barlow_twins_loss_over_replicas if cross_replica else barlow_twins_loss
    options = dict(options or {})
    lambda_ = options.pop("lambda_", None)
    values = make_batch(**batch)

    def part(context, values):
        parts = values[:cut], values[cut:]
        return tf.constant(parts[context.replica_id_in_sync_group])

    args = [
        None
        if v is None
        else strategy.experimental_distribute_values_from_function(lambda c, v=v: part(c, v))
        for v in values
    ]

    def step(a, b, w):
        factor = tf.constant(0.3 if lambda_ is None else lambda_, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch([a, b, factor])
            keywords = options if lambda_ is None else {**options, "lambda_": factor}
            loss = compute(a, b, sample_weight=w, **keywords)
            scaled = tf.nn.scale_regularization_loss(loss)
        grads = tape.gradient(scaled, [a, b, factor])
        return loss, *(tf.zeros([]) if g is None else tf.cast(g, tf.float64) for g in grads)

    def call(args):
        return strategy.run(step, args=args)

    results = (call if eager else tf.function(call, autograph=False))(tuple(args))
    return dict(zip(("loss", "a", "b", "lambda"), results, strict=True))


def run_refused(strategy, *, second_derivative, options=None):
    """What the error says that a call raises."""
    from graph_barlow_twins.kernels.loss.replicas.entry import barlow_twins_loss_over_replicas

    a, b, _ = (tf.constant(z) if z is not None else None for z in make_batch(6, 4))

    def step(a, b):
        with tf.GradientTape() as outer:
            outer.watch(a)
            with tf.GradientTape() as inner:
                inner.watch(a)
                loss = barlow_twins_loss_over_replicas(a, b, **(options or {}))
            gradient = inner.gradient(loss, a)
        return outer.gradient(gradient, a) if second_derivative else loss

    try:
        strategy.run(step, args=(a, b))
    except (NotImplementedError, ValueError) as error:
        return {"error": np.array(f"{type(error).__name__}: {error}")}
    return {"error": np.array("none")}


def run_fit(strategy, *, masked, loss=None, sum_reduction=False):
    """The weights after `STEPS` steps, and the loss that `fit` reports."""
    options = dict(loss or {})
    if sum_reduction:
        options["reduction"] = "sum"
    # Upstream's loss of a replica's own rows is not defined for a replica without rows.
    fewest = 0 if options.get("cross_replica", True) else 2
    with strategy.scope():
        model = make_model(options)
        workers = json.loads(os.environ.get("TF_CONFIG", "null"))

        def steps():
            for x, w, cut in training_steps(masked):
                cut = min(cut, len(x) - fewest)
                parts = [(x[:cut], w[:cut]), (x[cut:], w[cut:])]
                yield from parts if workers is None else [parts[workers["task"]["index"]]]

        history = fit(steps(), model)
    return {"weights": flat_weights(model), "history": np.array(history)}


def run_start(strategy):
    """The weights that a model has here, where each worker has computed another start."""
    from graph_barlow_twins.pretrain.training.workers.same_start import set_weights_of_chief

    workers = json.loads(os.environ.get("TF_CONFIG", "null"))
    with strategy.scope():
        model = make_model({})
        own = workers["task"]["index"] / 7
        set_weights_of_chief(model, [one + np.float32(own) for one in model.get_weights()])
    return {"weights": flat_weights(model)}


def main():
    mode, out, cases = sys.argv[1:]
    if mode == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * REPLICAS
        tf.config.set_logical_device_configuration(cpu, devices)
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(REPLICAS)])
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if strategy.num_replicas_in_sync != REPLICAS:
        raise RuntimeError(f"expected {REPLICAS} replicas (got {strategy.num_replicas_in_sync})")
    arrays = {}
    for name, keywords in json.loads(cases).items():
        run = {"loss": run_loss, "fit": run_fit, "refused": run_refused, "start": run_start}[
            keywords.pop("run")
        ]
        for result, value in run(strategy, **keywords).items():
            for i, replica in enumerate(strategy.experimental_local_results(value)):
                arrays[f"{name}/{result}/{i}"] = np.asarray(replica)
        print(name, flush=True)
    np.savez(out, **arrays)


if __name__ == "__main__":
    main()
