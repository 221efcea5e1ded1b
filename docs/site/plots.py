"""Plots of the rows in bench/results, as SVG inside of the page.

Places are shares of the width, text has its own size: legible on a phone and on a wide screen, and
the colours are the style sheet's.
"""

import html
import itertools
import math
import statistics
from pathlib import Path

from graph_barlow_twins.pretrain.evaluation.baselines import PCA, RAW, UNTRAINED

from bench import report, results
from bench.ratios import medians, ratio

TRAINED = "trained encoder"
_RESULTS = Path("bench/results")
_BAR, _STEP, _TITLE, _GAP, _HEIGHT = 16, 20, 22, 10, 260  # pixels
_LEFT, _RIGHT, _LONGEST = 9, 97, 84  # percent of the width
# What is followed over commits: file, case, who, beside whom.
_FOLLOWED = {
    "epoch on Cora, beside PyTorch Geometric": (
        _RESULTS / "epochs.jsonl", "planetoid:cora", "ours", "PyTorch Geometric"),
    "epoch on digits, beside PyTorch Geometric": (
        _RESULTS / "epochs.jsonl", "digits", "ours", "PyTorch Geometric"),
    "training step, projector 8192-8192, beside upstream": (
        _RESULTS / "train_step.jsonl", "8192-8192", "ours", "upstream"),
    "loss, [8192, 512], beside upstream": (
        report.REPORT.file, "8192x512", "tf-auto", "upstream"),
}  # fmt: skip


def plot(name: str) -> str:
    """The HTML of a plot: "accuracy", "loss" or "history"."""
    return {"accuracy": _accuracy, "loss": _loss, "history": _history}[name]()


def _accuracy() -> str:
    """Linear probe, from the latest rows of each graph."""
    latest = {}
    for _, rows in results.load(_RESULTS / "recipe.jsonl"):
        of_run = {}
        for row in rows:
            of_run.setdefault(row["shape"], []).append(row["evaluation"])
        latest |= of_run
    groups = {
        graph: {
            who: 100 * statistics.fmean(v for one in seeds for v in one[who]["linear_probe"])
            for who in (TRAINED, UNTRAINED, RAW, PCA)
        }
        for graph, seeds in latest.items()
    }
    caption = "Linear probe, mean accuracy in percent; on the public split where there is one."
    return _bars(groups, "{:.1f}", caption, lambda value: value / 100)


def _loss() -> str:
    """How many times as long the others take, loss and both gradients."""
    sets = results.load(report.REPORT.file)
    run, rows = results.latest(sets, "gradients", map(str, report.CASES))
    others = {"upstream": "upstream", "upstream, XLA": "upstream-jit", "PyTorch": "torch"}
    groups = {}
    for shape, times in medians(rows).items():
        found = {name: ratio(times, other, "tf-auto") for name, other in others.items()}
        if any(found.values()):
            groups[f"[{shape.replace('x', ', ')}]"] = found
    caption = (
        "Time of the others by ours in TensorFlow; logarithmic, the dashed line is 1: as fast as"
        f" ours. {run['config']['command']}, {_origin(run)}."
    )
    low, high = math.log(0.5), math.log(128)
    return _bars(groups, "{:.1f}x", caption, lambda v: (math.log(v) - low) / (high - low), one=1)


def _bars(groups, text, caption, share, *, one=None) -> str:
    """Groups of bars; `share` gives their lengths, of the longest; a line at the value `one`."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    parts, y = [], 0
    for title, values in groups.items():
        parts.append(_text("title", title, "0", y + 15))
        y += _TITLE
        for name, value in values.items():
            length, shown = _LONGEST * share(value), text.format(value)
            hint = html.escape(f"{title}, {name}: {shown}")
            parts.append(
                f'<rect class="c{names.index(name)}" x="0" y="{y}" width="{length:.2f}%"'
                f' height="{_BAR}" rx="2"><title>{hint}</title></rect>'
            )
            parts.append(_text("value", shown, f"{length + 1:.2f}%", y + 12.5))
            y += _STEP
        y += _GAP
    if one is not None:
        parts.insert(0, _line("one", _LONGEST * share(one), 0, _LONGEST * share(one), y))
    return _figure(parts, y, names, caption)


def _history() -> str:
    """Ratios over the row sets, and below them which row sets these are."""
    found = {}
    for name, (file, case, ours, other) in _FOLLOWED.items():
        for run, rows in results.load(file):
            value = ratio(medians(rows).get(case, {}), other, ours)
            if value is not None:
                found.setdefault(run["run"] + str(file), (run, {}))[1][name] = value
    found = sorted(found.values(), key=lambda one: one[0]["date"])
    return _lines(found, list(_FOLLOWED)) + _origins(found)


def _lines(found, names) -> str:
    top = math.ceil(max(value for _, ratios in found for value in ratios.values()))

    def x(index):
        return _LEFT + (_RIGHT - _LEFT) * (index + 0.5) / len(found)

    def y(value):
        return 12 + (_HEIGHT - 12) * (1 - value / top)

    parts = []
    for value in range(top + 1):
        parts.append(_line("one" if value == 1 else "grid", _LEFT, y(value), _RIGHT, y(value)))
        parts.append(_text("tick end", f"{value}x", f"{_LEFT - 1.5}%", y(value) + 4))
    for number, name in enumerate(names):
        places = [(x(i), y(ratios[name])) for i, (_, ratios) in enumerate(found) if name in ratios]
        for start, end in itertools.pairwise(places):
            parts.append(_line(f"line c{number}", *start, *end))
    for index, (run, ratios) in enumerate(found):
        parts.append(_text("tick middle", str(index + 1), f"{x(index):.2f}%", _HEIGHT + 20))
        filled = "" if "AMD" in run["machine"]["cpu"] else " hollow"
        for name, value in ratios.items():
            hint = html.escape(f"{name}: {value:.2f}x, {_origin(run)}")
            parts.append(
                f'<circle class="c{names.index(name)}{filled}" cx="{x(index):.2f}%"'
                f' cy="{y(value):.1f}" r="5"><title>{hint}</title></circle>'
            )
    caption = (
        "Time of the other by ours, over the row sets of the table below; the dashed line is 1."
        " Filled: AMD EPYC, hollow: Intel Xeon; ratios of different machines differ."
    )
    return _figure(parts, _HEIGHT + 28, names, caption)


def _origins(found) -> str:
    """Markdown: a row for each row set."""
    lines = ["", "| | date | commit | machine |", "| --: | --- | --- | --- |"]
    for index, (run, _) in enumerate(found):
        cells = (index + 1, run["date"][:10], f"`{run['commit'][:7]}`", run["machine"]["cpu"])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, ""])


def _origin(run) -> str:
    return f"{run['date'][:10]}, commit {run['commit'][:7]}, {run['machine']['cpu']}"


def _figure(parts, height, names, caption) -> str:
    legend = "".join(
        f'<span><i class="c{number}"></i>{html.escape(name)}</span>'
        for number, name in enumerate(names)
    )
    return (
        f'<figure class="plot"><div class="legend">{legend}</div>'
        f'<svg width="100%" height="{height}" role="img" aria-label="{html.escape(caption)}">'
        f"{''.join(parts)}</svg><figcaption>{html.escape(caption)}</figcaption></figure>\n"
    )


def _text(style, text, x, y) -> str:
    return f'<text class="{style}" x="{x}" y="{y}">{html.escape(text)}</text>'


def _line(style, x1, y1, x2, y2) -> str:
    return f'<line class="{style}" x1="{x1:.2f}%" y1="{y1:.1f}" x2="{x2:.2f}%" y2="{y2:.1f}"/>'
