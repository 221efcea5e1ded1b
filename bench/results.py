"""Row sets in bench/results/: appended, never overwritten.

A row set is one line of kind "run" (`machine.describe_run`) and one line of kind "row" per shape
and contestant, tied together by "run". Paths of files are relative to the repository.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .machine import ROOT, git


def append(run: dict, rows: Iterable[dict], file: Path) -> None:
    """Adds a row set to the end of the file; every row gets the "run" of the run."""
    path = ROOT / file
    path.parent.mkdir(parents=True, exist_ok=True)
    records = (run, *(row | {"run": run["run"]} for row in rows))
    with path.open("a") as opened:
        opened.write("".join(json.dumps(record) + "\n" for record in records))


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


def load(file: Path) -> list[tuple[dict, list[dict]]]:
    """The row sets of the working tree."""
    path = ROOT / file
    return parse(path.read_text()) if path.exists() else []


def load_committed(file: Path) -> list[tuple[dict, list[dict]]]:
    """The row sets of the last commit."""
    return parse(git("show", f"HEAD:{file}"))


def latest(sets, what: str, shapes: Iterable[str]) -> tuple[dict, list[dict]] | None:
    """The last row set of a kind that holds all the shapes, or None.

    Args:
        sets: from `load` or `load_committed`.
        what: "what" of the run's configuration.
        shapes: names of shapes.

    Returns:
        ``(run, rows)``.
    """
    shapes = list(shapes)
    for run, rows in reversed(sets):
        held = {row["shape"] for row in rows}
        if run["config"]["what"] == what and held.issuperset(shapes):
            return run, rows
    return None
