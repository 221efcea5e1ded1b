"""The examples of docs/usage/production.md run as they stand, in one process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.examples import assert_names_exist

PAGE = Path(__file__).resolve().parents[2] / "docs" / "usage" / "production.md"
NAMES = ["setup", "padding", "precision", "projector", "multitask", "skip"]
# A policy stays set for the process; the example is the last thing that a program would do.
AFTER = {"precision": 'tf.keras.mixed_precision.set_global_policy("float32")\n'}


def named_blocks():
    blocks = dict(re.findall(r"<!-- ci: (\w+) -->\n```python\n(.*?)```", PAGE.read_text(), re.S))
    assert list(blocks) == NAMES
    return blocks


def test_examples_compile():
    for block in named_blocks().values():
        assert_names_exist(block)


@pytest.mark.slow
def test_examples_run(tmp_path):
    blocks = named_blocks()
    code = "".join(f"{block}{AFTER.get(name, '')}\n" for name, block in blocks.items())
    done = subprocess.run(
        [sys.executable, "-c", code + "print('done')"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().endswith("done")
    assert (tmp_path / "model" / "export" / "saved_model.pb").is_file()
