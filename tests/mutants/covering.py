"""Which tests run a line: recorded in one run of the fast layer, and in which order to try them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath

from .faults import Mutant
from .project import Project


class Recorder:
    """A pytest plugin that gives each test a context of its own in coverage's data.

    Args:
        coverage: a started `coverage.Coverage`.
    """

    def __init__(self, coverage):
        self._coverage = coverage
        self._current = None
        self.seconds = defaultdict(float)
        self.bad = set()

    def pytest_runtest_logstart(self, nodeid):
        """Names the lines to come after the test, its fixtures too."""
        self._coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report):
        """Adds up setup, call and teardown."""
        self.seconds[report.nodeid] += report.duration
        if not report.passed:  # a skipped test notices nothing
            self.bad.add(report.nodeid)


def record(root: Path, folders, arguments: list[str], data_file: Path) -> dict:
    """Runs pytest in this process; returns ``{tests, bad, lines}`` for `Coverage.merge`."""
    import coverage
    import pytest

    measured = coverage.Coverage(
        data_file=str(data_file),
        config_file=False,
        source=[str(root / folder) for folder in folders],
        messages=False,
    )
    recorder = Recorder(measured)
    measured.start()
    try:
        pytest.main(arguments, plugins=[recorder])
    finally:
        measured.stop()
    data = measured.get_data()
    lines = {}
    for file in data.measured_files():
        name = Path(file).relative_to(root.resolve()).as_posix()
        contexts = data.contexts_by_lineno(file)
        lines[name] = {line: [test for test in tests if test] for line, tests in contexts.items()}
    tests = {test: round(seconds, 3) for test, seconds in recorder.seconds.items()}
    return {"tests": tests, "bad": sorted(recorder.bad), "lines": lines}


class CoveringTests:
    """The map from lines to tests.

    Attributes:
        tests: seconds by test; those alone that pass on the code as it is.
        bad: tests that failed or were skipped.
    """

    def __init__(self, project: Project):
        self._project = project
        self.tests: dict[str, float] = {}
        self.bad: list[str] = []
        self._lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._hashes = {file: _hash(project.root / file) for file in project.sources()}

    def merge(self, part: dict) -> None:
        """Takes over what `record` returned."""
        self.bad += part["bad"]
        passed = {test: part["tests"][test] for test in part["tests"].keys() - set(part["bad"])}
        self.tests.update(sorted(passed.items()))
        for file, lines in part["lines"].items():
            for line, tests in lines.items():
                self._lines[file][int(line)] |= passed.keys() & set(tests)

    def save(self) -> None:
        """Writes the map where `load` finds it."""
        number = {test: index for index, test in enumerate(self.tests)}
        lines = {
            file: {line: sorted(map(number.get, tests)) for line, tests in found.items() if tests}
            for file, found in self._lines.items()
        }
        content = {"hashes": self._hashes, "tests": self.tests, "bad": self.bad, "lines": lines}
        _map_file(self._project).write_bytes(gzip.compress(json.dumps(content).encode(), 6))

    @classmethod
    def load(cls, project: Project) -> CoveringTests:
        """Reads the map.

        Raises:
            FileNotFoundError: if there is none.
        """
        content = json.loads(gzip.decompress(_map_file(project).read_bytes()))
        found = cls(project)
        found.tests, found.bad = content["tests"], content["bad"]
        names = list(found.tests)
        for file, lines in content["lines"].items():
            # Where a file has changed since, its lines lie elsewhere: line 0 stands for all.
            same = content["hashes"].get(file) == found._hashes.get(file)
            for line, tests in lines.items():
                found._lines[file][int(line) if same else 0] |= {names[test] for test in tests}
        return found

    def changed(self) -> list[str]:
        """The files that are not as they were when the map was made."""
        return sorted(file for file, lines in self._lines.items() if 0 in lines)

    def of(self, mutant: Mutant) -> set[str]:
        """The tests recorded on the statement of a mutant."""
        return self._between(mutant.file, *mutant.statement)

    def order(self, mutant: Mutant) -> list[str]:
        """All tests that may notice a mutant, the most promising first.

        First those that ran its statement, then the test file named after its file, then those that
        ran its function, its file, its folder, then all of the test files that hold such a test and
        of the rooms of the same name. The wider circles are there because a recorder sees only
        some: not what Numba or AutoGraph compiled, not what TensorFlow calls from a thread of its
        own or a forked child does, and what is traced or computed once for many tests only under
        the first of them.
        """
        folder = str(PurePosixPath(mutant.file).parent)
        neighbours = [file for file in self._lines if str(PurePosixPath(file).parent) == folder]
        statement, function = self.of(mutant), self._between(mutant.file, *mutant.function)
        circles = [statement, function, self._between(mutant.file, 0, 10**9)]
        circles.append(set().union(*(self._between(file, 0, 10**9) for file in neighbours)))
        files = {_file(test) for test in statement or function}
        rooms = self.rooms(mutant)
        room = {test for test in self.tests if self._project.room_of(test) in rooms}
        own = f"test_{PurePosixPath(mutant.file).stem}.py"
        circles.insert(1, {test for test in self.tests if PurePosixPath(_file(test)).name == own})
        circles.insert(2, {test for test in self.tests if _file(test) in files} & room)
        circles.append(room)
        order: dict[str, None] = {}
        for circle in circles:
            order.update(dict.fromkeys(self._spread(circle - order.keys(), rooms)))
        return list(order)

    def rooms(self, mutant: Mutant) -> set[str]:
        """The rooms of the tests of the same name, or else where most tests of the file are."""
        parts = set(PurePosixPath(mutant.file).with_suffix("").parts)
        rooms = {self._project.room_of(test) for test in self.tests}
        if parts & rooms:
            return parts & rooms
        covering = self._between(mutant.file, 0, 10**9)
        count = Counter(self._project.room_of(test) for test in covering)
        return {room for room, _ in count.most_common(1)}

    def _between(self, file, first, last):
        lines = self._lines.get(file, {})
        return set().union(*(tests for line, tests in lines.items() if first <= line <= last))

    def _spread(self, tests, rooms):
        """One case of each test function, then another of each; own rooms and quick ones first."""
        turns = defaultdict(list)
        for test in sorted(tests, key=lambda test: (self.tests[test], test)):
            turns[test.partition("[")[0]].append(test)
        ranked = [(turn, test) for cases in turns.values() for turn, test in enumerate(cases)]

        def key(item):
            turn, test = item
            return turn, self._project.room_of(test) not in rooms, self.tests[test], test

        return [test for _, test in sorted(ranked, key=key)]


def _map_file(project):
    return project.cache / "map.json.gz"


def _file(test):
    return test.partition("::")[0]


def _hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
