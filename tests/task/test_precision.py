"""Mixed precision and float64: trains, saves, and gives the same representations when loaded."""

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask, RepresentationExporter
from tensorflow_gnn import runner

from tests.task.graphs import dropout, make_encoder, make_graph, pair, relaxed
from tests.task.production_runs import GRAPHS, SPEC, KeepEpochs, Provider, make_model, run

POLICIES = ("mixed_float16", "mixed_bfloat16")


@pytest.fixture(autouse=True)
def _restored_defaults():
    yield
    tf.keras.mixed_precision.set_global_policy("float32")
    tf.keras.backend.set_floatx("float32")
    tf.keras.mixed_precision.set_global_policy("float32")


def exported(folder, graphs):
    examples = tf.constant([tfgnn.write_example(graph).SerializeToString() for graph in graphs])
    loaded = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return loaded(examples=examples)["representations"]


def train(task, folder, **options):
    keep = KeepEpochs()
    result = run(
        task,
        folder,
        callbacks=[keep],
        optimizer_fn=lambda: tf.keras.optimizers.Adam(0.02),
        model_exporters=[RepresentationExporter()],
        export_dirs=[str(folder / "export")],
        **options,
    )
    losses = [log["loss"] for log in keep.logs]
    assert losses[-1] < losses[0]
    return result


def first_rows(result, graphs, dtype):
    """Representations by hand, from the encoder in the runner's result."""
    rows = []
    for graph in graphs:
        features = graph.node_sets["node"][tfgnn.HIDDEN_STATE]
        graph = graph.replace_features(
            node_sets={"node": {tfgnn.HIDDEN_STATE: tf.cast(features, dtype)}}
        )
        rows.append(result.base_model(graph).node_sets["node"][tfgnn.HIDDEN_STATE][0])
    return tf.stack(rows)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_step_under_a_policy(policy):
    """The encoder computes in half precision; loss, metrics and gradients are float32."""
    tf.keras.mixed_precision.set_global_policy(policy)
    task = BarlowTwinsTask("node", corruptor=dropout(), projector="8-6")
    graphs, labels = task.preprocess(make_graph())
    model = make_model(task, graphs)
    half = policy.removeprefix("mixed_")
    assert model.get_layer("clean_representations").output.dtype == half
    dense = [layer for layer in task._projector.layers if hasattr(layer, "units")]
    assert [layer.compute_dtype for layer in dense] == [half] * 2
    with tf.GradientTape() as tape:
        outputs = model(graphs)
        loss = task.losses()(labels, outputs)
    assert (outputs.dtype, loss.dtype) == (half, tf.float32)
    for gradient in tape.gradient(loss, model.trainable_variables):
        assert gradient.dtype == tf.float32
        assert np.isfinite(gradient).all()
    (metric,) = task.metrics()
    metric.update_state(labels, outputs)
    assert 1 <= float(metric.result()["rankme"]) <= 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "options"),
    [(POLICIES[0], {"projector": "8-6"}), (POLICIES[1], {"pair": True})],
    ids=str,
)
def test_trains_exports_and_loads(policy, options, tmp_path):
    """The policy is the trainer's option: the task is made before it takes effect."""
    options = dict(options)
    corruptor = pair() if options.pop("pair", False) else dropout()
    task = BarlowTwinsTask("node", corruptor=corruptor, **options)
    padding = runner.TightPadding(SPEC, Provider())
    result = train(task, tmp_path, policy=policy, train_padding=padding)
    model = result.trained_model
    half = policy.removeprefix("mixed_")
    assert model.get_layer("clean_representations").output.dtype == half
    assert all(weight.dtype == tf.float32 for weight in model.trainable_weights)
    scales = isinstance(model.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
    assert scales == (policy == "mixed_float16")
    if "projector" in options:
        dense = [layer for layer in task._projector.layers if hasattr(layer, "units")]
        assert [layer.compute_dtype for layer in dense] == [half] * 2
    outputs = exported(tmp_path / "export", GRAPHS[:5])
    assert outputs.dtype == half
    expected = first_rows(result, GRAPHS[:5], "float32")
    # Equal but for the order of sums, one rounding of the half type.
    unit = {"float16": 2**-10, "bfloat16": 2**-7}[half]
    np.testing.assert_allclose(
        tf.cast(outputs, tf.float32), tf.cast(expected, tf.float32), rtol=2 * unit, atol=2 * unit
    )


@pytest.mark.parametrize(
    ("views", "policy"), [(2, POLICIES[0]), pytest.param(1, POLICIES[1], marks=pytest.mark.slow)]
)
def test_a_float32_output_of_the_encoder_stays_float32(views, policy):
    """The usual advice for mixed precision: the last layer in float32."""
    tf.keras.mixed_precision.set_global_policy(policy)
    task = BarlowTwinsTask("node", corruptor=dropout() if views == 1 else pair())
    graphs, labels = task.preprocess(make_graph())

    def to_float32(nodes, *, node_set_name):
        state = nodes[tfgnn.HIDDEN_STATE]
        return {tfgnn.HIDDEN_STATE: tf.keras.layers.Dense(3, dtype="float32")(state)}

    encoder_inputs = tf.keras.Input(type_spec=relaxed(graphs[0]))
    hidden = make_encoder(relaxed(graphs[0]))(encoder_inputs)
    last = tfgnn.keras.layers.MapFeatures(node_sets_fn=to_float32)(hidden)
    encoder = tf.keras.Model(encoder_inputs, last)
    inputs = [tf.keras.Input(type_spec=relaxed(graphs[0])) for _ in graphs]
    model = tf.keras.Model(inputs, task.predict(*[encoder(i) for i in inputs]))
    assert model.output.dtype == tf.float32
    assert model.get_layer("clean_representations").output.dtype == tf.float32
    assert np.isfinite(task.losses()(labels, model(graphs)))


def test_the_loss_of_half_types_is_that_of_float32():
    """Under the policy only the encoder rounds; the loss computes in float32."""
    outputs = tf.cast(tf.random.stateless_normal([9, 2, 4], [1, 2]), tf.float16)
    loss = BarlowTwinsTask("node").losses()
    assert float(loss(None, outputs)) == pytest.approx(
        float(loss(None, tf.cast(outputs, tf.float32))), rel=1e-6
    )


@pytest.mark.slow
def test_loss_scaling_changes_no_step():
    """float16's scale of 2^15 comes out again: gradients of float32 views, scaled and unscaled."""
    weights = []
    for scaled in (False, True):
        tf.keras.utils.set_random_seed(1)
        task = BarlowTwinsTask("node", corruptor=dropout())
        graphs, labels = task.preprocess(make_graph())
        optimizer = tf.keras.optimizers.SGD(0.1)
        if scaled:
            optimizer = tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
        model = make_model(task, graphs, optimizer)
        model.fit(tf.data.Dataset.from_tensors((graphs, labels)), verbose=0)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_float64(tmp_path):
    tf.keras.backend.set_floatx("float64")
    tf.keras.mixed_precision.set_global_policy("float64")
    graphs = [make_graph(1, dtype="float64", seed=seed) for seed in range(24)]
    spec = graphs[0].spec.relax(num_nodes=True, num_edges=True)
    # tf.train.Example has no float64: the features come in as float32.
    task = BarlowTwinsTask("node", corruptor=dropout(), projector="8-6")
    result = train(task, tmp_path, spec=SPEC, model_fn=_float64_encoder)
    assert spec.node_sets_spec["node"][tfgnn.HIDDEN_STATE].dtype == tf.float64
    assert all(weight.dtype == tf.float64 for weight in result.trained_model.trainable_weights)
    assert result.trained_model.output.dtype == tf.float64
    outputs = exported(tmp_path / "export", GRAPHS[:5])
    assert outputs.dtype == tf.float64
    expected = first_rows(result, GRAPHS[:5], "float32")
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-14)
    _, labels = task.preprocess(graphs[0])
    assert task.losses()(labels, tf.ones([1, 2, 3], tf.float64)).dtype == tf.float64


def _float64_encoder(spec):
    def cast(nodes, *, node_set_name):
        return {tfgnn.HIDDEN_STATE: tf.cast(nodes[tfgnn.HIDDEN_STATE], tf.float64)}

    inputs = tf.keras.Input(type_spec=spec)
    graph = tfgnn.keras.layers.MapFeatures(node_sets_fn=cast)(inputs)
    return tf.keras.Model(inputs, make_encoder(graph.spec)(graph))


@pytest.mark.slow
@pytest.mark.parametrize("policy", [POLICIES[0], "float32"])
def test_saves_and_loads_the_training_model(policy, tmp_path):
    """By Keras' own format: weights, optimizer, loss and metrics are there again."""
    tf.keras.mixed_precision.set_global_policy(policy)
    task = BarlowTwinsTask("node", corruptor=dropout())
    graphs, labels = task.preprocess(make_graph())
    model = make_model(task, graphs, tf.keras.optimizers.Adam(0.02))
    data = tf.data.Dataset.from_tensors((graphs, labels))
    model.fit(data, epochs=2, verbose=0)
    model.save(str(tmp_path / "model"))
    loaded = tf.keras.models.load_model(str(tmp_path / "model"))
    np.testing.assert_array_equal(model(graphs), loaded(graphs))
    assert loaded.evaluate(data, verbose=0, return_dict=True)["loss"] == pytest.approx(
        model.evaluate(data, verbose=0, return_dict=True)["loss"], rel=1e-6
    )
