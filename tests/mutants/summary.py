"""What a run of mutants says: lines, a table, JSON, Markdown."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from .faults import Mutant
from .judge import EXPLAINED, KILLED, SURVIVED, Verdict

_COLUMNS = ("folder", "mutants", "killed", "by slow tests", "explained", "survived", "share killed")


class Summary:
    """Counts the verdicts on mutants.

    Args:
        mutants: all of them, in the order of their numbers.
    """

    def __init__(self, mutants: list[Mutant]):
        self._numbers = {mutant: number for number, mutant in enumerate(mutants, 1)}
        self._verdicts: dict[Mutant, Verdict] = {}

    def add(self, mutant: Mutant, verdict: Verdict) -> None:
        """Takes a verdict and prints a line about it."""
        self._verdicts[mutant] = verdict
        number, total = self._numbers[mutant], len(self._numbers)
        ran = f"{verdict.ran} tests, {verdict.known} recorded on the line"
        ending = {
            KILLED: f"by {verdict.by}",
            SURVIVED: f"after {ran}",
            EXPLAINED: verdict.by,
        }[verdict.outcome]
        place = f"{mutant.file}:{mutant.line}"
        print(
            f"[{len(self._verdicts):3}/{total}] #{number:<3} {verdict.outcome:9} {place}  "
            f"{mutant.change}  {ending} ({verdict.seconds:.1f} s)",
            flush=True,
        )

    def share_killed(self, layer: str | None = None) -> float:
        """Killed mutants among all, the explained ones too; by one layer of tests or by any."""
        killed = [v for v in self._verdicts.values() if v.outcome == KILLED]
        killed = [v for v in killed if layer in (None, v.layer)]
        return len(killed) / max(1, len(self._verdicts))

    def rows(self) -> list[tuple]:
        """The table: one row per folder, and the sum."""
        counts = defaultdict(Counter)
        for mutant, verdict in self._verdicts.items():
            for folder in (str(PurePosixPath(mutant.file).parent), "all"):
                counts[folder]["mutants"] += 1
                counts[folder][verdict.outcome] += 1
                counts[folder]["slow"] += verdict.outcome == KILLED and verdict.layer == "slow"
        order = ("mutants", KILLED, "slow", EXPLAINED, SURVIVED)
        folders = [*sorted(counts.keys() - {"all"}), *(["all"] if counts else [])]
        return [
            (folder, *(c[name] for name in order), f"{c[KILLED] / c['mutants']:.1%}")
            for folder, c in ((folder, counts[folder]) for folder in folders)
        ]

    def table(self) -> str:
        """The table as text that is Markdown as well."""
        rows = [_COLUMNS, *(tuple(map(str, row)) for row in self.rows())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(lines)

    def survivors(self) -> list[tuple[int, Mutant, Verdict]]:
        """Number, mutant and verdict of those that no test noticed."""
        found = ((self._numbers[mutant], mutant, v) for mutant, v in self._verdicts.items())
        return sorted((s for s in found if s[2].outcome == SURVIVED), key=lambda s: s[0])

    def write_json(self, path: Path) -> None:
        """Every mutant with its verdict, and the shares."""
        mutants = [
            {"number": self._numbers[mutant], "change": mutant.change}
            | {name: getattr(mutant, name) for name in ("file", "line", "text")}
            | asdict(verdict)
            for mutant, verdict in sorted(
                self._verdicts.items(), key=lambda item: self._numbers[item[0]]
            )
        ]
        shares = {"killed": self.share_killed(), "killed by fast tests": self.share_killed("fast")}
        path.write_text(
            json.dumps({"shares": shares, "mutants": mutants}, indent=1) + "\n", encoding="utf-8"
        )

    def write_markdown(self, path: Path, command: str) -> None:
        """The table, and the survivors as a list."""
        lines = ["# Mutants", "", f"`{command}`", "", self.table(), "", "## Survivors", ""]
        lines += [
            f"{number}. `{mutant.file}:{mutant.line}`: `{mutant.change}` in `{mutant.text}`"
            for number, mutant, _ in self.survivors()
        ]
        path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
