"""From rows to ratios: the table, and the comparison with an earlier row set.

Seconds depend on the machine and the day; ratios of medians taken in alternation much less.
"""

from __future__ import annotations

ALLOWED_WORSENING = 0.25
# (ours, what it is compared with): time of ours / time of the other, smaller is better.
CHECKED = (
    ("numpy", "floor"),
    ("tf-auto", "floor"),
    ("numpy", "upstream"),
    ("tf-auto", "upstream"),
)
_TIMES = ("floor", "numpy", "tf-auto", "upstream", "upstream-jit", "torch")
_IN_TABLE = (*_TIMES, "tf-call")
# (header, numerator, denominator): how many times as long the first takes.
_RATIOS = (
    ("upstream / NumPy", "upstream", "numpy"),
    ("upstream / TF", "upstream", "tf-auto"),
    ("jit / TF", "upstream-jit", "tf-auto"),
    ("torch / TF", "torch", "tf-auto"),
    ("torch / NumPy", "torch", "numpy"),
    ("NumPy / floor", "numpy", "floor"),
    ("TF / floor", "tf-auto", "floor"),
    # What no program can beat on this machine, whatever the mark.
    ("upstream / floor", "upstream", "floor"),
    ("torch / floor", "torch", "floor"),
)
_FIRST_CALLS = ("tf-auto", "upstream", "upstream-jit")
_HEADERS = (
    "shape",
    "floor ms",
    "ours NumPy ms",
    "ours TF ms",
    "upstream ms",
    "upstream jit ms",
    "torch ms",
    *(header for header, _, _ in _RATIOS),
    "TF - NumPy ms",
    "empty tf.function ms",
    "first call s (TF, upstream, jit)",
)


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


def compare(rows: list[dict], baseline: list[dict]) -> tuple[int, list[str]]:
    """Which checked ratios got worse by more than `ALLOWED_WORSENING`.

    Args:
        rows: New rows.
        baseline: Earlier rows.

    Returns:
        ``(number of ratios compared, one line per ratio that got worse)``.
    """
    now, before = medians(rows), medians(baseline)
    compared, worse = 0, []
    for shape, times in now.items():
        for ours, other in CHECKED:
            new, old = ratio(times, ours, other), ratio(before.get(shape, {}), ours, other)
            if new is None or old is None:
                continue
            compared += 1
            if new > old * (1 + ALLOWED_WORSENING):
                change = 100 * (new / old - 1)
                worse.append(f"{shape} {ours} / {other}: {old:.3f} -> {new:.3f} (+{change:.0f} %)")
    return compared, worse


def render_table(rows: list[dict]) -> str:
    """The rows as a Markdown table, with the reasons for its gaps below."""
    first_calls = {(row["shape"], row["contestant"]): row.get("first_call_s") for row in rows}
    body = []
    for shape, times in medians(rows).items():
        cells = [shape]
        cells += [_number(times.get(name)) for name in _TIMES]
        cells += [_times(ratio(times, *names)) for _, *names in _RATIOS]
        both = "tf-auto" in times and "numpy" in times
        cells.append(f"{times['tf-auto'] - times['numpy']:+.2f}" if both else "-")
        cells.append(_number(times.get("tf-call")))
        cells.append(", ".join(_number(first_calls.get((shape, n))) for n in _FIRST_CALLS))
        body.append(cells)
    return "\n".join([*_align([list(_HEADERS), *body]), *_notes(rows)])


def render_others(rows: list[dict]) -> str:
    """The contestants that have no column in the table: ms, and how many times the floor."""
    names = dict.fromkeys(row["contestant"] for row in rows if row["contestant"] not in _IN_TABLE)
    lines = [["shape", *(f"{name} ms (/ floor)" for name in names)]]
    for shape, times in medians(rows).items():
        cells = (f"{_number(times.get(n))} ({_times(ratio(times, n, 'floor'))})" for n in names)
        lines.append([shape, *cells])
    return "\n".join(_align(lines)) if names else ""


def _notes(rows):
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if "skipped" in row:
            reasons.setdefault((row["shape"], row["skipped"]), []).append(row["contestant"])
    if reasons:
        yield ""
    for (shape, reason), names in reasons.items():
        yield f"- {shape}, not measured: {', '.join(names)} ({reason})."


def _align(lines):
    """Markdown rows whose columns are padded to one width: legible in a terminal as well."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    padded = [
        "| " + " | ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    rule = "| " + " | ".join("-" * (w - 1) + ":" for w in widths) + " |"
    return [padded[0], rule, *padded[1:]]


def _number(value):
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _times(value):
    return "-" if value is None else f"{value:.2f}x"
