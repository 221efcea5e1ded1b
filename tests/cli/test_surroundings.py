"""The command in its surroundings: Ctrl-C at any moment, and consoles that print or read little."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.fresh_process import ROOT
from tests.runs import save_rings

COMMAND = [sys.executable, "-m", "graph_barlow_twins.pretrain"]
LIGHT = [sys.executable, "-c", "import graph_barlow_twins.pretrain.cli.main"]
pytestmark = pytest.mark.slow  # processes of their own


def environment(**more):
    return {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **more}


def start(arguments, **more):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        # A shell's background job, as tests may be, ignores Ctrl-C, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **more,
    )


@pytest.fixture
def run_options(tmp_path):
    """A short run on a small graph, with names that not every console can print."""
    words = np.array([f"Gödel {number} → ω" for number in range(60)])
    dataset = save_rings(tmp_path / "Ørsted→.npz", node_ids=words)
    return ["--dataset", dataset, "--units", "8", "--encoder", "channels", "--no-evaluation"]


def test_ctrl_c_at_any_moment(tmp_path, run_options):
    """From 0.05 s on: before that, and until our first line, the interpreter is alone."""
    alone = max(time_of(LIGHT) for _ in range(3))
    began = time.monotonic()
    whole = start(["pretrain", *run_options, "--output", tmp_path / "whole"])
    assert whole.wait(200) == 0
    seconds = time.monotonic() - began
    codes = []
    for moment in np.geomspace(max(0.05, 1.5 * alone), 1.1 * seconds, 10):
        process = start(["pretrain", *run_options, "--output", tmp_path / "run", "--overwrite"])
        time.sleep(moment)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)
        told = stderr.decode().strip().splitlines()
        codes.append(process.returncode)
        assert process.returncode in (0, 130), (moment, stderr.decode())
        assert b"Traceback" not in stderr, (moment, stderr.decode())
        assert b"ignored" not in stderr, (moment, stderr.decode())
        if process.returncode == 130:
            assert told[-1].startswith("graph-barlow-twins: error: interrupted"), moment
        else:  # it was done
            assert (tmp_path / "run" / "metrics.json").exists()
    assert codes.count(130) > 5


def time_of(command):
    began = time.monotonic()
    subprocess.run(command, env=environment(), check=True)
    return time.monotonic() - began


@pytest.mark.parametrize(
    "surroundings",
    [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"}, {"LANG": "C", "LC_ALL": "C"}],
    ids=lambda one: next(iter(one.values())),
)
def test_consoles_that_lack_characters(tmp_path, run_options, surroundings):
    output = tmp_path / "Läufe→"
    result = subprocess.run(
        [*COMMAND, "pretrain", *run_options, "--output", str(output)],
        env=environment(**surroundings),
        capture_output=True,
    )
    assert (result.returncode, b"Traceback" in result.stderr) == (0, False), result.stderr
    assert b"metrics.json" in result.stdout
    assert (output / "metrics.json").exists()


@pytest.mark.parametrize("ending", [">&- 2>&- <&-", "| head -1", "2>&1 | head -1", "2> >(true)"])
def test_consoles_that_are_not_read(tmp_path, run_options, ending):
    words = [*COMMAND, "pretrain", *run_options, "--output", str(tmp_path / "run")]
    shell = " ".join(f"'{word}'" for word in words)
    result = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell} {ending}"],
        env=environment(),
        capture_output=True,
    )
    assert result.returncode == 0, result.stderr
    assert b"rror" not in result.stderr, result.stderr
    assert (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize("flags", [["-W", "default"], ["-W", "error"]], ids=" ".join)
def test_warnings_of_libraries_are_theirs(tmp_path, run_options, flags):
    """Nobody can act on them: stderr holds what the command has to say, and nothing more."""
    command = [sys.executable, *flags, *COMMAND[1:]]
    model, table = str(tmp_path / "run"), str(tmp_path / "e.csv")
    dataset = run_options[:2]
    for arguments in (
        ["pretrain", *run_options, "--output", model],
        ["embed", model, *dataset, "--output", table],
        ["evaluate", table, *dataset, "--seeds", "1"],
    ):
        result = subprocess.run(
            [*command, *arguments, "--quiet"], env=environment(), capture_output=True, text=True
        )
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
