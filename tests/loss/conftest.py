"""Fixtures of the Numba backend's tests."""

import numpy as np
import pytest
from graph_barlow_twins.kernels.loss.numba import memory, plan

MACHINES = {
    "one thread": plan.Machine(serial_work=np.inf, serial_elements=np.inf),
    # Several blocks and panels per part, of unequal size.
    "three parts": plan.Machine(
        threads=3,
        serial_work=0,
        serial_elements=0,
        block_bytes=0,
        block_rows=(50, 1024),
        panel_width=20,
        panel_bytes=0,
    ),
}


@pytest.fixture
def nan_filled_buffers(monkeypatch):
    """Fills the buffers that the kernels allocate: an element that nobody wrote shows."""
    for name in ("empty", "empty_result"):
        monkeypatch.setattr(memory, name, lambda shape, dtype=float: np.full(shape, np.nan, dtype))


@pytest.fixture(params=MACHINES)
def work_split(request, monkeypatch):
    """Work split as for a small shape on any machine, or as for a large one on three cores."""
    monkeypatch.setattr(plan, "machine", MACHINES[request.param])
