"""The first step of a training is traced once, and AutoGraph rewrites none of it."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.pretrain.training.recipe import make_recipe
from graph_barlow_twins.pretrain.training.run import make_run
from graph_barlow_twins.pretrain.training.steps import fit as training
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask

OPTIONS = {
    "linear": {
        "encoder": "linear",
        "units": (8,),
        "hops": 2,
        "steps": 4,
        "projector_units": (8,),  # without one TensorFlow has no part in it
    },
    "gcn": {"encoder": "gcn", "units": (16, 8), "projector_units": (8,), "steps": 4},
    "sampled": {"units": (8,), "fan_out": (3,), "batch_size": 20, "epochs": 1},
}


def run_on_ring(**options):
    nodes = np.arange(40)
    data = make_graph_data(
        name="ring",
        features=np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32),
        edge_index=np.stack([nodes, (nodes + 1) % 40]),
    )
    return make_run(data, make_recipe(PretrainConfig(output="unused", **options), data))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gcn", "sampled", "linear"])
def test_train_step_is_traced_once_and_as_it_is(kind, tmp_path, monkeypatch):
    was_rewritten = []  # once per trace
    plain_metrics = BarlowTwinsTask.metrics

    def metrics(task):
        (one,) = plain_metrics(task)
        plain_update = one.update_state

        def update_state(y_true, y_pred, **kwargs):
            try:
                if tf.reduce_sum(y_pred) > 0:  # of a symbolic tensor: only AutoGraph makes sense
                    pass
                was_rewritten.append(True)
            except tf.errors.OperatorNotAllowedInGraphError:
                was_rewritten.append(False)
            return plain_update(y_true, y_pred, **kwargs)

        one.update_state = update_state
        return (one,)

    monkeypatch.setattr(BarlowTwinsTask, "metrics", metrics)
    trained = run_on_ring(**OPTIONS[kind]).train(OutputFolder(tmp_path))
    assert len(trained.history["loss"]) >= 2
    assert was_rewritten == [False]


@pytest.mark.slow
def test_training_is_that_of_the_plain_trainer(tmp_path, monkeypatch):
    # Without corruption, because outside `run_job` tf.data does not keep the order of the steps.
    options = OPTIONS["gcn"] | {"drop_edges": 0.0, "mask_features": 0.0, "drop_entries": 0.0}
    quick = run_on_ring(**options).train(OutputFolder(tmp_path / "quick"))
    monkeypatch.setattr(training, "QuickStartTrainer", training.runner.KerasTrainer)
    plain = run_on_ring(**options).train(OutputFolder(tmp_path / "plain"))
    np.testing.assert_allclose(quick.history["loss"], plain.history["loss"], rtol=1e-5)
    assert quick.history["loss"][-1] < quick.history["loss"][0]
    for one, other in zip(quick.encoder.get_weights(), plain.encoder.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["linear", "gcn"])
def test_encoder_can_be_saved(kind, tmp_path):
    run = run_on_ring(**OPTIONS[kind])
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    run.encoder.save(str(tmp_path / "encoder"), options=options)
    again = tf.keras.models.load_model(str(tmp_path / "encoder"), compile=False)
    first, second = run.encoder.get_weights(), again.get_weights()
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
