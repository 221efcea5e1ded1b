"""The examples of docs/usage/export.md run as they stand, in two processes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.examples import assert_names_exist

PAGE = Path(__file__).resolve().parents[2] / "docs" / "usage" / "export.md"

SAVE = """
import json
from pathlib import Path
Path("examples.json").write_text(json.dumps([example.hex() for example in examples]))
"""
LOAD = """
import json, sys
from pathlib import Path
sys.modules["graph_barlow_twins"] = sys.modules["tensorflow_gnn"] = None
examples = [bytes.fromhex(text) for text in json.loads(Path("examples.json").read_text())]
"""
CHECK = """
assert representations.shape == (64, 16), representations.shape
print("served")
"""


def test_examples_compile():
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S):
        assert_names_exist(block)


@pytest.mark.slow
def test_examples_export_and_serve(tmp_path):
    blocks = dict(re.findall(r"<!-- ci: (\w+) -->\n```python\n(.*?)```", PAGE.read_text(), re.S))
    for code in (blocks["example"] + SAVE, LOAD + blocks["serve"] + CHECK):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "served"
