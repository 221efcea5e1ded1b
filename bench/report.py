"""One table of all contestants, kept in bench/results/: `python -m bench.report --help`."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from . import memory, results
from .cases import CASES, QUICK_CASES, Case, make_views
from .contestants import MAIN, OTHERS, Contestant, use_all_cores
from .machine import ROOT, OthersShare, describe_run
from .measure import measure
from .parity import parity_error
from .ratios import ALLOWED_WORSENING, compare, render_others, render_table

PAGE = ROOT / "docs" / "benchmarks.md"
# Share of the cores' time that other processes may take; an idle system takes about 0.01.
_NOISE = 0.03
_BEGIN, _END = "<!-- results -->", "<!-- /results -->"


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
    parser.add_argument(
        "--rounds", type=int, help="rounds of alternation per shape (default: 21; with --quick 5)"
    )
    parser.add_argument(
        "--budget",
        type=float,
        help="seconds per shape after which no further round begins, three rounds excepted "
        "(default: 20; with --quick 5)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="three small shapes and few rounds, to try things out; appends nothing",
    )
    parser.add_argument(
        "--forward", action="store_true", help="the loss alone instead of loss and both gradients"
    )
    parser.add_argument(
        "--all", action="store_true", help="every backend and path of ours, in a second table"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="compare the ratios with the latest committed row set that holds the shapes: exit "
        f"code 1 if one got worse by more than {ALLOWED_WORSENING:.0%}, 2 if there is nothing to "
        "compare with; appends nothing",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="put the tables of the latest row sets into docs/benchmarks.md; measures nothing",
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


def check(rows: list[dict], baseline: list[dict]) -> int:
    """Prints the comparison; returns the exit code."""
    compared, worse = compare(rows, baseline)
    if not compared:
        print("nothing to compare with: no committed ratio of these shapes", file=sys.stderr)
        return 2
    for line in worse:
        print(f"worse: {line}")
    print(f"{compared} ratios compared, {len(worse)} worse by more than {ALLOWED_WORSENING:.0%}")
    return 1 if worse else 0


def describe(run: dict) -> str:
    """Where a row set comes from, in one paragraph."""
    machine = run["machine"]
    versions = ", ".join(f"{name} {v}" for name, v in run["versions"].items() if v)
    cold = run.get("numba_first_call_s")
    return (
        f"{run['config']['command']}; {run['date'][:10]}, commit {run['commit']}"
        f"{' with local changes' if run['dirty'] else ''}; {machine['cpu']}, {machine['cores']} "
        f"cores, {machine['memory_gb']} GB; {versions}; "
        f"other processes took {run['others_share']:.1%} of the time."
        + (
            f" First call of the Numba kernels in a process: {cold['cached']:.1f} s with cached "
            f"machine code, {cold['cold']:.1f} s without."
            if cold
            else ""
        )
    )


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
    page = PAGE.read_text()
    before, after = page.split(_BEGIN)[0], page.split(_END)[1]
    PAGE.write_text("\n\n".join([before + _BEGIN, *parts, _END + after]))
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
    rounds = options.rounds or (5 if options.quick else 21)
    budget = options.budget or (5.0 if options.quick else 20.0)
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
    rows, others = [], OthersShare()
    for case in cases:
        print(f"{case} ...", file=sys.stderr, flush=True)
        rows += run_case(case, contestants, what, rounds, budget)
    run["others_share"] = round(others(), 3)
    for row in rows:
        row["run"] = run["run"]
    print("\n\n".join(filter(None, [render_table(rows), render_others(rows), describe(run)])))
    if run["others_share"] > _NOISE:
        print("other processes were running: these numbers are not good", file=sys.stderr)
    if options.check:
        return check(rows, found[1])
    if not options.quick:
        results.append(run, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
