"""The tables of the loss's report."""

from __future__ import annotations

from ..ratios import align, medians, number, ratio, times

# (ours, what it is compared with): time of ours / time of the other, smaller is better.
CHECKED = (
    ("numpy", "floor"),
    ("tf-auto", "floor"),
    ("numpy", "upstream"),
    ("tf-auto", "upstream"),
)
_COLUMNS = {
    "floor": "floor ms",
    "numpy": "ours NumPy ms",
    "tf-auto": "ours TF ms",
    "upstream": "upstream ms",
    "upstream-jit": "upstream jit ms",
    "torch": "torch ms",
}
# How many times as long the first takes.
_RATIOS = {
    "upstream / NumPy": ("upstream", "numpy"),
    "upstream / TF": ("upstream", "tf-auto"),
    "jit / TF": ("upstream-jit", "tf-auto"),
    "torch / TF": ("torch", "tf-auto"),
    "torch / NumPy": ("torch", "numpy"),
    "NumPy / floor": ("numpy", "floor"),
    "TF / floor": ("tf-auto", "floor"),
    # What no program can beat on this machine, whatever the mark.
    "upstream / floor": ("upstream", "floor"),
    "torch / floor": ("torch", "floor"),
}
_FIRST_CALLS = ("tf-auto", "upstream", "upstream-jit")
_MORE = ("TF - NumPy ms", "empty tf.function ms", "first call s (TF, upstream, jit)")


def render_table(rows: list[dict]) -> str:
    """The rows as a Markdown table, with the reasons for its gaps below."""
    first_calls = {(row["shape"], row["contestant"]): row.get("first_call_s") for row in rows}
    lines = [["shape", *_COLUMNS.values(), *_RATIOS, *_MORE]]
    for shape, found in medians(rows).items():
        both = "tf-auto" in found and "numpy" in found
        lines.append(
            [
                shape,
                *(number(found.get(name)) for name in _COLUMNS),
                *(times(ratio(found, *names)) for names in _RATIOS.values()),
                f"{found['tf-auto'] - found['numpy']:+.2f}" if both else "-",
                number(found.get("tf-call")),
                ", ".join(number(first_calls.get((shape, name))) for name in _FIRST_CALLS),
            ]
        )
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if "skipped" in row:
            reasons.setdefault((row["shape"], row["skipped"]), []).append(row["contestant"])
    notes = [
        f"- {shape}, not measured: {', '.join(names)} ({reason})."
        for (shape, reason), names in reasons.items()
    ]
    return "\n".join([*align(lines), *[""] * bool(notes), *notes])


def render_page(rows: list[dict]) -> str:
    """The columns of the documentation: ours in ms, and how many times as long others take."""
    shown = ("upstream / NumPy", "upstream / TF", "jit / TF", "torch / TF", "TF / floor")
    titles = (name.replace("jit", "upstream, XLA") for name in shown)
    lines = [["[N, D]", "ours, NumPy, ms", "ours, TF, ms", *titles]]
    for shape, found in medians(rows).items():
        ours = (number(found.get(name)) for name in ("numpy", "tf-auto"))
        lines.append([shape, *ours, *(times(ratio(found, *_RATIOS[name])) for name in shown)])
    return "\n".join(align(lines))


def render_others(rows: list[dict]) -> str:
    """The contestants that have no column in the table: ms, and how many times the floor."""
    in_table = (*_COLUMNS, "tf-call")
    names = dict.fromkeys(row["contestant"] for row in rows if row["contestant"] not in in_table)
    lines = [["shape", *(f"{name} ms (/ floor)" for name in names)]]
    for shape, found in medians(rows).items():
        cells = (f"{number(found.get(n))} ({times(ratio(found, n, 'floor'))})" for n in names)
        lines.append([shape, *cells])
    return "\n".join(align(lines)) if names else ""
