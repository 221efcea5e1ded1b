"""The results of an evaluation as an aligned table of plain text."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from .evaluate import MEASURES, measure_names

Measures = Mapping[str, Mapping[str, Any]]  # what `Result.to_dict` gives


def table(results: Mapping[str, Measures]) -> str:
    """One row for each candidate, one column for each measure that any of them has, in percent.

    A cell holds the mean, and the standard deviation where there is more than one value. Below, by
    how much the first candidate is better than each of the others, with the standard error of that.
    """
    keys = [key for key in MEASURES if any(key in one for one in results.values())]
    rows = [["", *measure_names(keys)]]
    rows += [[name, *(_cell(one.get(key)) for key in keys)] for name, one in results.items()]
    (own, first), *others = results.items()
    if others and keys:
        rows.append([f"{own} less", *[""] * len(keys)])
    for name, other in others:
        paired = [difference(first.get(key), other.get(key)) for key in keys]
        rows.append([f"  {name}", *map(_difference_cell, paired)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(keys) + 1)]
    lines = []
    for name, *cells in rows:
        aligned = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        lines.append("   ".join([name.ljust(widths[0]), *aligned]).rstrip())
    return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Difference:
    """By how much one candidate is better than another, split by split.

    Attributes:
        mean: of the differences.
        standard_error: of that mean, as if splits were independent; None of a single one. Splits
            of one graph share nodes, so it is rather too small (Nadeau and Bengio 2003, Inference
            for the generalization error, Machine Learning 52).
    """

    mean: float
    standard_error: float | None


def difference(own: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> Difference | None:
    """Of two measures on the same splits and seeds; None unless their values can be paired.

    Where one of them has several embeddings, the values of the other count once for each.
    """
    if own is None or other is None:
        return None
    ours, theirs = (np.asarray(one.get("values") or [], float) for one in (own, other))
    count = max(len(ours), len(theirs))
    if not min(len(ours), len(theirs)) or count % len(ours) or count % len(theirs):
        return None
    paired = np.resize(ours, count) - np.resize(theirs, count)
    error = float(paired.std(ddof=1) / np.sqrt(count)) if count > 1 else None
    return Difference(float(paired.mean()), error)


def _cell(measure: Mapping[str, Any] | None) -> str:
    if measure is None:
        return "-"
    spread = "" if measure["std"] is None else f" +- {100 * measure['std']:.1f}"
    return f"{100 * measure['mean']:.2f}{spread}"


def _difference_cell(found: Difference | None) -> str:
    if found is None:
        return "-"
    error = "" if found.standard_error is None else f" +- {100 * found.standard_error:.1f}"
    return f"{100 * found.mean:+.2f}{error}"
