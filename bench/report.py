"""One table of all contestants, kept in bench/results/: `python -m bench.report --help`."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from . import results
from .loss import memory
from .loss.cases import CASES, QUICK_CASES, Case, make_views
from .loss.contestants import MAIN, OTHERS, Contestant, use_all_cores
from .loss.parity import parity_error
from .machine import describe_run
from .measure import measure
from .ratios import compare, render_others, render_table
from .reporting import PAGE, add_options, check, conduct, describe, limits, write_section


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.report",
        description="Times the loss of every contestant, prints one table with ratios, and appends "
        f"the rows to {results.FILE}. Nothing else should run meanwhile.",
    )
    parser.add_argument(
        "--shapes",
        help="shapes to measure, such as 128x128,1024x512 (default: all ten)",
    )
    add_options(parser, case="shape", quick="three small shapes", budget=20.0, quick_budget=5.0)
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


def write_docs() -> int:
    """Fills the results section of docs/benchmarks.md; returns the exit code."""
    sets, parts = results.load(), []
    for what, title in (("gradients", "Loss and both gradients"), ("forward", "The loss alone")):
        found = results.latest(sets, what, map(str, CASES))
        if found:
            run, rows = found
            tables = [table for table in (render_table(rows), render_others(rows)) if table]
            parts.append("\n\n".join([f"### {title}", describe(run), *tables]))
    if not parts:
        print(f"no row set with all shapes in {results.FILE}", file=sys.stderr)
        return 2
    write_section(PAGE, "results", parts)
    return 0


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.write_docs:
        return write_docs()
    try:
        shapes = options.shapes and [Case.parse(text) for text in options.shapes.split(",")]
    except ValueError as error:
        parser.error(str(error))
    cases = shapes or (QUICK_CASES if options.quick else CASES)
    rounds, budget = limits(options)
    what = "forward" if options.forward else "gradients"
    found = None
    if options.check:
        found = results.latest(results.load_committed(), what, map(str, cases))
    if options.check and not found:
        print(f"nothing to compare with in the committed {results.FILE}", file=sys.stderr)
        return 2

    contestants = [*MAIN, *(OTHERS if options.all else ())]
    config = {
        "command": " ".join(["python -m bench.report", *(arguments or sys.argv[1:])]),
        "what": what,
        "rounds": rounds,
        "budget_s": budget,
    }
    run = describe_run(config)
    use_all_cores()
    measured = [c for c in contestants if not all(map(c.reason_to_skip, cases))]
    errors = list(filter(None, map(parity_error, measured)))
    if errors:
        print("\n".join(errors), file=sys.stderr)
        return 1
    if not options.quick:
        run["numba_first_call_s"] = memory.numba_first_calls()
    rows = conduct(
        run,
        cases,
        lambda case: run_case(case, contestants, what, rounds, budget),
        lambda rows: (render_table(rows), render_others(rows)),
    )
    if options.check:
        return check(*compare(rows, found[1]))
    if not options.quick:
        results.append(run, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
