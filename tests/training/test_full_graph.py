"""Trainings of a full graph: their checkpoints, resumes, early end and learning rates.

On the host, and by Keras, which trains the projectors.
"""

import shutil

import numpy as np
import pytest
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.output.replace import write_json
from graph_barlow_twins.pretrain.training.recipe import make_recipe
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

tf = pytest.importorskip("tensorflow")
from graph_barlow_twins.pretrain.training.run import make_run  # noqa: E402
from graph_barlow_twins.pretrain.training.steps.build import make_optimizer  # noqa: E402

NODES = np.arange(40)
DATA = make_graph_data(
    name="ring",
    features=np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32),
    edge_index=np.stack([NODES, (NODES + 1) % 40]),
)


def recipe(**options):
    rates = {"drop_edges": 0.3, "mask_features": 0.1, "drop_entries": 0.1}
    linear = {"encoder": "linear", "units": (8,), "hops": 2}
    return make_recipe(PretrainConfig(output="unused", **{**linear, **rates, **options}), DATA)


def train(root, *, interrupted_at=None, more=None, **options):
    tf.config.experimental.enable_op_determinism()  # as in `run_job`: keeps the order of the steps
    callbacks = []
    if interrupted_at is not None:
        callbacks = [tf.keras.callbacks.LambdaCallback(on_train_batch_begin=_interrupt)]
        _interrupt.left = interrupted_at
    return make_run(DATA, recipe(**options)).train(
        OutputFolder(root), callbacks=callbacks, **(more or {})
    )


def _interrupt(batch, logs):
    if _interrupt.left == 0:
        raise KeyboardInterrupt
    _interrupt.left -= 1


def checkpoints_written(root):
    """Each has a point in the curves by epochs; a resume goes on in another file."""
    log = EventMultiplexer().AddRunsFromDirectory(str(OutputFolder(root).tensorboard)).Reload()
    return len(log.Tensors("train", "epoch_loss"))


KINDS = {"host": {}, "keras": {"projector_units": (8,)}}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return KINDS[request.param]


@pytest.fixture(scope="module")
def whole(kind, tmp_path_factory):
    """A training of 61 steps, a prime number, and its folder."""
    root = tmp_path_factory.mktemp("whole")
    return train(root, steps=61, **kind), root


@pytest.fixture(scope="module")
def interrupted(kind, tmp_path_factory):
    """The folder of the same training, stopped in step 33; its last checkpoint has 20 steps."""
    root = tmp_path_factory.mktemp("interrupted")
    with pytest.raises(KeyboardInterrupt):
        train(root, steps=61, interrupted_at=33, **kind)
    return root


@pytest.mark.slow
def test_checkpoints_and_spectra_are_few_whatever_the_number_of_steps(whole):
    trained, root = whole
    assert len(trained.history["loss"]) == 61
    assert checkpoints_written(root) == 4  # after 20, 40, 60 and 61 steps
    changes = np.flatnonzero(np.diff(trained.history["rankme"])) + 1
    np.testing.assert_array_equal(changes, [10, 20, 30, 40, 50, 60])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "steps_per_checkpoint", "checkpoints"), [(61, 20, 4), (60, 20, 3), (61, 13, 5)]
)
def test_a_resumed_training_ends_where_the_whole_one_does(
    kind, whole, interrupted, tmp_path, steps, steps_per_checkpoint, checkpoints
):
    """Also under another rhythm of checkpoints, as version 0.1.0 had it."""
    root = tmp_path / "run"
    shutil.copytree(interrupted, root)
    more = {"steps_per_checkpoint": steps_per_checkpoint}
    again = train(root, steps=steps, more=more, **kind)
    assert again.first_step == 20
    assert checkpoints_written(root) == checkpoints
    expected = {name: values[:steps] for name, values in whole[0].history.items()}
    if steps_per_checkpoint == 20:
        assert again.history == expected
    assert again.history["loss"] == expected["loss"]
    if steps == 61:
        for one, other in zip(again.weights, whole[0].weights, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow  # after a training
@pytest.mark.parametrize("damage", ["checkpoint", "short", "no curves", "not json"])
def test_a_damaged_checkpoint_is_refused(kind, interrupted, tmp_path, damage):
    root = tmp_path / "run"
    shutil.copytree(interrupted, root)
    folder = OutputFolder(root)
    if damage == "checkpoint":
        (data,) = (*folder.backup.glob("chief/*.data-*"), *folder.backup.glob("*.npz"))
        data.write_bytes(data.read_bytes()[:100])
    elif damage == "not json":
        folder.history.write_text("{")
    else:
        write_json(folder.history, {"loss": [1.0] * 19} if damage == "short" else [])
    with pytest.raises(InputError, match="is damaged; start again with --overwrite"):
        train(root, steps=61, **kind)


@pytest.mark.slow
def test_stops_at_a_checkpoint_and_stays_stopped(kind, tmp_path):
    """A learning rate of almost 0 settles at once; a resume trains no further."""
    options = {
        "steps": 60,
        "learning_rate": 1e-12,
        "early_stopping": "rankme",
        "patience": 10,
        **kind,
    }
    first = train(tmp_path, **options)
    assert len(first.history["loss"]) == 20
    again = train(tmp_path, **options)
    assert again.first_step == 20
    assert again.history == first.history
    for before, after in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(before, after)


def rates(*steps, **options):
    optimizer = make_optimizer(recipe(learning_rate=0.5, **options), 60)
    rate = optimizer._learning_rate
    return [float(rate(step)) if callable(rate) else float(rate.numpy()) for step in steps]


def test_learning_rates():
    assert rates(0, 59) == [0.5, 0.5]
    assert rates(0, 5, 10, 59, warmup_steps=10) == pytest.approx([0, 0.25, 0.5, 0.5])
    assert rates(0, 30, 60, schedule="cosine") == pytest.approx([0.5, 0.25, 0])
    expected = [0, 0.25, 0.5, 0.25, 0]
    assert rates(0, 5, 10, 35, 60, schedule="cosine", warmup_steps=10) == pytest.approx(expected)
