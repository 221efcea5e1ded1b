"""Two worker processes over 127.0.0.1 (MultiWorkerMirroredStrategy) against one replica."""

import numpy as np
import pytest
from graph_barlow_twins import reference

from tests.distribution.replicas import run_workers
from tests.distribution.worker import make_batch, train_one_replica
from tests.tolerances import tolerance

# Whole trainings in interpreters of their own.
pytestmark = pytest.mark.slow

MASKED = {"rows": 11, "features": 9, "masked": True}
WIDE = {"rows": 11, "features": 40, "masked": True}
LOSSES = {
    "direct": {"batch": MASKED, "cut": 7, "options": {"path": "direct"}},
    "gram": {"batch": WIDE, "cut": 4, "options": {"path": "gram"}},
    "auto to direct, first worker empty": {"batch": MASKED, "cut": 0},
    "auto to gram, last worker empty": {"batch": WIDE, "cut": 11},
    "bfloat16": {"batch": {**WIDE, "dtype": "bfloat16"}, "cut": 4, "eager": True},
}
FITS = {
    "fit direct": {"masked": True, "loss": {"path": "direct"}},
    "fit gram": {"masked": True, "loss": {"path": "gram"}},
    "fit auto": {"masked": False},
    "fit per replica": {"masked": False, "loss": {"cross_replica": False}},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    cases = {name: {"run": "loss", **keywords} for name, keywords in LOSSES.items()}
    cases |= {name: {"run": "fit", **keywords} for name, keywords in FITS.items()}
    cases["start"] = {"run": "start"}
    return run_workers(cases, tmp_path_factory.mktemp("workers"))


@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradients_are_those_of_the_global_batch(results, name):
    batch = LOSSES[name]["batch"]
    a, b, w = make_batch(**batch)
    views = [z.astype(np.float64) for z in (a, b)]
    loss, *grads = reference.barlow_twins_loss_and_gradients(*views, sample_weight=w)
    allowed = tolerance(batch.get("dtype", "float32"))
    for worker in results[f"{name}/loss"]:
        assert abs(worker - loss) <= allowed.loss * max(loss, 1)
    for view, grad in zip("ab", grads, strict=True):
        error = np.abs(np.concatenate(results[f"{name}/{view}"]) - grad).max()
        assert error <= allowed.gradient * np.abs(grad).max(), f"gradient of {view}"


@pytest.mark.parametrize("name", ["fit direct", "fit gram", "fit auto"])
def test_weights_after_five_steps(results, name):
    before, after, _ = train_one_replica(FITS[name]["masked"])
    scale = np.abs(after).max()
    assert np.abs(after - before).max() > 0.05 * scale
    for worker in results[f"{name}/weights"]:
        assert np.abs(worker - after).max() <= 1e-5 * scale


def test_per_replica_loss_trains_another_model(results):
    _, after, _ = train_one_replica(masked=False)
    first, second = results["fit per replica/weights"]
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - after).max() > 1e-3 * np.abs(after).max()


def test_all_start_with_the_weights_of_the_chief(results):
    before, _, _ = train_one_replica(masked=False)
    for worker in results["start/weights"]:
        np.testing.assert_array_equal(worker, before)
