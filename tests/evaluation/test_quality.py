"""The main job's accuracies on Cora with its default options; those on digits: see .ci/run."""

import json
import statistics

import pytest

from tests.runs import run_main
from tests.sweeps import FULL_SWEEP

pytestmark = pytest.mark.slow
SEEDS = 3 if FULL_SWEEP else 1


def accuracies(output, *arguments):
    """Linear-probe accuracies by name, in percent, of one run of the command."""
    done = run_main("pretrain", "--quiet", "--output", output, *arguments)
    assert done.returncode == 0, done.stderr
    probes = json.loads((output / "metrics.json").read_text())["probe"]
    return {name: 100 * probe["accuracy"] for name, probe in probes.items()}


def test_cora(tmp_path, planetoid_dir):
    """In full by the means of three seeds: the linear encoder starts close to where it ends."""
    arguments = ["--dataset", "planetoid:cora", "--data-dir", str(planetoid_dir)]
    runs = [
        accuracies(tmp_path / str(seed), *arguments, "--seed", str(seed)) for seed in range(SEEDS)
    ]
    for run in runs:  # features and PCA are far below, by any seed
        assert run["trained encoder"] > max(run["raw features"], run["PCA"]) + 20
    means = {name: statistics.mean(run[name] for run in runs) for name in runs[0]}
    trained = means.pop("trained encoder")
    assert trained >= 84.2
    assert len(means) == 3
    for name, accuracy in means.items():
        assert trained > accuracy, name
