"""One table of the corruptors: `python -m bench.corruption.report --help`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from .. import reporting, results
from ..loss.contestants import use_all_cores
from ..machine import ROOT, describe_run
from ..measure import measure
from ..ratios import medians, ratio
from ..reporting import number, times
from .cases import CASES, LARGE_CASES, MODES, QUICK_CASES, Case, kind_of, select
from .contestants import CONTESTANTS
from .modes import as_measured, bytes_written
from .soundness import soundness_error

FILE = Path("bench/results/corruption.jsonl")
CHECKED = (("ours", "upstream"), ("ours", "formula"), ("ours", "copy"))
_TITLES = {
    "eager": "Corruptors called eagerly",
    "function": "Corruptors in a tf.function",
    "data": "Corruptors in a tf.data map",
    "xla": "Corruptors under XLA",
}
_TIMES = ("ours", "upstream", "formula", "copy", "identity")
_RATIOS = (("upstream", "ours"), ("formula", "ours"), ("ours", "copy"))
_HEADERS = (
    "case",
    "ours ms",
    "upstream ms",
    "formula ms",
    "copy ms",
    "empty ms",
    *(f"{first} / {second}" for first, second in _RATIOS),
    "ours GB/s",
    "first call s (ours, other)",
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.corruption.report",
        description="Times the corruptors of every contestant, eagerly, in a tf.function, in a "
        "tf.data map, and under XLA, prints a table with ratios of each, and appends the rows to "
        f"{FILE}. Nothing else should run meanwhile.",
    )
    parser.add_argument(
        "--cases",
        help="measure cases whose name contains one of these, such as shuffle,ragged "
        "(default: all)",
    )
    parser.add_argument(
        "--mode",
        choices=MODES,
        help="eagerly, in a tf.function, in tf.data or under XLA alone (default: all four)",
    )
    parser.add_argument(
        "--large", action="store_true", help="graphs of 100 MB and more instead; several minutes"
    )
    reporting.add_options(
        parser, case="case", quick="four small graphs", budget=5.0, quick_budget=2.0
    )
    return parser


def run_case(case: Case, graph, mode: str, rounds: int, budget: float) -> list[dict]:
    """The rows of one case, in the order of the contestants.

    A row has the "bytes" that the operation writes, or a reason under "skipped" in place of times.
    """
    graph = as_measured(case.operation, graph, mode)
    written = bytes_written(case.operation, graph, mode)
    rows, setups = {}, {}
    for who in CONTESTANTS:
        if not who.can(case.operation):
            continue
        row = rows[who.name] = {"kind": "row", "shape": str(case), "contestant": who.name}
        reason = who.reason_to_skip(case.operation, case.graph, mode)
        if reason:
            row["skipped"] = reason
        else:
            row["bytes"] = written
            setups[who.name] = partial(who.setup, case.operation, graph, mode)
    for name, timing in measure(setups, rounds=rounds, budget=budget).items():
        rows[name] |= timing.as_row()
    return list(rows.values())


def render_table(rows: list[dict]) -> str:
    """The rows as a Markdown table, and below it what was left out, with the reasons."""
    first_calls = {(row["shape"], row["contestant"]): row.get("first_call_s") for row in rows}
    written = {row["shape"]: row["bytes"] for row in rows if "bytes" in row}
    lines = [list(_HEADERS)]
    for case, measured in medians(rows).items():
        if not measured:
            continue
        other = "upstream" if "upstream" in measured else "formula"
        speed = None  # of earlier row sets
        if case in written and "ours" in measured:
            speed = written[case] / measured["ours"] / 1e6  # per ms to 1e9 per s
        lines.append(
            [
                case,
                *(number(measured.get(name)) for name in _TIMES),
                *(times(ratio(measured, *names)) for names in _RATIOS),
                number(speed),
                ", ".join(number(first_calls.get((case, name))) for name in ("ours", other)),
            ]
        )
    table = reporting.align(lines) if lines[1:] else []
    return "\n".join([*table, *_left_out(rows)])


def _left_out(rows):
    cases: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if "skipped" in row:
            of_reason = cases.setdefault(row["skipped"], {})
            of_reason.setdefault(row["shape"], []).append(row["contestant"])
    if cases:
        yield ""
    for reason, of_reason in cases.items():
        # Where ours is left out, nobody is measured.
        shown = [
            case if "ours" in names else f"{', '.join(names)} at {case}"
            for case, names in of_reason.items()
        ]
        yield f"- Not measured: {', '.join(shown)}: {reason}."


def soundness_errors(cases, mode: str) -> list[str]:
    """What is wrong with whom; nothing is measured unless this is empty."""
    # Graphs that differ in size alone are one graph here.
    checks = {
        (who.name, case.operation, kind_of(case.graph)): (who, case.operation, case.graph, mode)
        for case in cases
        for who in CONTESTANTS
        if who.can(case.operation) and not who.reason_to_skip(case.operation, case.graph, mode)
    }
    errors = (soundness_error(*check) for check in checks.values())
    return list(filter(None, errors))


def write_docs() -> int:
    """Fills the section of docs/benchmarks.md; returns the exit code."""
    sets, parts = reporting.load(FILE), []
    for mode, title in _TITLES.items():
        for cases, size in ((CASES, ""), (LARGE_CASES, ", large graphs")):
            found = results.latest(sets, mode, map(str, cases))
            if found:
                run, rows = found
                parts += [f"### {title}{size}", reporting.describe(run), render_table(rows)]
    if not parts:
        print(f"no row set with all cases in {FILE}", file=sys.stderr)
        return 2
    reporting.write_section(reporting.PAGE, "corruption", parts)
    return 0


def run_mode(mode: str, cases, options, command: str) -> int:
    """Measures and keeps one row set, or compares it; returns the exit code."""
    rounds, budget = reporting.limits(options)
    found = None
    if options.check:
        found = results.latest(reporting.load_committed(FILE), mode, map(str, cases))
        if not found:
            print(f"nothing to compare with in the committed {FILE}", file=sys.stderr)
            return 2
    errors = soundness_errors(cases, mode)
    if errors:
        print("\n".join(errors), file=sys.stderr)
        return 1
    config = {"command": command, "what": mode, "rounds": rounds, "budget_s": budget}
    graph_of = _LastGraph()
    rows = reporting.conduct(
        run := describe_run(config),
        cases,
        lambda case: run_case(case, graph_of(case), mode, rounds, budget),
        lambda rows: (f"### {_TITLES[mode]}", render_table(rows)),
    )
    if options.check:
        return reporting.check(*reporting.changed_ratios(rows, found[1], CHECKED), "case")
    if not options.quick:
        results.append(run, rows, ROOT / FILE)
    return 0


class _LastGraph:
    """One graph at a time: the cases are ordered by graph."""

    def __init__(self):
        self._name = self._graph = None

    def __call__(self, case):
        if case.graph.name != self._name:
            self._graph = None  # freed before the next one is made
            self._name, self._graph = case.graph.name, case.graph.make()
        return self._graph


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.write_docs:
        return write_docs()
    cases = LARGE_CASES if options.large else QUICK_CASES if options.quick else CASES
    try:
        cases = select(options.cases, cases) if options.cases else cases
    except ValueError as error:
        parser.error(str(error))
    command = " ".join(["python -m bench.corruption.report", *(arguments or sys.argv[1:])])
    use_all_cores()
    modes = [options.mode] if options.mode else MODES
    return max([run_mode(mode, cases, options, command) for mode in modes])


if __name__ == "__main__":
    sys.exit(main())
