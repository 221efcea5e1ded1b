"""Runs the tests on mutants, several at a time, and says which notice."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from multiprocessing.connection import wait

from .child import Stage, run_recorder, run_stages
from .covering import CoveringTests
from .faults import Mutant
from .project import Project
from .sandbox import Sandbox

KILLED, SURVIVED, EXPLAINED = "killed", "survived", "explained"
_FIRST = 8  # so many tests are collected and run before the rest is looked at
_LEAST = 40  # so many tests are tried however long they took when they were recorded
_COLLECTION = 300  # seconds
_COMPILATION = 180  # seconds that Numba may take in a test, where it has to begin from scratch
_SLOW = 900  # seconds, of one slow test and of all of them
# A test hangs if it takes so many times the allowed processor time by the clock on the wall.
_WAITING = 4


@dataclass
class Verdict:
    """What became of a mutant.

    Attributes:
        outcome: "killed", "survived" or "explained".
        by: the test that noticed, and how if it did not fail; or why the mutant is no fault.
        layer: whether "fast" or "slow" tests noticed.
        ran: how many tests ran.
        known: how many tests ran its statement when they were recorded.
        seconds: how long it took.
    """

    outcome: str
    by: str = ""
    layer: str = "fast"
    ran: int = 0
    known: int = 0
    seconds: float = 0.0


@dataclass
class Limits:
    """How long tests may take.

    Attributes:
        seconds: of tests per mutant; the rest of the tests is left out.
        slow: whether survivors meet the slow tests of their rooms as well.
        hang: seconds of processor time after which one test counts as hanging, unless ten times
            its usual time is more.
        also: test files or folders that come first.
    """

    seconds: float = 60
    slow: bool = False
    hang: float = 60
    also: list[str] = field(default_factory=list)


@dataclass
class _Run:
    """What a child is to do: ``function(send, *arguments)`` with a fault in place."""

    function: Callable
    arguments: tuple
    mutant: Mutant | None = None
    seconds_for: Callable[[str], float] = lambda test: 3600.0


@dataclass
class _End:
    """What came of it: the last message (kind, content), and the tests that were started."""

    kind: str
    content: object
    started: list[str]


class Judge:
    """Runs tests in copies of the tree.

    Args:
        project: the tree.
        jobs: how many children run at a time.
    """

    def __init__(self, project: Project, jobs: int):
        self._project = project
        self._sandboxes = [Sandbox(project, project.cache / f"job{i}") for i in range(jobs)]
        self._trusted: set[str] = set()
        self.unreliable: set[str] = set()

    def record(self, arguments: list[str]) -> CoveringTests:
        """Makes the map of the tests in some files or folders; without any, of all, by room.

        Raises:
            RuntimeError: if the tests of a room break off.
        """
        found = CoveringTests(self._project)

        def record_room(argument):
            end = yield _Run(run_recorder, (self._project.folders, [argument]))
            if end.kind != "recorded":
                last = end.started[-1] if end.started else "no test"
                raise RuntimeError(f"{argument} broke off after {last}: {end.content}")
            found.merge(end.content)
            print(f"{argument}: {len(end.content['tests'])} tests", flush=True)

        self._serve(record_room(argument) for argument in arguments or self._rooms())
        return found

    def _rooms(self):
        tests = self._project.root / self._project.tests
        size = {}
        for file in tests.rglob("test_*.py"):
            name = self._project.room_of(file.relative_to(self._project.root).as_posix())
            path = f"{self._project.tests}/{name}"
            size[path] = size.get(path, 0) + file.stat().st_size
        return sorted(size, key=size.get, reverse=True)

    def judge(
        self,
        mutants: list[Mutant],
        tests: CoveringTests,
        limits: Limits,
        report: Callable[[Mutant, Verdict], None],
    ) -> None:
        """Runs the tests on each mutant.

        Args:
            mutants: the faults.
            tests: the map.
            limits: how long.
            report: is called with each mutant and its verdict, in the order in which they come.
        """

        def judge_one(mutant):
            begin = time.monotonic()
            verdict = yield from self._judge(mutant, tests, limits)
            verdict.known = len(tests.of(mutant))
            verdict.seconds = round(time.monotonic() - begin, 1)
            report(mutant, verdict)

        self._serve(map(judge_one, mutants))

    def _judge(self, mutant, tests, limits) -> Generator[_Run, _End, Verdict]:
        def seconds_for(test):
            return max(limits.hang, 10 * tests.tests.get(test, 0))

        ran = 0
        while True:
            stages, layer = self._stages(mutant, tests, limits), "fast"
            # The clock of the child knows of other work on the machine, the estimate does not.
            arguments = (stages, frozenset(self.unreliable), 2 * limits.seconds)
            end = yield _Run(run_stages, arguments, mutant, seconds_for)
            ran = max(ran, len(end.started))
            if end.kind == "done" and limits.slow:
                layer = "slow"
                end = yield self._slow_run(mutant, tests)
                ran += len(end.started)
            if end.kind == "done":
                return Verdict(SURVIVED, ran=ran)
            # Where a child ended otherwise than by a failed test, the last one has done it; where
            # no test was reached, any will do to show that the code as it is gets that far.
            noticed = end.started[-1] if end.started else stages[-1].tests[0] if stages else None
            how = "" if end.content == noticed else f" ({end.content})"
            if noticed is None or (yield from self._passes(noticed, seconds_for)):
                return Verdict(KILLED, f"{noticed}{how}", layer, ran)

    def _passes(self, test, seconds_for):
        """Whether a test passes alone on the code as it is: only then it has noticed something."""
        if test not in self._trusted:
            stages = [Stage([_file(test), "-m", ""], [test])]
            end = yield _Run(run_stages, (stages, frozenset(), 0), None, seconds_for)
            passes = end.kind == "done" and end.started == [test]
            (self._trusted if passes else self.unreliable).add(test)
        return test in self._trusted

    def _stages(self, mutant, tests, limits):
        order, estimate = [], 0.0
        for test in tests.order(mutant):
            if test in self.unreliable:
                continue
            estimate += tests.tests[test]
            if len(order) >= _LEAST and estimate > limits.seconds:
                break
            order.append(test)
        stages = [Stage(limits.also)] if limits.also else []
        for part in (order[:_FIRST], order[_FIRST:]):
            if part:
                stages.append(Stage(list(dict.fromkeys(map(_file, part))), part))
        return stages

    def _slow_run(self, mutant, tests):
        rooms = [f"{self._project.tests}/{room}" for room in sorted(tests.rooms(mutant))]
        stages = [Stage([*rooms, "-m", "slow"])]
        arguments = (stages, frozenset(self.unreliable), _SLOW)
        return _Run(run_stages, arguments, mutant, lambda test: _SLOW)

    def _serve(self, tasks: Iterable[Generator[_Run, _End, None]]) -> None:
        """Carries out what the tasks ask for, one task per sandbox at a time."""
        tasks, idle, busy = iter(tasks), deque(self._sandboxes), {}
        try:
            while True:
                while idle and (task := next(tasks, None)) is not None:
                    sandbox = idle.popleft()
                    busy[sandbox] = _Turn(sandbox, task, next(task))
                if not busy:
                    return
                turns = {turn.child.connection: turn for turn in busy.values()}
                for connection in wait(turns, timeout=0.5):
                    turns[connection].receive()
                for sandbox, turn in list(busy.items()):
                    if turn.is_over() and not turn.proceed():
                        del busy[sandbox]
                        idle.append(sandbox)
        finally:
            for turn in busy.values():
                turn.child.end()


class _Turn:
    """A task in a sandbox, with the child that works for it."""

    def __init__(self, sandbox, task, run):
        self._sandbox = sandbox
        self._task = task
        self._start(run)

    def _start(self, run):
        self._run = run
        self._end = None
        self._started = []
        self.child = self._sandbox.start(run.function, *run.arguments, mutant=run.mutant)
        self._allow(max(_COLLECTION, run.seconds_for("")))

    def _allow(self, seconds):
        # The code as it is may have to be compiled as well: this is the first test to need it.
        compiles = self.child.compiles or self._run.mutant is None
        self._allowed = seconds + _COMPILATION * compiles
        self._since = time.monotonic(), self.child.cpu_seconds()

    def receive(self):
        try:
            kind, content = self.child.connection.recv()
        except (EOFError, OSError):
            kind, content = "failed", "the process died"
        if kind == "start":
            self._started.append(content)
            self._allow(self._run.seconds_for(content))
        elif kind == "collect":
            self._allow(max(_COLLECTION, self._run.seconds_for("")))
        elif self._end is None:
            self._end = _End(kind, content, self._started)

    def is_over(self):
        wall, cpu = self._since
        waited = (time.monotonic() - wall) / _WAITING
        if self._end is None and self._allowed < max(waited, self.child.cpu_seconds() - cpu):
            self._end = _End("failed", "it hung", self._started)
        return self._end is not None

    def proceed(self):
        """Hands the end to the task and starts what it asks for next; False if nothing."""
        self.child.end()
        try:
            self._start(self._task.send(self._end))
        except StopIteration:
            return False
        return True


def _file(test):
    return test.partition("::")[0]
