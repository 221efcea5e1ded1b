"""Fixtures that several test files share."""

import os
import sys
from pathlib import Path

# Before any test file imports TensorFlow: it selects Keras 2.
import graph_barlow_twins  # noqa: F401
import pytest

from tests.runs import finished_run  # noqa: F401

# Their assertions say as much as those of the test files.
pytest.register_assert_rewrite(
    "tests.corruption.values", "tests.corruption.graphs", "tests.graph.parts", "tests.fresh_process"
)


# The tests start hundreds of interpreters. Where none may keep what it compiles, as in many
# containers, and pip compiled nothing, each compiles TensorFlow anew: 17 s of processor, not 6.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session")
def planetoid_dir() -> Path:
    """The folder with the Cora files; skips the test where they are missing."""
    beside_the_repository = Path(__file__).resolve().parents[2] / "shared" / "data" / "planetoid"
    folder = Path(os.environ.get("GBT_DATA_DIR") or beside_the_repository)
    if not (folder / "ind.cora.graph").is_file():
        pytest.skip(f"no Cora files in {folder}; set GBT_DATA_DIR to the folder with ind.cora.*")
    return folder
