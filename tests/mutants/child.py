"""What a forked child does: it runs pytest and sends what happens."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from . import covering

_OPTIONS = ["--rootdir=.", "-q", "-x", "-p", "no:cacheprovider", "--no-header", "--no-summary"]


@dataclass
class Stage:
    """One call of pytest: what to collect, and which tests of it in which order (None: all)."""

    arguments: list[str]
    tests: list[str] | None = None


class _Watch:
    """A pytest plugin: runs the chosen tests in their order and reports."""

    def __init__(self, send, tests, without, deadline):
        self._send = send
        self._without = without
        self._order = None if tests is None else {test: i for i, test in enumerate(tests)}
        self._deadline = deadline

    def pytest_sessionstart(self):
        self._send(("collect", None))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if item.nodeid not in self._without]
        if self._order is not None:
            chosen = [item for item in items if item.nodeid in self._order]
            items[:] = sorted(chosen, key=lambda item: self._order[item.nodeid])

    def pytest_collectreport(self, report):
        if report.failed:
            self._send(("failed", f"import of {report.nodeid}"))

    def pytest_runtest_logstart(self, nodeid):
        self._send(("start", nodeid))

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self._send(("failed", report.nodeid))

    def pytest_runtest_logfinish(self):
        if time.monotonic() > self._deadline:
            self._send(("done", None))


def run_stages(send, stages: list[Stage], without: frozenset[str], seconds: float) -> None:
    """Runs tests until one fails.

    Args:
        send: takes messages: ("collect", None), ("start", test), and at last ("failed", what) or
            ("done", None).
        stages: what to run.
        without: tests to leave out.
        seconds: after which no further test begins.
    """
    deadline = time.monotonic() + seconds
    for stage in stages:
        watch = _Watch(send, stage.tests, without, deadline)
        status = pytest.main([*_OPTIONS, *stage.arguments], plugins=[watch])
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            send(("failed", f"pytest ended with {status!r}"))
    send(("done", None))


def run_recorder(send, folders, arguments: list[str]) -> None:
    """Runs tests and sends ("recorded", which lines of `folders` they ran); see `covering`."""
    data_file = Path(os.environ["TMPDIR"], "coverage")
    options = [option for option in _OPTIONS if option != "-x"]
    found = covering.record(Path.cwd(), folders, [*options, *arguments], data_file)
    send(("recorded", found))
