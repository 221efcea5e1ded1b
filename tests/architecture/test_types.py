"""The type checker on everything that is installed: what a user's own checker will see."""

import os
import subprocess
import sys

import pytest

from .tree import ROOT, make_tree


@pytest.mark.slow  # ten seconds on its own
def test_types_are_consistent(tmp_path):
    command = [sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml"]
    done = subprocess.run(
        [*command, "--cache-dir", tmp_path / "cache"],
        env={**os.environ, "MYPYPATH": str(make_tree(tmp_path))},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
