"""A run killed at any moment goes on with --resume and ends as if it had not been, bit for bit."""

import functools
import os
import shutil
import signal
import time

import numpy as np
import pytest

from tests.hostile.runs import contents, one_line, results, start
from tests.runs import save_rings
from tests.sweeps import FULL_SWEEP

pytestmark = pytest.mark.slow  # whole runs

KINDS = {
    "plain": "--hops 2 --units 8 --steps 45",
    "projector": "--units 16 8 --projector-units 8 --steps 45",
    "sampled": "--fan-out 3 3 --units 16 8 --batch-size 32 --epochs 6",
    "overwriting": "--hops 2 --units 8 --steps 25",
}
COUNT = 25 if FULL_SWEEP else 1  # of kills for each kind
SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
REPLACEMENT, MOVING = ".replacement", ".replacing"
STRANGE = r"[1] \d *?"  # TensorFlow takes such a name for a pattern where it may
KEY = {kind: number for number, kind in enumerate(KINDS)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """From a kind to the run left alone: ``(arguments, folder, changes of the disk, seconds)``."""
    place = tmp_path_factory.mktemp("whole")
    dataset = save_rings(place / "rings.npz")

    @functools.cache
    def run(kind):
        arguments = ["pretrain", "--dataset", dataset, *KINDS[kind].split(), "--seed", "3"]
        arguments += ["--folds", "2", "--hold-out-edges", "0.2", "--quiet", "--output"]
        folder, flags = place / f"{kind} {STRANGE}", []  # as long a way as theirs
        if kind == "overwriting":
            shutil.copytree(run("plain")[1], folder)
            flags = ["--overwrite"]
        begin = time.monotonic()
        child = start(place / "logs", [*arguments, folder, *flags], watched=folder)
        done = child.wait()
        assert done.returncode == 0, done.stderr
        return arguments, folder, child.changes, time.monotonic() - begin

    return run


@pytest.mark.parametrize("number", range(COUNT))
@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_run_ends_as_the_uninterrupted_one(kind, number, whole, tmp_path):
    """Every other kill comes before a change of the disk, so that no window is too narrow."""
    arguments, finished, changes, seconds = whole(kind)
    rng = np.random.default_rng([KEY[kind], number])
    share = (number + rng.random()) / COUNT  # every phase has its turn
    how = SIGNALS[(number + KEY[kind]) % len(SIGNALS)]
    at = 1 + int(share * changes) if number % 2 == 0 else None
    run, flags = tmp_path / f"run {STRANGE}", []
    if kind == "overwriting":
        shutil.copytree(whole("plain")[1], run)
        flags = ["--overwrite"]
    before = contents(run)
    child = start(tmp_path / "logs", [*arguments, run, *flags], watched=run, at=at, how=how)
    if at is None:
        child.process.join(share * seconds)
        if child.process.exitcode is None:
            os.kill(child.process.pid, how)
    done = child.wait()
    # By the clock it may have come too late.
    assert done.returncode in (130 if how == signal.SIGINT else -how, *[0] * (at is None)), done
    if done.returncode == 130:
        assert one_line(done) == "interrupted; the same command with --resume continues"
    after = contents(run)
    flag = "--resume"
    complete = f"{REPLACEMENT}/metrics.json" in after or (run / MOVING).exists()
    if kind == "overwriting" and not complete:
        begun = (run / REPLACEMENT / "config.json").exists()
        if begun or after["config.json"] == before["config.json"]:  # the earlier run is there
            assert before.items() <= after.items()
            flag = "--resume" if begun else "--overwrite"

    resumed = start(tmp_path / "logs", [*arguments, run, flag]).wait()
    assert resumed.returncode == 0, (at, how, done, resumed.stderr)
    assert results(run) == results(finished)
