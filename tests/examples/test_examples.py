"""Every example runs as a notebook; one as a script, too."""

import os
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(command, folder):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "JUPYTER_PLATFORM_DIRS": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_there_are_some():
    assert len(EXAMPLES) == 5
    listed = (ROOT / "examples" / "README.md").read_text()
    assert all(f"]({path.name})" in listed for path in EXAMPLES)


@pytest.mark.slow
def test_runs_as_a_script(tmp_path):
    """One for all: a notebook runs the same lines."""
    assert run([sys.executable, str(ROOT / "examples" / "tables.py")], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_runs_as_a_notebook(example, tmp_path):
    notebook = tmp_path / f"{example.stem}.ipynb"
    command = [sys.executable, "-m", "jupytext", "--to", "ipynb", "--set-kernel", "python3"]
    run([*command, "--execute", str(example), "--output", str(notebook)], tmp_path)
    text = notebook.read_text()
    assert '"output_type": "stream"' in text
    assert '"output_type": "error"' not in text
