"""NaN and infinity in a batch: training stops and says where, or leaves the step out."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import BarlowTwinsLoss, BarlowTwinsTask, skip_nonfinite_steps
from graph_barlow_twins.tfgnn_task.nonfinite import MOST_SKIPPED_IN_A_ROW, NonfiniteGuard

from tests.fresh_process import run_python
from tests.task.graphs import FEATURES, NODES, dropout, make_graph
from tests.task.production_runs import GRAPHS, KeepEpochs, make_model, run

ROWS, COLUMNS = 8, 4


def rows_with(value=None, view=1, column=2, row=5):
    rows = np.random.default_rng(0).normal(size=(ROWS, 2, COLUMNS)).astype(np.float32)
    if value is not None:
        rows[row, view, column] = value
    return rows


def linear_model(optimizer="sgd", scale=1.0, **options):
    """A diagonal layer, so that a bad input is bad in one column of the output only."""
    inputs = tf.keras.Input([2, COLUMNS])

    class Scale(tf.keras.layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(
                "scale", [COLUMNS], initializer=tf.keras.initializers.Constant(scale)
            )

        def call(self, inputs):
            return inputs * self.scale

    model = tf.keras.Model(inputs, Scale()(inputs))
    run_options = {name: options.pop(name) for name in ("run_eagerly",) if name in options}
    model.compile(optimizer, loss=BarlowTwinsLoss(lambda_=0.1, **options), **run_options)
    return model


def dataset(*batches):
    return tf.data.Dataset.from_generator(
        lambda: ((batch, np.zeros((len(batch), 0), np.int32)) for batch in batches),
        output_signature=(
            tf.TensorSpec([None, 2, COLUMNS]),
            tf.TensorSpec([None, 0], tf.int32),
        ),
    )


def adam(**options):
    return tf.keras.optimizers.AdamW(0.1, weight_decay=0.1, **options)


@pytest.mark.parametrize(("value", "run_eagerly"), [(np.nan, False), (-np.inf, True)])
def test_raises_with_step_and_column_before_a_weight_changes(value, run_eagerly):
    # Without weight decay, which needs no gradient and may already have acted.
    model = linear_model(tf.keras.optimizers.Adam(0.1), run_eagerly=run_eagerly)
    model.fit(dataset(rows_with(), rows_with()), verbose=0)
    before = model.get_weights()
    message = r"training step 3. 1 of 8 columns .* view 1, feature column 2, row 5: (nan|-?inf)"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        model.fit(dataset(rows_with(value), rows_with()), verbose=0)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_names_the_largest_entry_where_none_is_bad_itself():
    model = linear_model(normalize_batch=False, run_eagerly=True)
    message = r"step 1. All entries are finite; the largest is view 0, feature column 3, row 1"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        model.fit(dataset(rows_with(1e38, view=0, column=3, row=1)), verbose=0)


def test_rows_without_weight_are_not_to_blame():
    rows = rows_with(np.nan, view=0, column=1, row=0)
    rows[6, 1, 3] = np.nan
    weights = np.array([0, 1, 1, 1, 1, 1, 1, 1], np.float32)
    loss = BarlowTwinsLoss()
    outputs = tf.Variable(rows)
    with tf.GradientTape() as tape:
        value = loss(None, outputs, sample_weight=weights)
    with pytest.raises(tf.errors.InvalidArgumentError, match="view 1, feature column 3, row 6"):
        tape.gradient(value, outputs)
    weights[6] = 0
    with tf.GradientTape() as tape:
        value = loss(None, outputs, sample_weight=weights)
    assert np.isfinite(value)
    assert np.isfinite(tape.gradient(value, outputs)).all()


@pytest.mark.parametrize("on_nonfinite", ["raise", "skip", "ignore"])
def test_evaluation_reports_and_does_not_count(on_nonfinite):
    model = linear_model(on_nonfinite=on_nonfinite, run_eagerly=True)
    assert np.isnan(model.evaluate(dataset(rows_with(np.nan)), verbose=0))
    if on_nonfinite == "raise":
        with pytest.raises(tf.errors.InvalidArgumentError, match="training step 1"):
            model.fit(dataset(rows_with(np.nan)), verbose=0)


@pytest.mark.slow  # several trainings
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_skips_the_step_and_nothing_else(value):
    """Weights, momenta and weight decay are those of a run that never saw the batch."""
    weights = []
    for batches in ([rows_with(), rows_with(value), rows_with()], [rows_with()] * 2):
        optimizer = tf.keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1)
        model = linear_model(skip_nonfinite_steps(optimizer), on_nonfinite="skip")
        model.fit(dataset(*batches), verbose=0)
        weights.append(model.get_weights()[0])
    assert np.abs(weights[0] - 1).max() > 0.01
    np.testing.assert_array_equal(*weights)


@pytest.mark.slow
def test_skips_a_graph_through_the_runner(tmp_path):
    """A NaN in a feature poisons what passes through it: zero gradients at the loss are too few."""
    features = GRAPHS[3].node_sets["node"][tfgnn.HIDDEN_STATE].numpy()
    features[0, FEATURES - 1] = np.nan
    bad = GRAPHS[3].replace_features(node_sets={"node": {tfgnn.HIDDEN_STATE: features}})
    graphs = [*GRAPHS[:8], bad, *GRAPHS[8:15]]

    def batches_of_eight(on_nonfinite, folder):
        task = BarlowTwinsTask("node", corruptor=dropout(), on_nonfinite=on_nonfinite)
        return run(
            task,
            folder,
            graphs=graphs,
            global_batch_size=8,
            epochs=2,
            optimizer_fn=lambda: skip_nonfinite_steps(tf.keras.optimizers.Adam(0.01)),
            callbacks=[KeepEpochs()],
        )

    with pytest.raises(tf.errors.InvalidArgumentError, match=r"training step [12]\. .* column 0"):
        batches_of_eight("raise", tmp_path / "raise")
    result = batches_of_eight("skip", tmp_path / "skip")
    assert all(np.isfinite(weight).all() for weight in result.trained_model.get_weights())


@pytest.mark.slow
def test_skipping_for_ever_is_refused():
    model = linear_model(adam(), on_nonfinite="skip")  # an optimizer that does not skip
    many = [rows_with(np.nan)] + [rows_with()] * MOST_SKIPPED_IN_A_ROW
    message = f"training step {MOST_SKIPPED_IN_A_ROW}.*{MOST_SKIPPED_IN_A_ROW} steps in a row"
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        model.fit(dataset(*many), verbose=0)


@pytest.mark.slow
def test_skipping_now_and_then_is_not_refused():
    model = linear_model(skip_nonfinite_steps(adam()), on_nonfinite="skip")
    alternating = [rows_with(np.nan), rows_with()] * MOST_SKIPPED_IN_A_ROW
    model.fit(dataset(*alternating), verbose=0)  # not in a row


def test_ignores_if_told_so():
    model = linear_model(on_nonfinite="ignore", run_eagerly=True)
    model.fit(dataset(rows_with(np.nan)), verbose=0)
    assert np.isnan(model.get_weights()[0]).any()


@pytest.mark.slow
def test_under_xla_the_loss_is_nan_and_nothing_raises():
    task = BarlowTwinsTask("node", corruptor=dropout())
    graphs, labels = task.preprocess(make_graph())
    model = make_model(task, graphs, jit_compile=True, spec=graphs[0].spec)
    features = graphs[0].node_sets["node"][tfgnn.HIDDEN_STATE].numpy()
    features[2 * NODES, 0] = np.nan
    bad = graphs[0].replace_features(node_sets={"node": {tfgnn.HIDDEN_STATE: features}})
    data = tf.data.Dataset.from_tensors(((bad, graphs[1]), labels))
    assert np.isnan(model.fit(data, verbose=0).history["loss"][0])


@pytest.mark.slow
def test_skip_under_xla():
    model = linear_model(skip_nonfinite_steps(adam()), on_nonfinite="skip")
    model.compile(model.optimizer, loss=model.loss, jit_compile=True)
    model.fit(dataset(rows_with(), rows_with(np.inf)).map(_static), verbose=0)
    assert np.isfinite(model.get_weights()[0]).all()
    assert np.abs(model.get_weights()[0] - 1).max() > 0.01


def test_skip_nonfinite_steps_keeps_loss_scaling():
    wrapped = skip_nonfinite_steps(tf.keras.optimizers.Adam())
    assert float(wrapped.loss_scale) == 1
    assert skip_nonfinite_steps(wrapped) is wrapped
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        assert float(skip_nonfinite_steps(tf.keras.optimizers.Adam()).loss_scale) > 1
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


@pytest.mark.slow
def test_a_loss_that_is_built_needs_one_trace():
    views, traces = tf.Variable(np.random.default_rng(0).normal(size=(8, 2, 3))), []

    def counted_traces(loss):
        traces.clear()

        @tf.function
        def step():
            traces.append(loss)
            with tf.GradientTape() as tape:
                value = loss(None, views)
            return tape.gradient(value, views)

        step()
        return len(traces)

    assert counted_traces(BarlowTwinsLoss()) == 2
    built = BarlowTwinsLoss()
    built.build()
    counters = built._guard
    built.build()
    assert built._guard is counters
    assert counted_traces(built) == 1
    ignoring = BarlowTwinsLoss(on_nonfinite="ignore")
    ignoring.build()
    assert ignoring._guard is None


def test_config_keeps_the_choice():
    loss = BarlowTwinsLoss(on_nonfinite="skip")
    assert BarlowTwinsLoss.from_config(loss.get_config()).get_config() == loss.get_config()
    assert loss.get_config()["on_nonfinite"] == "skip"
    with pytest.raises(ValueError, match="on_nonfinite should be one of raise, skip, ignore"):
        BarlowTwinsTask("node", on_nonfinite="stop")


@pytest.mark.parametrize(
    ("value", "raises"), [(None, False), (np.nan, True), (1e7, True), (9e5, False)]
)
def test_of_several_replicas_those_with_a_cause_raise(value, raises):
    """The loss of all is NaN; only a replica whose own rows explain it names them."""
    guard = NonfiniteGuard(skip=False)
    outputs = tf.constant(rows_with(value))
    loss = tf.Variable(np.nan)
    with tf.GradientTape() as tape:
        guarded = guard.guard(loss, outputs, None, 2)
    if raises:
        with pytest.raises(tf.errors.InvalidArgumentError, match="view 1, feature column 2, row 5"):
            tape.gradient(guarded, loss)
    else:
        assert float(tape.gradient(guarded, loss)) == 1
    assert int(guard.result()) == 1


TWO_REPLICAS = """
import graph_barlow_twins.tfgnn_task as ours
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
rows = np.random.default_rng(0).normal(size=(16, 2, 4)).astype("float32")
bad = rows.copy()
bad[BAD_ROW, 1, 2] = np.nan
data = [tf.data.Dataset.from_tensor_slices((r, np.zeros((16, 0)))).batch(16) for r in (rows, bad)]
with strategy.scope():
    inputs = tf.keras.Input([2, 4])
    scale = tf.keras.layers.DepthwiseConv1D(1, use_bias=False, depthwise_initializer="ones")
    model = tf.keras.Model(inputs, scale(inputs))
    optimizer = tf.keras.optimizers.SGD(0.1)
    if ON_NONFINITE == "skip":
        optimizer = ours.skip_nonfinite_steps(optimizer)
    model.compile(optimizer, loss=ours.BarlowTwinsLoss(on_nonfinite=ON_NONFINITE))
model.fit(data[0], epochs=2, verbose=0)
before = model.get_weights()[0]
try:
    model.fit(data[1], verbose=0)
    print("went on")
except tf.errors.InvalidArgumentError as error:
    print(str(error).replace(chr(10), " "))
after = model.get_weights()[0]
assert np.array_equal(before, after) and np.isfinite(after).all() and np.any(after != 1)
"""


@pytest.mark.slow
@pytest.mark.parametrize("bad_row", [1, 14])
def test_two_replicas_name_the_column(bad_row):
    code = TWO_REPLICAS.replace("BAD_ROW", str(bad_row)).replace("ON_NONFINITE", '"raise"')
    message = run_python(code)
    assert "training step 3" in message
    assert f"view 1, feature column 2, row {bad_row % 8}: nan" in message


@pytest.mark.slow
def test_two_replicas_skip_together():
    code = TWO_REPLICAS.replace("BAD_ROW", "1").replace("ON_NONFINITE", '"skip"')
    assert run_python(code) == "went on"


def _static(rows, labels):
    return tf.ensure_shape(rows, [ROWS, 2, COLUMNS]), tf.ensure_shape(labels, [ROWS, 0])
