"""Training on the host is what Keras trains, and needs no TensorFlow."""

import contextlib

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.kernels.loss.numba.entry import barlow_twins_loss_and_gradients
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.encoder.weights import EncoderWeights
from graph_barlow_twins.pretrain.errors import InputError, TrainingDivergedError
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.training.host.fit import learning_rate
from graph_barlow_twins.pretrain.training.host.gcn import GcnNetwork
from graph_barlow_twins.pretrain.training.host.inputs import Inputs
from graph_barlow_twins.pretrain.training.host.linear import LinearNetwork
from graph_barlow_twins.pretrain.training.host.run import HostRun
from graph_barlow_twins.pretrain.training.needs import load_tensorflow
from graph_barlow_twins.pretrain.training.recipe import make_recipe

from ..fresh_process import run_python

LINEAR = {"encoder": "linear", "units": (12,), "hops": 3}
GCN = {"encoder": "gcn", "units": (16, 8)}
DEEP = {"encoder": "gcn", "units": (6, 20, 8)}
RATES = {"drop_edges": (0.3, 0.5), "mask_features": (0.2, 0.1)}


def graph(*, sparse=False, weighted=False, features=10):
    rng = np.random.default_rng(0)
    X = scipy.sparse.random(60, features, 0.04 if sparse else 0.9, "csr", rng=rng)
    links = rng.integers(0, 60, (2, 120))
    return make_graph_data(
        name="random",
        features=X if sparse else X.toarray(),
        edge_index=links,
        edge_weight=rng.uniform(0.5, 2, 120) if weighted else None,
    )


def recipe_of(data, **options):
    return make_recipe(PretrainConfig(output="unused", **{**RATES, **options}), data)


CASES = [
    (LINEAR, {}, {}),
    (LINEAR, {"sparse": True, "features": 80}, {"drop_entries": 0.2}),
    (LINEAR, {"weighted": True}, {"drop_entries": (0.0, 0.3), "weight_decay": 0.1}),
    (GCN, {}, {"schedule": "cosine", "warmup_steps": 2}),
    (GCN, {"sparse": True, "features": 80}, {}),
    (GCN, {"weighted": True, "features": 30}, {"drop_entries": 0.2}),
    (DEEP, {}, {"drop_edges": (0.0, 1.0), "mask_features": (0.0, 0.0)}),
]


@pytest.mark.slow  # Keras' half of it
@pytest.mark.parametrize(("encoder", "kind", "options"), CASES)
def test_trains_as_keras_does(encoder, kind, options, tmp_path):
    pytest.importorskip("tensorflow")
    from graph_barlow_twins.pretrain.training.steps.full_graph import FullGraphRun

    load_tensorflow()  # keeps the order of the steps
    data = graph(**kind)
    recipe = recipe_of(data, steps=12, **encoder, **options)
    ours, theirs = HostRun(data, recipe), FullGraphRun(data, recipe)
    start = ours.initial_weights
    theirs.initial_weights = start
    np.testing.assert_allclose(ours.embed(start), theirs.embed(start), atol=1e-5)
    np.testing.assert_allclose(ours.correlation(start), theirs.correlation(start), atol=1e-5)
    one = ours.train(OutputFolder(tmp_path / "ours"))
    other = theirs.train(OutputFolder(tmp_path / "theirs"))
    assert one.history.keys() == other.history.keys()
    # A gcn's last weights, b, have no gradient but Keras' rounding, which Adam makes steps of: the
    # loss does not see them, the spectrum of representations that nobody centres does.
    last = 10 if encoder is not LINEAR else None
    for name, curve in one.history.items():
        steps = slice(None if name == "loss" else last)
        np.testing.assert_allclose(
            curve[steps], other.history[name][steps], rtol=2e-5, err_msg=name
        )
    weights = list(zip(one.weights, other.weights, strict=True))
    for trained, expected in weights[: len(weights) - (encoder is not LINEAR)]:
        np.testing.assert_allclose(trained, expected, atol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_views_are_those_of_the_corruptors(sparse):
    tf = pytest.importorskip("tensorflow")
    from graph_barlow_twins.pretrain.graph.tensor import graph_tensor_from_data, with_step
    from graph_barlow_twins.pretrain.training.steps.build import make_task

    data = graph(sparse=sparse, features=80)
    recipe = recipe_of(data, drop_entries=(0.2, 0.4), seed=3, steps=3, **LINEAR)
    inputs = Inputs(data)
    assert inputs.is_sparse == sparse
    views = inputs.views(recipe, 2)
    given = with_step(graph_tensor_from_data(data), tf.constant(2, tf.int64))
    (_, *expected), _ = make_task(recipe).preprocess(given)
    for view, other in zip(views, expected, strict=True):
        edges, nodes = other.edge_sets["edges"], other.node_sets["nodes"]
        target, source = data.edge_index[:, view.edges]
        np.testing.assert_array_equal(edges.adjacency.target.numpy(), target)
        np.testing.assert_array_equal(edges.adjacency.source.numpy(), source)
        np.testing.assert_array_equal(other.context["kept_columns"].numpy()[0], view.columns)
        found = inputs.entries(view)
        if sparse:
            np.testing.assert_array_equal(nodes["values"].flat_values.numpy(), found.data)
        else:
            np.testing.assert_array_equal(nodes["features"].numpy(), found)


@pytest.mark.parametrize(("encoder", "kind", "options"), CASES)
def test_gradients_are_differences(encoder, kind, options):
    data = graph(**kind)
    recipe = recipe_of(data, steps=12, **encoder, **options)
    inputs = Inputs(data, np.float64)
    weights = [one.astype(np.float64) for one in HostRun(data, recipe).initial_weights]
    network = (LinearNetwork if encoder is LINEAR else GcnNetwork)(inputs, weights)
    views = inputs.views(recipe, 0)

    def loss_of():
        states, kept = network.forward(views, [None, None])
        loss, *gradients = barlow_twins_loss_and_gradients(*states, lambda_=recipe.lambda_)
        return float(loss), kept, gradients

    _, kept, gradients = loss_of()
    found = network.backward(kept, gradients)
    rng = np.random.default_rng(0)
    for variable, gradient in zip(network.trained, found, strict=True):
        direction, ends = rng.standard_normal(variable.shape), []
        for change in (1e-6, -2e-6):
            variable += change * direction
            ends.append(loss_of()[0])
        variable += 1e-6 * direction
        slope = (ends[0] - ends[1]) / 2e-6
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-4, abs=1e-7)


def test_first_weights_follow_from_the_seed():
    first, again, other = (EncoderWeights.random(30, (16, 8), seed) for seed in (0, 0, 1))
    for one, two in zip(first.to_list(), again.to_list(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.kernels[0], other.kernels[0])
    limit = np.sqrt(6 / (30 + 16))  # Glorot and Bengio 2010
    assert 0.95 * limit < np.abs(first.kernels[0]).max() <= limit
    assert [one.shape for one in first.kernels] == [(30, 16), (16, 8)]


@pytest.mark.parametrize(
    "options",
    [{}, {"warmup_steps": 10}, {"warmup_steps": 90, "schedule": "cosine"}, {"schedule": "cosine"}],
)
def test_learning_rates_are_those_of_keras(options):
    pytest.importorskip("tensorflow")
    from graph_barlow_twins.pretrain.training.steps.build import make_optimizer

    recipe = recipe_of(graph(), learning_rate=0.5, steps=60, **LINEAR, **options)
    rate = make_optimizer(recipe, 60)._learning_rate
    for step in (0, 1, 9, 10, 11, 30, 58, 59):
        expected = float(rate(step)) if callable(rate) else float(rate.numpy())
        assert learning_rate(recipe, step, 60) == pytest.approx(expected, rel=1e-4)  # float32


@pytest.mark.slow  # a process
def test_needs_no_tensorflow():
    found = run_python(
        """
import sys, tempfile
from pathlib import Path
import numpy as np
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.training.needs import load_tensorflow
from graph_barlow_twins.pretrain.training.recipe import make_recipe
from graph_barlow_twins.pretrain.training.run import make_run
nodes = np.arange(40)
X = np.random.default_rng(0).normal(size=(40, 5))
data = make_graph_data(name="ring", features=X, edge_index=np.stack([nodes, (nodes + 1) % 40]))
for encoder in ("linear", "gcn"):
    config = PretrainConfig(output="unused", encoder=encoder, training="adam", steps=3)
    run = make_run(data, make_recipe(config, data))
    with tempfile.TemporaryDirectory() as root:
        run.train(OutputFolder(Path(root)))
print("tensorflow" in sys.modules)
"""
    )
    assert found.strip().endswith("False")


@pytest.mark.parametrize("encoder", [LINEAR, GCN])
def test_one_node_is_told(encoder, tmp_path):
    with pytest.warns(UserWarning, match="no edges"):
        data = make_graph_data(name="one", features=np.ones((1, 4)), edge_index=[[], []])
    run = HostRun(data, recipe_of(data, training="adam", steps=2, **encoder))
    with pytest.warns(RuntimeWarning, match="batch of one row"):
        assert np.isfinite(run.train(OutputFolder(tmp_path)).history["loss"]).all()


@pytest.mark.parametrize("encoder", [LINEAR, GCN])
def test_a_training_that_diverges_says_so_and_no_more(encoder, tmp_path, recwarn):
    data = graph()
    run = HostRun(data, recipe_of(data, steps=9, learning_rate=1e38, **encoder))
    with pytest.raises(TrainingDivergedError, match="try a lower --learning-rate"):
        run.train(OutputFolder(tmp_path))
    assert not recwarn.list


def test_a_checkpoint_of_keras_is_told_and_removed(tmp_path):
    data = graph()
    folder = OutputFolder(tmp_path)
    (folder.backup / "chief").mkdir(parents=True)
    (folder.tensorboard / "train").mkdir(parents=True)
    (folder.tensorboard / "train" / "events.out.tfevents.1.2.0.v2").write_text("")
    run = HostRun(data, recipe_of(data, steps=2, **LINEAR))
    with pytest.warns(UserWarning, match="begins anew"):
        assert len(run.train(folder).history["loss"]) == 2
    assert not (folder.backup / "chief").exists()
    assert len(list(folder.tensorboard.rglob("events*"))) == 1


def test_any_changed_byte_of_a_checkpoint_is_noticed_or_harmless(tmp_path):
    data = graph(features=2)
    folder, recipe = OutputFolder(tmp_path), recipe_of(data, steps=2, **LINEAR | {"units": (2,)})
    HostRun(data, recipe).train(folder)
    path = folder.backup / "state.npz"
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 150):
        changed = bytearray(content)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(bytes(changed))
        with contextlib.suppress(InputError):
            HostRun(data, recipe).train(folder)
