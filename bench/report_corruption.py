"""One table of the corruptors: `python -m bench.report_corruption --help`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from . import reporting, results
from .contestants import use_all_cores
from .corruption_cases import CASES, LARGE_CASES, MODES, QUICK_CASES, Case, kind_of, select
from .corruption_contestants import CONTESTANTS, soundness_error
from .machine import ROOT, describe_run
from .measure import measure
from .ratios import medians, ratio
from .reporting import number, times

FILE = Path("bench/results/corruption.jsonl")
CHECKED = (("ours", "upstream"), ("ours", "formula"))
_TITLES = {
    "function": "Corruptors in a tf.function",
    "data": "Corruptors in a tf.data map",
}
_TIMES = ("ours", "upstream", "formula", "identity")
_HEADERS = (
    "case",
    "ours ms",
    "upstream ms",
    "formula ms",
    "empty ms",
    "upstream / ours",
    "formula / ours",
    "first call s (ours, other)",
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.report_corruption",
        description="Times the corruptors of every contestant, in a tf.function and in a tf.data "
        f"map, prints a table with ratios of each, and appends the rows to {FILE}. Nothing else "
        "should run meanwhile.",
    )
    parser.add_argument(
        "--cases",
        help="measure cases whose name contains one of these, such as shuffle,ragged "
        "(default: all)",
    )
    parser.add_argument(
        "--mode", choices=MODES, help="in a tf.function or in tf.data alone (default: both)"
    )
    parser.add_argument(
        "--large", action="store_true", help="graphs of 100 MB and more instead; several minutes"
    )
    reporting.add_options(
        parser, case="case", quick="four small graphs", budget=5.0, quick_budget=2.0
    )
    return parser


def run_case(case: Case, graph, mode: str, rounds: int, budget: float) -> list[dict]:
    """The rows of one case, in the order of the contestants."""
    setups = {
        contestant.name: partial(contestant.setup, case.operation, graph, mode)
        for contestant in CONTESTANTS
        if contestant.can(case.operation)
    }
    timings = measure(setups, rounds=rounds, budget=budget)
    return [
        {"kind": "row", "shape": str(case), "contestant": name} | timing.as_row()
        for name, timing in timings.items()
    ]


def render_table(rows: list[dict]) -> str:
    """The rows as a Markdown table."""
    first_calls = {(row["shape"], row["contestant"]): row.get("first_call_s") for row in rows}
    lines = [list(_HEADERS)]
    for case, measured in medians(rows).items():
        other = "upstream" if "upstream" in measured else "formula"
        lines.append(
            [
                case,
                *(number(measured.get(name)) for name in _TIMES),
                *(times(ratio(measured, name, "ours")) for name in ("upstream", "formula")),
                ", ".join(number(first_calls.get((case, name))) for name in ("ours", other)),
            ]
        )
    return "\n".join(reporting.align(lines))


def soundness_errors(cases, mode: str) -> list[str]:
    """What is wrong with whom; nothing is measured unless this is empty."""
    # Graphs that differ in size alone are one graph here.
    kinds = {(case.operation, kind_of(case.graph)): case for case in cases}
    errors = (
        soundness_error(contestant, case.operation, case.graph, mode)
        for case in kinds.values()
        for contestant in CONTESTANTS
        if contestant.can(case.operation)
    )
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
    command = " ".join(["python -m bench.report_corruption", *(arguments or sys.argv[1:])])
    use_all_cores()
    modes = [options.mode] if options.mode else MODES
    return max([run_mode(mode, cases, options, command) for mode in modes])


if __name__ == "__main__":
    sys.exit(main())
