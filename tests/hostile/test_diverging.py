"""A training that diverges ends in one line, and what it would have replaced stays."""

import numpy as np
import pytest

from tests.hostile.runs import contents
from tests.runs import run_main, save_rings


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "rate"), [(["16", "8"], "1e38"), (["90", "80"], "1e30")], ids=["direct", "gram"]
)
def test_one_line(units, rate, tmp_path):
    """Whichever of N and D is larger."""
    command = ["pretrain", "--dataset", save_rings(tmp_path / "rings.npz"), "--quiet"]
    command += ["--units", *units, "--steps", "4", "--folds", "2", "--output", tmp_path / "run"]
    assert run_main(*command).returncode == 0
    before = contents(tmp_path / "run")
    done = run_main(*command, "--overwrite", "--learning-rate", rate)
    assert done.returncode == 1
    (line,) = [one for one in done.stderr.splitlines() if "warning:" not in one]
    assert "; try a lower --learning-rate" in line
    assert contents(tmp_path / "run") == before
    with np.load(tmp_path / "run" / "embeddings.npz") as arrays:
        assert np.abs(arrays["embeddings"]).max() < 1e3
