"""Seconds of a run by phase."""

import time

import pytest
from graph_barlow_twins.pretrain.phases import Stopwatch


def test_a_phase_that_comes_back_goes_on(monkeypatch):
    now = iter([0.0, 1.0, 3.0, 6.0, 10.0, 10.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    watch = Stopwatch()
    for phase in ("export", "report", "export"):
        watch.begin(phase)
    assert watch.phase == "export"
    assert watch.seconds() == pytest.approx(
        {"loading": 1.0, "export": 2.0 + 4.0, "report": 3.0, "total": 10.0}
    )
