"""One table of all contestants, kept in bench/results/: `python -m bench.report --help`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from .loss.cases import CASES, QUICK_CASES, Case, make_views, parse_shapes
from .loss.contestants import MAIN, OTHERS, Contestant, use_all_cores
from .loss.memory import numba_first_calls
from .loss.parity import parity_error
from .loss.table import CHECKED, render_others, render_page, render_table
from .measure import measure
from .reporting import Report

REPORT = Report(
    command="python -m bench.report",
    file=Path("bench/results/loss.jsonl"),
    page="docs/results/benchmarks.md",
    section="results",
    checked=CHECKED,
)
_TITLES = {"gradients": "### Loss and both gradients", "forward": "### The loss alone"}


def _parser() -> argparse.ArgumentParser:
    parser = REPORT.parser(
        "Times the loss of every contestant, prints one table with ratios",
        case="shape",
        quick="three small shapes",
        rounds=21,
        budget=20.0,
        quick_budget=5.0,
    )
    parser.add_argument(
        "--shapes",
        type=parse_shapes,
        help="shapes to measure, such as 128x128,1024x512 (default: all ten)",
    )
    parser.add_argument(
        "--forward", action="store_true", help="the loss alone instead of loss and both gradients"
    )
    parser.add_argument(
        "--all", action="store_true", help="every backend and path of ours, in a second table"
    )
    return parser


def run_case(case: Case, contestants: list[Contestant], what: str, rounds: int, budget: float):
    """The rows of one shape, in the order of the contestants."""
    views = make_views(case)
    reasons = {c.name: c.reason_to_skip(case) for c in contestants}
    setups = {c.name: partial(c.setup, *views, what) for c in contestants if not reasons[c.name]}
    timings = measure(setups, rounds=rounds, budget=budget)
    rows = []
    for name, reason in reasons.items():
        row = {"kind": "row", "shape": str(case), "contestant": name}
        rows.append(row | ({"skipped": reason} if reason else timings[name].as_row()))
    return rows


def _render(rows: list[dict]) -> tuple[str, str]:
    return render_table(rows), render_others(rows)


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.write_docs:
        tables = [(title, what, CASES) for what, title in _TITLES.items()]
        return REPORT.write_docs(tables, lambda rows: [render_page(rows)])
    use_all_cores()
    cases = options.shapes or (QUICK_CASES if options.quick else CASES)
    contestants = [*MAIN, *(OTHERS if options.all else ())]
    measured = [c for c in contestants if not all(map(c.reason_to_skip, cases))]
    what = "forward" if options.forward else "gradients"
    return REPORT.measure(
        what,
        cases,
        options,
        arguments,
        errors=lambda: map(parity_error, measured),
        run_case=lambda case, *limits: run_case(case, contestants, what, *limits),
        render=_render,
        more=lambda: {"numba_first_call_s": numba_first_calls()},
    )


if __name__ == "__main__":
    sys.exit(main())
