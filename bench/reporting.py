"""What the reports have in common: options, row sets of a file, printing, sections of the page.

A report is `python -m bench.report` or one of its siblings for other operations. Its rows have the
form that results.py describes; "shape" is the name of a case.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from . import results
from .machine import ROOT, OthersShare, git
from .ratios import ALLOWED_WORSENING, medians, ratio
from .ratios import _align as align
from .ratios import _number as number
from .ratios import _times as times

__all__ = [
    "PAGE",
    "add_options",
    "align",
    "changed_ratios",
    "check",
    "conduct",
    "describe",
    "limits",
    "load",
    "load_committed",
    "number",
    "times",
    "write_section",
]

PAGE = ROOT / "docs" / "benchmarks.md"
# Share of the cores' time that other processes may take; an idle system takes about 0.01.
_NOISE = 0.03
_ROUNDS, _QUICK_ROUNDS = 21, 5


def add_options(
    parser: argparse.ArgumentParser, *, case: str, quick: str, budget: float, quick_budget: float
) -> None:
    """The options that every report has: rounds, budget, quick, check, write-docs.

    Args:
        parser: gets the options.
        case: what a case is called, "shape" for example.
        quick: what ``--quick`` measures.
        budget: default seconds per case.
        quick_budget: likewise with ``--quick``.
    """
    parser.set_defaults(default_budget=budget, default_quick_budget=quick_budget)
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"rounds of alternation per {case} (default: {_ROUNDS}; with --quick {_QUICK_ROUNDS})",
    )
    parser.add_argument(
        "--budget",
        type=float,
        help=f"seconds per {case} after which no further round begins, three rounds excepted "
        f"(default: {budget:g}; with --quick {quick_budget:g})",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{quick} and few rounds, to try things out; appends nothing",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help=f"compare the ratios with the latest committed row set that holds the {case}s: exit "
        f"code 1 if one got worse by more than {ALLOWED_WORSENING:.0%}, 2 if there is nothing to "
        "compare with; appends nothing",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="put the tables of the latest row sets into docs/benchmarks.md; measures nothing",
    )


def limits(options: argparse.Namespace) -> tuple[int, float]:
    """``(rounds, budget in seconds)`` by the options and their defaults."""
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    budget = options.default_quick_budget if options.quick else options.default_budget
    return rounds, options.budget or budget


def load(file: Path) -> list[tuple[dict, list[dict]]]:
    """The row sets of a file in the working tree; its path is relative to the repository."""
    path = ROOT / file
    return results.parse(path.read_text()) if path.exists() else []


def load_committed(file: Path) -> list[tuple[dict, list[dict]]]:
    """The row sets of a file in the last commit."""
    return results.parse(git("show", f"HEAD:{file}"))


def conduct(
    run: dict,
    cases: Iterable,
    run_case: Callable[..., list[dict]],
    render: Callable[[list[dict]], Iterable[str]],
) -> list[dict]:
    """Measures all cases and prints the tables; says where they come from and if it was noisy.

    Args:
        run: head of the row set, from `machine.describe_run`; gets "others_share".
        cases: what to measure.
        run_case: ``case -> rows``.
        render: ``rows -> tables``.

    Returns:
        The rows of all cases.
    """
    rows, others = [], OthersShare()
    for case in cases:
        print(f"{case} ...", file=sys.stderr, flush=True)
        rows += run_case(case)
    run["others_share"] = round(others(), 3)
    for row in rows:
        row["run"] = run["run"]
    print("\n\n".join(filter(None, [*render(rows), describe(run)])))
    if run["others_share"] > _NOISE:
        print("other processes were running: these numbers are not good", file=sys.stderr)
    return rows


def changed_ratios(
    rows: list[dict], baseline: list[dict], pairs: Sequence[tuple[str, str]]
) -> tuple[int, list[str]]:
    """Which ratios of two contestants got worse by more than `ALLOWED_WORSENING`.

    Args:
        rows: New rows.
        baseline: Earlier rows.
        pairs: ``(ours, what it is compared with)``.

    Returns:
        ``(number of ratios compared, one line per ratio that got worse)``.
    """
    now, before = medians(rows), medians(baseline)
    compared, worse = 0, []
    for case, measured in now.items():
        for ours, other in pairs:
            new, old = ratio(measured, ours, other), ratio(before.get(case, {}), ours, other)
            if new is None or old is None:
                continue
            compared += 1
            if new > old * (1 + ALLOWED_WORSENING):
                change = 100 * (new / old - 1)
                worse.append(f"{case} {ours} / {other}: {old:.3f} -> {new:.3f} (+{change:.0f} %)")
    return compared, worse


def check(compared: int, worse: list[str], case: str = "shape") -> int:
    """Prints a comparison; returns the exit code."""
    if not compared:
        print(f"nothing to compare with: no committed ratio of these {case}s", file=sys.stderr)
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


def write_section(page: Path, name: str, parts: Iterable[str]) -> None:
    """Puts paragraphs between the comments ``<!-- name -->`` and ``<!-- /name -->`` of a page."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text()
    before, after = text.split(begin)[0], text.split(end)[1]
    page.write_text("\n\n".join([before + begin, *parts, end + after]))
