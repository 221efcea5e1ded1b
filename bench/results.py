"""Row sets in bench/results/: appended, never overwritten.

A row set is one line of kind "run" (`machine.describe_run`) and one line of kind "row" per shape
and contestant, tied together by "run".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .machine import ROOT, git

FILE = Path("bench/results/loss.jsonl")


def append(run: dict, rows: Iterable[dict], path: Path | None = None) -> None:
    """Adds a row set to the end of the file."""
    path = ROOT / FILE if path is None else path
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record) + "\n" for record in (run, *rows)]
    with path.open("a") as file:
        file.write("".join(lines))


def parse(text: str) -> list[tuple[dict, list[dict]]]:
    """The row sets of a file as ``(run, rows)``, oldest first."""
    sets: list[tuple[dict, list[dict]]] = []
    rows: dict[str, list[dict]] = {}
    for line in text.splitlines():
        record = json.loads(line)
        if record["kind"] == "run":
            rows[record["run"]] = []
            sets.append((record, rows[record["run"]]))
        else:
            rows[record["run"]].append(record)
    return sets


def load() -> list[tuple[dict, list[dict]]]:
    """The row sets of the working tree."""
    path = ROOT / FILE
    return parse(path.read_text()) if path.exists() else []


def load_committed() -> list[tuple[dict, list[dict]]]:
    """The row sets of the last commit."""
    return parse(git("show", f"HEAD:{FILE}"))


def latest(sets, what: str, shapes: Iterable[str]) -> tuple[dict, list[dict]] | None:
    """The last row set that holds all the shapes, or None.

    Args:
        sets: From `load` or `load_committed`.
        what: "gradients" or "forward".
        shapes: Names of shapes.

    Returns:
        ``(run, rows)``.
    """
    for run, rows in reversed(sets):
        held = {row["shape"] for row in rows}
        if run["config"]["what"] == what and held.issuperset(shapes):
            return run, rows
    return None
