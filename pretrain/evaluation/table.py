"""The results of an evaluation as an aligned table of plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .evaluate import MEASURES

Measures = Mapping[str, Mapping[str, Any]]  # what `Result.to_dict` gives


def table(results: Mapping[str, Measures]) -> str:
    """One row for each candidate, one column for each measure that any of them has, in percent.

    A cell holds the mean, and the standard deviation where there is more than one value.
    """
    keys = [key for key in MEASURES if any(key in one for one in results.values())]
    rows = [["", *(MEASURES[key] for key in keys)]]
    for name, one in results.items():
        rows.append([name, *(_cell(one.get(key)) for key in keys)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(keys) + 1)]
    lines = []
    for first, *cells in rows:
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("   ".join([first.ljust(widths[0]), *aligned]).rstrip())
    return "\n".join(lines)


def _cell(measure: Mapping[str, Any] | None) -> str:
    if measure is None:
        return "-"
    spread = "" if measure["std"] is None else f" +- {100 * measure['std']:.1f}"
    return f"{100 * measure['mean']:.2f}{spread}"
