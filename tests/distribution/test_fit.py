"""Training in `Model.fit` on two replicas in one process against training on one replica."""

import numpy as np
import pytest

from tests.distribution.replicas import run_mirrored
from tests.distribution.worker import train_one_replica, training_steps

# Whole trainings in interpreters of their own.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    cases = {
        "direct": {"masked": False, "loss": {"path": "direct"}},
        "auto, masked": {"masked": True},
        "sum": {"masked": True, "sum_reduction": True},
        "per replica": {"masked": False, "loss": {"cross_replica": False}},
    }
    cases = {name: {"run": "fit", **keywords} for name, keywords in cases.items()}
    return run_mirrored(cases, tmp_path_factory.mktemp("trained"))


@pytest.mark.parametrize("name", ["direct", "auto, masked", "sum"])
def test_weights_after_five_steps(trained, name):
    masked = name != "direct"
    before, after, losses = train_one_replica(masked)
    scale = np.abs(after).max()
    assert np.abs(after - before).max() > 0.05 * scale
    assert np.abs(trained[f"{name}/weights"][0] - after).max() <= 1e-5 * scale
    # Keras averages over replicas and steps by their numbers of rows.
    rows = [len(x) for x, _, _ in training_steps(masked)]
    mean = np.average(losses, weights=rows)
    np.testing.assert_allclose(trained[f"{name}/history"][0], mean, rtol=1e-5)


def test_per_replica_loss_trains_another_model(trained):
    _, after, _ = train_one_replica(masked=False)
    assert np.abs(trained["per replica/weights"][0] - after).max() > 1e-3 * np.abs(after).max()
