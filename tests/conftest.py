"""Fixtures that several test files share."""

import os
from pathlib import Path

# Before any test file imports TensorFlow: it selects Keras 2.
import graph_barlow_twins  # noqa: F401
import numpy as np
import pytest

from tests.runs import finished_run  # noqa: F401

# Their assertions say as much as those of the test files.
pytest.register_assert_rewrite(
    "tests.corruption.values", "tests.corruption.graphs", "tests.graph.parts", "tests.fresh_process"
)


@pytest.fixture(scope="session")
def planetoid_dir() -> Path:
    """The folder with the Cora files; skips the test where they are missing."""
    beside_the_repository = Path(__file__).resolve().parents[2] / "shared" / "data" / "planetoid"
    folder = Path(os.environ.get("GBT_DATA_DIR") or beside_the_repository)
    if not (folder / "ind.cora.graph").is_file():
        pytest.skip(f"no Cora files in {folder}; set GBT_DATA_DIR to the folder with ind.cora.*")
    return folder


@pytest.fixture
def nan_filled_buffers(monkeypatch):
    """Fills the buffers that the Numba kernels allocate: an element that nobody wrote shows."""
    from graph_barlow_twins.kernels.loss.numba import memory as loss_numba_memory

    for name in ("empty", "empty_result"):
        monkeypatch.setattr(
            loss_numba_memory, name, lambda shape, dtype=float: np.full(shape, np.nan, dtype)
        )


@pytest.fixture(params=["one thread", "three parts"])
def work_split(request, monkeypatch):
    """Work split as for a small shape on any machine, or as for a large one on three cores."""
    from graph_barlow_twins.kernels.loss.numba import plan as loss_numba_cost
    from graph_barlow_twins.kernels.loss.numba import team as loss_numba_team

    small = request.param == "one thread"
    monkeypatch.setattr(loss_numba_cost, "_SERIAL_WORK", np.inf if small else 0)
    monkeypatch.setattr(loss_numba_cost, "_SERIAL_ELEMENTS", np.inf if small else 0)
    monkeypatch.setattr(loss_numba_cost, "TEAM_SIZE", 3)
    monkeypatch.setattr(loss_numba_team, "TEAM_SIZE", 3)
    if not small:
        # Several blocks and panels per part, of unequal size.
        monkeypatch.setattr(loss_numba_cost, "_BLOCK_BYTES", 0)
        monkeypatch.setattr(loss_numba_cost, "_MIN_BLOCK_ROWS", 50)
        monkeypatch.setattr(loss_numba_cost, "_PANEL_BYTES", 0)
        monkeypatch.setattr(loss_numba_cost, "_PANEL_WIDTH", 20)


# Whole trainings through the runner, under strategies, policies and XLA: minutes on two cores, more
# than the budget of the suite. `pytest -m slow` runs them, with the other slow tests.
_SLOW_FILES = {
    "bench/test_train_step",
    "distribution/test_loss",
    "distribution/test_fit",
    "distribution/test_runner",
    "distribution/test_workers",
    "docs/test_export",
    "docs/test_production",
    "task/test_multitask",
    "task/test_nonfinite",
    "task/test_padding",
    "task/test_precision",
    "task/test_xla",
}


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker
def pytest_collection_modifyitems(items):
    for item in items:
        if f"{item.path.parent.name}/{item.path.stem}" in _SLOW_FILES:
            item.add_marker(pytest.mark.slow)
