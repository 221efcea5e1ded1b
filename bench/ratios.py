"""From rows to ratios and tables, and the comparison with an earlier row set.

Seconds depend on the machine and the day; ratios of medians taken in alternation much less.
"""

from __future__ import annotations

from collections.abc import Sequence

ALLOWED_WORSENING = 0.25


def medians(rows: list[dict]) -> dict[str, dict[str, float]]:
    """``{shape: {contestant: median in ms}}`` of the rows that were not skipped."""
    table: dict[str, dict[str, float]] = {}
    for row in rows:
        times = table.setdefault(row["shape"], {})
        if "median_ms" in row:
            times[row["contestant"]] = row["median_ms"]
    return table


def ratio(times: dict[str, float], numerator: str, denominator: str) -> float | None:
    """The ratio of two medians, or None where one was not measured."""
    if numerator not in times or denominator not in times:
        return None
    return times[numerator] / times[denominator]


def compare(
    rows: list[dict], baseline: list[dict], pairs: Sequence[tuple[str, str]]
) -> tuple[int, list[str]]:
    """Which ratios of two contestants got worse by more than `ALLOWED_WORSENING`.

    Args:
        rows: new rows.
        baseline: earlier rows.
        pairs: ``(ours, what it is compared with)``; a smaller ratio is better.

    Returns:
        ``(number of ratios compared, one line per ratio that got worse)``.
    """
    before, compared, worse = medians(baseline), 0, []
    for shape, times in medians(rows).items():
        for ours, other in pairs:
            new, old = ratio(times, ours, other), ratio(before.get(shape, {}), ours, other)
            if new is None or old is None:
                continue
            compared += 1
            if new > old * (1 + ALLOWED_WORSENING):
                change = 100 * (new / old - 1)
                worse.append(f"{shape} {ours} / {other}: {old:.3f} -> {new:.3f} (+{change:.0f} %)")
    return compared, worse


def align(lines: list[list[str]]) -> list[str]:
    """Markdown rows whose columns are padded to one width: legible in a terminal as well."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    header, *body = (
        "| " + " | ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
    rule = "| " + " | ".join("-" * (width - 1) + ":" for width in widths) + " |"
    return [header, rule, *body]


def number(value: float | None) -> str:
    """About three digits; a dash for nothing."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def times(value: float | None) -> str:
    """A ratio; a dash for nothing."""
    return "-" if value is None else f"{value:.2f}x"
