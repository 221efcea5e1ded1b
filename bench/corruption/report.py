"""One table of the corruptors: `python -m bench.corruption.report --help`."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from .. import results
from ..loss.contestants import use_all_cores
from ..machine import ROOT
from ..measure import measure
from ..ratios import align, medians, number, ratio, times
from ..reporting import Report, origin, write_section
from .cases import CASES, LARGE_CASES, MODES, QUICK_CASES, Case, LastGraph, kind_of, select
from .contestants import CONTESTANTS
from .modes import as_measured, bytes_written
from .soundness import soundness_error

REPORT = Report(
    command="python -m bench.corruption.report",
    file=Path("bench/results/corruption.jsonl"),
    page="docs/results/benchmarks.md",
    section="corruption",
    checked=(("ours", "upstream"), ("ours", "formula"), ("ours", "copy")),
)
_TITLES = {
    "eager": "### Corruptors called eagerly",
    "function": "### Corruptors in a tf.function",
    "data": "### Corruptors in a tf.data map",
    "xla": "### Corruptors under XLA",
}
_COLUMNS = {
    "ours": "ours ms",
    "upstream": "upstream ms",
    "formula": "formula ms",
    "copy": "copy ms",
    "identity": "empty ms",
}
_RATIOS = (("upstream", "ours"), ("formula", "ours"), ("ours", "copy"))
_MORE = ("ours GB/s", "first call s (ours, other)")


def _parser() -> argparse.ArgumentParser:
    parser = REPORT.parser(
        "Times the corruptors of every contestant, eagerly, in a tf.function, in a tf.data map, and"
        " under XLA, prints a table with ratios of each",
        case="case",
        quick="four small graphs",
        rounds=21,
        budget=5.0,
        quick_budget=2.0,
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
    lines = [["case", *_COLUMNS.values(), *(" / ".join(names) for names in _RATIOS), *_MORE]]
    for case, found in medians(rows).items():
        if not found:
            continue
        other = "upstream" if "upstream" in found else "formula"
        speed = None  # of earlier row sets
        if case in written and "ours" in found:
            speed = written[case] / found["ours"] / 1e6  # per ms to 1e9 per s
        lines.append(
            [
                case,
                *(number(found.get(name)) for name in _COLUMNS),
                *(times(ratio(found, *names)) for names in _RATIOS),
                number(speed),
                ", ".join(number(first_calls.get((case, name))) for name in ("ours", other)),
            ]
        )
    reasons: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if "skipped" in row:
            cases = reasons.setdefault(row["skipped"], {})
            cases.setdefault(row["shape"], []).append(row["contestant"])
    notes = []
    for reason, cases in reasons.items():
        # Where ours is left out, nobody is measured.
        shown = (
            case if "ours" in names else f"{', '.join(names)} at {case}"
            for case, names in cases.items()
        )
        notes.append(f"- Not measured: {', '.join(shown)}: {reason}.")
    table = align(lines) if lines[1:] else []
    return "\n".join([*table, *[""] * bool(notes), *notes])


def render_page(sets: dict[str, list[dict]]) -> str:
    """The documentation's table: how many times as long as ours the other takes, by mode.

    Args:
        sets: from modes to rows.
    """
    found = {mode: medians(rows) for mode, rows in sets.items()}
    names = [_TITLES[mode].removeprefix("### Corruptors ") for mode in sets]
    copied = any("copy" in row for table in found.values() for row in table.values())
    lines = [["case", "beside", *names, "ours, ms", *["ours / copy"] * copied]]
    for case in dict.fromkeys(case for table in found.values() for case in table):
        of_case = {mode: table.get(case, {}) for mode, table in found.items()}
        other = next(
            n for n in ("upstream", "formula", "ours") if any(n in x for x in of_case.values())
        )
        shown = of_case.get("function", {})
        lines.append(
            [
                case,
                other,
                *(times(ratio(times_of, other, "ours")) for times_of in of_case.values()),
                number(shown.get("ours")),
                *[times(ratio(shown, "ours", "copy"))] * copied,
            ]
        )
    return "\n".join(align(lines))


def write_docs() -> int:
    """Fills the section of the page with a table of large graphs and one of small ones."""
    sets, parts = results.load(REPORT.file), []
    for title, cases in (("Large graphs", LARGE_CASES), ("Small graphs", CASES)):
        found = {mode: results.latest(sets, mode, map(str, cases)) for mode in _TITLES}
        found = {mode: one for mode, one in found.items() if one}
        if found:
            origins = dict.fromkeys(origin(run) for run, _ in found.values())
            parts += [
                f"### {title}",
                render_page({mode: rows for mode, (_, rows) in found.items()}),
                "Rows of " + "; ".join(origins) + ".",
            ]
    if not parts:
        print(f"no row set with all cases in {REPORT.file}", file=sys.stderr)
        return 2
    write_section(ROOT / REPORT.page, REPORT.section, parts)
    return 0


def soundness_checks(cases, mode: str) -> list[tuple]:
    """Arguments of `soundness_error` for all that is measured.

    Graphs that differ in size alone are one graph here.
    """
    checks = {
        (who.name, case.operation, kind_of(case.graph)): (who, case.operation, case.graph, mode)
        for case in cases
        for who in CONTESTANTS
        if who.can(case.operation) and not who.reason_to_skip(case.operation, case.graph, mode)
    }
    return list(checks.values())


def run_mode(mode: str, cases, graph_of: LastGraph, options, arguments) -> int:
    """Measures and keeps one row set, or compares it; returns the exit code."""
    return REPORT.measure(
        mode,
        cases,
        options,
        arguments,
        errors=lambda: (soundness_error(*check) for check in soundness_checks(cases, mode)),
        run_case=lambda case, *limits: run_case(case, graph_of(case), mode, *limits),
        render=lambda rows: [_TITLES[mode], render_table(rows)],
    )


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
    use_all_cores()
    modes, graph_of = [options.mode] if options.mode else MODES, LastGraph()
    return max([run_mode(mode, cases, graph_of, options, arguments) for mode in modes])


if __name__ == "__main__":
    sys.exit(main())
