"""Command line; see the package's docstring and ``--help``."""

from __future__ import annotations

import argparse
import fcntl
import json
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path

from . import explained as explanations
from . import faults, summary
from .covering import CoveringTests
from .judge import EXPLAINED, Judge, Limits, Verdict
from .project import Project
from .sandbox import preload


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants",
        description="Plants one fault at a time and says which of them no test notices.",
    )
    add = parser.add_argument
    add("--count", type=int, default=200, help="how many mutants (default: 200)")
    add("--seed", default="0", help="what chooses them (default: 0)")
    add("--only", nargs="+", metavar="FILE[:LINE]", help="mutants of these files or lines alone")
    add("--again", type=Path, metavar="JSON", help="the survivors of an earlier run alone")
    add("--list", action="store_true", help="print the mutants and run nothing")
    add("--show", type=int, metavar="N", help="print mutant number N as a diff and run nothing")
    add("--map", nargs="*", metavar="TESTS", help="record which tests run which line; all, or some")
    add("--jobs", type=int, default=2, help="mutants at a time (default: 2)")
    add("--seconds", type=float, default=60, help="of tests per mutant, quick ones first (60)")
    add("--thorough", action="store_true", help="no such limit; explained survivors run as well")
    add("--slow", action="store_true", help="survivors meet the slow tests of their rooms as well")
    add("--hang", type=float, default=60, help="processor seconds of a test that hangs (60)")
    add("--also", nargs="+", default=[], metavar="TESTS", help="tests to run first, every time")
    add("--least", type=float, default=0.9, help="share killed below which the exit code is 1")
    add("--json", type=Path, help="write all verdicts to this file")
    add("--markdown", type=Path, help="write the table and the survivors to this file")
    return parser


def main(arguments=None, project=None, explained=None, equal_paths=None) -> int:
    """The command.

    Args:
        arguments: the command line's by default.
        project: this one by default.
        explained: the explained survivors, see `explained`.
        equal_paths: the names that do not change results, see `explained`.

    Returns:
        0; 1 if too few mutants are killed.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    project = project or Project()
    explained = explanations.SURVIVORS if explained is None else explained
    equal_paths = explanations.EQUAL_PATHS if equal_paths is None else equal_paths
    sources = {file: (project.root / file).read_bytes() for file in project.sources()}
    if given.map is not None:
        return _record(project, given)
    candidates = {
        file: faults.all_mutants(file, source, equal_paths.get(file, ()))
        for file, source in sources.items()
    }
    for note in _stale(candidates, sources, explained, equal_paths):
        print("note:", note)
    try:
        mutants = _chosen(given, candidates, sources)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if given.show is not None:
        if not 1 <= given.show <= len(mutants):
            parser.error(f"--show expects a number from 1 to {len(mutants)}")
        mutant = mutants[given.show - 1]
        print(mutant.diff(sources[mutant.file]))
        return 0
    if given.list:
        for number, mutant in enumerate(mutants, 1):
            print(f"#{number:<3} {mutant.file}:{mutant.line}  {mutant.change}")
        return 0
    try:
        tests = CoveringTests.load(project)
    except FileNotFoundError:
        parser.error("there is no map yet: run python -m tests.mutants --map (again after changes)")
    for file in tests.changed():
        print(f"note: {file} has changed since --map: all tests of the file count as its lines'")
    return _judge(given, project, mutants, tests, explained)


@contextmanager
def _alone(project):
    """Two runs in one tree would plant their faults in the same copies."""
    project.cache.mkdir(exist_ok=True)
    (project.cache / ".gitignore").write_text("*\n")
    with open(project.cache / "lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another run is using {project.cache}")
        yield


def _record(project, given):
    with _alone(project):
        preload(project)
        found = Judge(project, given.jobs).record(given.map)
        found.save()
    for test in found.bad:
        print(f"left out, since it does not pass on the code as it is: {test}")
    print(f"{len(found.tests)} tests, {sum(found.tests.values()):.0f} s")
    return 0


def _chosen(given, candidates, sources):
    if given.again is not None:
        earlier = json.loads(given.again.read_text())["mutants"]
        keys = {(m["file"], m["text"], m["change"]) for m in earlier if m["outcome"] == "survived"}
        return [m for found in candidates.values() for m in found if m.key in keys]
    if given.only is not None:
        wanted = [place.partition(":")[::2] for place in given.only]
        unknown = {file for file, _ in wanted} - candidates.keys()
        if unknown:
            raise ValueError(f"expected files of the project (got {', '.join(sorted(unknown))})")
        candidates = {
            file: [m for m in found if {(file, ""), (file, str(m.line))} & set(wanted)]
            for file, found in candidates.items()
        }
    sizes = {file: faults.code_lines(source) for file, source in sources.items()}
    return faults.choose(candidates, sizes, given.count, given.seed)


def _stale(candidates, sources, explained, equal_paths):
    keys = {mutant.key for found in candidates.values() for mutant in found}
    for entry in explained:
        if (entry.file, entry.line, entry.change) not in keys:
            yield f"explained, but there is no such mutant (any more): {entry[:3]}"
    for file, names in equal_paths.items():
        for name in names:
            if name.encode() not in sources.get(file, b""):
                yield f"named among the equal paths, but not there (any more): {name} in {file}"


def _judge(given, project, mutants, tests, explained):
    reasons = {(entry.file, entry.line, entry.change): entry.reason for entry in explained}
    result = summary.Summary(mutants)
    to_run = []
    for mutant in mutants:
        if mutant.key in reasons and not given.thorough:
            result.add(mutant, Verdict(EXPLAINED, reasons[mutant.key]))
        else:
            to_run.append(mutant)

    def report(mutant, verdict):
        if mutant.key in reasons:
            if verdict.outcome == "killed":
                print(f"note: explained, but killed: {mutant.file}:{mutant.line} {mutant.change}")
            else:
                verdict.outcome, verdict.by = EXPLAINED, reasons[mutant.key]
        result.add(mutant, verdict)

    seconds = float("inf") if given.thorough else given.seconds
    limits = Limits(seconds, given.slow, given.hang, given.also)
    for path in filter(None, (given.json, given.markdown)):
        path.parent.mkdir(parents=True, exist_ok=True)  # now: after an hour it would be a pity
    with _alone(project):
        preload(project)
        judge = Judge(project, given.jobs)
        judge.judge(to_run, tests, limits, report)
    print(f"\n{result.table()}\n")
    for test in sorted(judge.unreliable):
        print(f"note: fails alone on the code as it is, so it counts for nothing: {test}")
    for number, mutant, _ in result.survivors():
        place = f"{mutant.file}:{mutant.line}"
        print(f"survived: #{number} {place}  {mutant.change}  in  {mutant.text}")
    command = shlex.join(["python", "-m", "tests.mutants", *sys.argv[1:]])
    if given.json:
        result.write_json(given.json)
    if given.markdown:
        result.write_markdown(given.markdown, command)
    return int(result.share_killed() < given.least)


if __name__ == "__main__":
    sys.exit(main())
