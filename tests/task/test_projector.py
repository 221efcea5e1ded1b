"""The projector: sizes as upstream's, the paper's head, any Keras layer; never exported."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask, RepresentationExporter
from graph_barlow_twins.tfgnn_task.projector import make_projector, project, projector_head

from tests.fresh_process import run_python
from tests.task.graphs import COMPONENTS, UNITS, dropout, make_graph
from tests.task.production_runs import make_model, no_chance, run


def layer_kinds(head):
    return [type(layer).__name__ for layer in head.layers]


@pytest.mark.parametrize("units", ["8-7-6", [8, 7, 6], (8, 7, 6)])
def test_the_papers_head(units):
    head = projector_head(units)
    block = ["Dense", "BatchNormalization", "ReLU"]
    assert layer_kinds(head) == [*block, *block, "Dense"]
    dense = [layer for layer in head.layers if isinstance(layer, tf.keras.layers.Dense)]
    assert [layer.units for layer in dense] == [8, 7, 6]
    assert not any(layer.use_bias for layer in dense)
    assert all(layer.activation is tf.keras.activations.linear for layer in dense)


def test_the_head_computes_what_the_formula_says():
    x = np.random.default_rng(0).normal(2, 3, size=(20, 5))
    tf.keras.utils.set_random_seed(1)
    head = projector_head("6-4-3")
    outputs = head(tf.constant(x, tf.float32), training=True)
    kernels = [v.numpy() for v in head.trainable_variables if "kernel" in v.name]
    expected = x
    for kernel in kernels[:-1]:
        expected = expected @ kernel
        expected = np.maximum(0, (expected - expected.mean(0)) / np.sqrt(expected.var(0) + 1e-5))
    np.testing.assert_allclose(outputs, expected @ kernels[-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", ["4", [4]])
def test_a_head_of_one_layer_is_linear(size):
    assert layer_kinds(projector_head(size)) == ["Dense"]


@pytest.mark.parametrize(
    "projector",
    [
        "6-4",
        [6, 4],
        lambda: tf.keras.layers.Dense(4),
        lambda: tf.keras.Sequential(
            [
                tf.keras.layers.Dense(6, "gelu"),
                tf.keras.layers.LayerNormalization(),
                tf.keras.layers.Dense(4),
            ]
        ),
    ],
    ids=["string", "sequence", "layer", "model"],
)
@pytest.mark.parametrize("views", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_projects_both_views_with_the_same_weights(views, projector):
    projector = projector() if callable(projector) else projector
    corruptor = dropout() if views == 1 else (dropout(1), dropout(2))
    task = BarlowTwinsTask("node", corruptor=corruptor, projector=projector)
    graphs, _ = task.preprocess(make_graph())
    model = make_model(task, graphs)
    assert model(graphs).shape == (COMPONENTS, 2, 4)
    same = model([graphs[-1]] * len(graphs)).numpy()
    np.testing.assert_allclose(same[:, 0], same[:, 1], rtol=1e-6, atol=1e-6)
    representations = tf.keras.Model(model.input, model.get_layer("clean_representations").output)
    assert representations(graphs).shape == (COMPONENTS, UNITS)


def test_units_project_all_views_at_once():
    """One product per layer, with the values and gradients of one call per view."""
    views = tf.unstack(tf.random.stateless_normal([9, 3, 5], [1, 2]), axis=1)
    projector = make_projector([7, 4], None)
    results = []
    for at_once in (False, True):

        @tf.function
        def step(*views, at_once=at_once):
            with tf.GradientTape() as tape:
                outputs = project(views, projector, at_once=at_once)
                value = tf.reduce_sum(outputs * tf.sin(outputs))
            return outputs, tape.gradient(value, projector.trainable_variables)

        kinds = [op.type for op in step.get_concrete_function(*views).graph.get_operations()]
        assert kinds.count("MatMul") == (2 + 3) * (1 if at_once else 3)
        results.append(tf.nest.flatten(step(*views)))
    for apart, together in zip(*results, strict=True):
        np.testing.assert_allclose(apart, together, rtol=1e-5, atol=1e-5)


def test_batch_norm_of_a_given_layer_is_per_view():
    """A layer of the user's may let rows meet, so it sees one view at a time."""
    norm = tf.keras.layers.BatchNormalization(trainable=True, epsilon=1e-6)
    graphs, _ = BarlowTwinsTask("node", corruptor=dropout()).preprocess(make_graph())
    task = BarlowTwinsTask("node", corruptor=dropout(), projector=norm)
    with tf.keras.backend.learning_phase_scope(1):
        outputs = task.predict(*graphs).numpy()
    np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"projector": "8", "projector_units": [8]}, ValueError, "or projector, not both"),
        ({"projector": 8}, TypeError, r"projector should be a Keras layer, or sizes.*\(got 8\)"),
        ({"projector": abs}, TypeError, "projector should be a Keras layer"),
        ({"projector": ""}, ValueError, "or sizes such as"),
        ({"projector": []}, ValueError, "or sizes such as"),
        ({"projector": "8-"}, ValueError, "or sizes such as"),
        ({"projector": "8x8"}, ValueError, "or sizes such as"),
        ({"projector": [8, 0]}, ValueError, "or sizes such as"),
        ({"projector": [8, 2.5]}, ValueError, "or sizes such as"),
        ({"projector": [8, None]}, ValueError, "or sizes such as"),
        ({"projector": [float("inf")]}, ValueError, "or sizes such as"),
    ],
)
def test_bad_projectors_are_refused_at_once(options, error, message):
    with pytest.raises(error, match=message):
        BarlowTwinsTask("node", **options)


def test_no_sizes_are_no_projector():
    graphs, _ = BarlowTwinsTask("node", projector_units=[]).preprocess(make_graph())
    assert BarlowTwinsTask("node", projector_units=[]).predict(*graphs).shape[-1] == 4


@pytest.mark.slow
def test_trains_through_the_runner_and_is_not_exported(tmp_path):
    task = BarlowTwinsTask("node", corruptor=no_chance, projector="6-5-4")
    result = run(
        task,
        tmp_path,
        model_exporters=[RepresentationExporter()],
        export_dirs=[str(tmp_path / "export")],
    )
    names = [weight.name for weight in result.trained_model.weights]
    assert sum("batch_normalization" in name for name in names) == 2 * 4
    moving = [w for w in result.trained_model.weights if "moving_mean" in w.name]
    assert all(np.abs(weight).max() > 0 for weight in moving)
    loaded = tf.saved_model.load(str(tmp_path / "export"))
    assert loaded.signatures["serving_default"].structured_outputs["representations"].shape[1] == 3
    variables = tf.train.list_variables(str(tmp_path / "export" / "variables" / "variables"))
    shapes = [tuple(shape) for _, shape in variables]
    assert shapes
    assert not any({6, 5} & set(shape) for shape in shapes if len(shape) == 2 and shape != (6, 3))
    assert (UNITS, 6) not in shapes
    assert (6, 5) not in shapes


REPLICAS = """
import graph_barlow_twins.tfgnn_task as ours
import numpy as np
import tensorflow as tf
from graph_barlow_twins.tfgnn_task.projector import projector_head
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
rows = np.random.default_rng(0).normal(size=(16, 2, 4)).astype("float32") * [[[1, 2, 3, 4]]]
rows[8:] += 3  # the halves differ, so statistics of one replica's rows would
weights = []
for strategy in (tf.distribute.OneDeviceStrategy("CPU:0"),
                 tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    with strategy.scope():
        tf.keras.utils.set_random_seed(1)
        inputs = tf.keras.Input([2, 4])
        head = projector_head("5-3")
        views = [head(view) for view in tf.unstack(inputs, axis=1)]
        model = tf.keras.Model(inputs, tf.stack(views, axis=1))
        model.compile(tf.keras.optimizers.SGD(0.05), loss=ours.BarlowTwinsLoss())
    data = tf.data.Dataset.from_tensor_slices((rows, np.zeros((16, 0)))).batch(16)
    model.fit(data, epochs=3, verbose=0)
    weights.append(np.concatenate([w.ravel() for w in model.get_weights()]))
print(np.abs(weights[0] - weights[1]).max() / np.abs(weights[0]).max())
"""


@pytest.mark.slow
def test_batch_norm_of_two_replicas_is_over_the_global_batch():
    """The weights, and moving averages, of two replicas are those of one with all rows."""
    assert float(run_python(REPLICAS).split()[-1]) < 1e-5
