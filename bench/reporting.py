"""What the reports have in common: options, the course of a report, sections of the docs' pages.

A report is `python -m bench.report` or one of its siblings for other operations. Its rows have the
form that results.py describes; "shape" is the name of a case.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import results
from .machine import ROOT, OthersShare, describe_run
from .neighbour import NONE, add_option, neighbour
from .ratios import ALLOWED_WORSENING, compare

# Share of the cores' time that other processes may take; an idle system takes about 0.01.
_NOISE = 0.03
_QUICK_ROUNDS = 5


@dataclass(frozen=True)
class Report:
    """Where a report keeps its rows and shows its tables, and what it watches.

    Attributes:
        command: without options.
        file: of the rows, relative to the repository.
        page: of docs/.
        section: of the page; see `write_section`.
        checked: ``(ours, what it is compared with)`` of `ratios.compare`.
    """

    command: str
    file: Path
    page: str
    section: str
    checked: Sequence[tuple[str, str]]

    def parser(
        self,
        description: str,
        *,
        case: str,
        quick: str,
        rounds: int,
        budget: float,
        quick_budget: float,
    ) -> argparse.ArgumentParser:
        """A parser with the options that every report has.

        Args:
            description: of the command.
            case: what a case is called, "shape" for example.
            quick: what ``--quick`` measures.
            rounds: default number.
            budget: default seconds per case.
            quick_budget: the same with ``--quick``.
        """
        parser = argparse.ArgumentParser(
            prog=self.command,
            description=f"{description}, and appends the rows to {self.file}. Nothing else should"
            " run meanwhile.",
        )
        parser.set_defaults(
            case=case, limits=(rounds, budget), quick_limits=(_QUICK_ROUNDS, quick_budget)
        )
        parser.add_argument(
            "--rounds",
            type=int,
            help=f"rounds of alternation per {case} (default: {rounds}; with --quick"
            f" {_QUICK_ROUNDS})",
        )
        parser.add_argument(
            "--budget",
            type=float,
            help=f"seconds per {case} after which no further round begins, three rounds excepted"
            f" (default: {budget:g}; with --quick {quick_budget:g})",
        )
        parser.add_argument(
            "--quick",
            action="store_true",
            help=f"{quick} and few rounds, to try things out; appends nothing",
        )
        # argparse formats help texts with %.
        parser.add_argument(
            "--check",
            action="store_true",
            help=f"compare the ratios with the latest committed row set that holds the {case}s:"
            f" exit code 1 if one got worse by more than {100 * ALLOWED_WORSENING:.0f} %%, 2 if"
            " there is nothing to compare with; appends nothing",
        )
        parser.add_argument(
            "--write-docs",
            action="store_true",
            help=f"put the tables of the latest row sets into {self.page}; measures nothing",
        )
        add_option(parser)
        return parser

    def write_docs(
        self,
        tables: Iterable[tuple[str, str, Iterable]],
        render: Callable[[list[dict]], Iterable[str]],
    ) -> int:
        """Fills the section of the page with the latest row sets; returns the exit code.

        Args:
            tables: title, kind of the row set, cases that it holds.
            render: ``rows -> tables``.
        """
        sets, parts = results.load(self.file), []
        for title, what, cases in tables:
            found = results.latest(sets, what, map(str, cases))
            if found:
                run, rows = found
                parts += [title, describe(run), *render(rows)]
        if not parts:
            print(f"no row set with all cases in {self.file}", file=sys.stderr)
            return 2
        write_section(ROOT / self.page, self.section, filter(None, parts))
        return 0

    def measure(
        self,
        what: str,
        cases: Sequence,
        options: argparse.Namespace,
        arguments: Sequence[str] | None,
        *,
        errors: Callable[[], Iterable[str | None]],
        run_case: Callable[..., list[dict]],
        render: Callable[[list[dict]], Iterable[str]],
        more: Callable[[], dict] = dict,
    ) -> int:
        """Measures one row set and keeps it or compares it; returns the exit code.

        Args:
            what: kind of the row set.
            cases: what to measure.
            options: of `parser`.
            arguments: of the command; None: the process's own.
            errors: what is wrong with whom; nothing is measured unless nothing is.
            run_case: ``(case, rounds, budget) -> rows``.
            render: ``rows -> tables``.
            more: about the machine, for the run; not with ``--quick``.
        """
        found = None
        if options.check:
            sets = results.load_committed(self.file)
            found = results.latest(sets, what, map(str, cases))
            if not found:
                print(f"nothing to compare with in the committed {self.file}", file=sys.stderr)
                return 2
        wrong = list(filter(None, errors()))
        if wrong:
            print("\n".join(wrong), file=sys.stderr)
            return 1
        rounds, budget = options.quick_limits if options.quick else options.limits
        rounds, budget = options.rounds or rounds, options.budget or budget
        config = {"what": what, "rounds": rounds, "budget_s": budget}
        run = start_run(self.command, arguments, **config) | ({} if options.quick else more())
        rows, others = [], OthersShare()
        with neighbour(options.neighbour):
            for case in cases:
                print(f"{case} ...", file=sys.stderr, flush=True)
                rows += run_case(case, rounds, budget)
        run["others_share"] = round(others(), 3)
        print("\n\n".join(filter(None, [*render(rows), describe(run)])))
        alone = options.neighbour == NONE
        if alone and run["others_share"] > _NOISE:
            print("other processes were running: these numbers are not good", file=sys.stderr)
        if options.check:
            return check(*compare(rows, found[1], self.checked), options.case)
        if alone and not options.quick:
            results.append(run, rows, self.file)
        return 0


def start_run(command: str, arguments: Sequence[str] | None, **config) -> dict:
    """The head of a row set that is about to be measured."""
    words = [command, *(sys.argv[1:] if arguments is None else arguments)]
    return describe_run({"command": " ".join(words), **config})


def check(compared: int, worse: list[str], case: str) -> int:
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
    machine, cold = run["machine"], run.get("numba_first_call_s")
    versions = ", ".join(f"{name} {v}" for name, v in run["versions"].items() if v)
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


def origin(run: dict) -> str:
    """The same in a few words."""
    changed = " with local changes" if run["dirty"] else ""
    return f"{run['date'][:10]}, commit {run['commit'][:7]}{changed}, {run['machine']['cpu']}"


def write_section(page: Path, name: str, parts: Iterable[str]) -> None:
    """Puts paragraphs between the comments ``<!-- name -->`` and ``<!-- /name -->`` of a page."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text(encoding="utf-8")
    before, after = text.split(begin)[0], text.split(end)[1]
    page.write_text("\n\n".join([before + begin, *parts, end + after]), encoding="utf-8")
