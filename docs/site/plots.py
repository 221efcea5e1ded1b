"""Plots of the rows in bench/results, as SVG inside of the page.

Places are shares of the width, text has its own size: legible on a phone and on a wide screen, and
the colours are the style sheet's.
"""

import html
import math
import statistics
from pathlib import Path

from bench import report, results
from bench.ratios import medians, ratio

_RESULTS = Path("bench/results")

_ROW, _BAR = 22, 16  # pixels


def plot(name: str) -> str:
    """The HTML of a plot."""
    return {
        "accuracy": _accuracy,
        "loss": _loss,
        "history": _history,
    }[name]()


def _accuracy() -> str:
    """Linear probe of the latest rows of each graph."""
    found, groups = {}, {}
    for _, rows in results.load(_RESULTS / "recipe.jsonl"):
        latest = {}
        for row in rows:
            latest.setdefault(row["shape"], []).append(row["evaluation"])
        found |= latest
    for name, evaluations in found.items():
        groups[name] = {
            who: 100 * statistics.fmean(v for one in evaluations for v in one[who]["linear_probe"])
            for who in evaluations[0]
        }
    caption = "Linear probe, accuracy in percent (of the public split, where there is one)."
    return _bars(groups, "{:.1f}", caption, largest=100)


def _loss() -> str:
    """How many times as long the others take, loss and both gradients."""
    run, rows = results.latest(results.load(report.REPORT.file), "gradients", map(str, report.CASES))
    pairs = {"upstream / ours": "upstream", "upstream, XLA / ours": "upstream-jit", "PyTorch / ours": "torch"}
    groups = {}
    for shape, times in medians(rows).items():
        found = {name: ratio(times, other, "tf-auto") for name, other in pairs.items()}
        found = {name: value for name, value in found.items() if value}
        if found:
            groups[f"[{shape.replace('x', ', ')}]"] = found
    caption = (
        "How many times as long as ours in TensorFlow, loss and both gradients of two views [N, D]; logarithmic, the line is 1."
        f" {run['config']['command']}, {run['date'][:10]}, commit {run['commit'][:7]}, {run['machine']['cpu']}."
    )
    return _bars(groups, "{:.1f}x", caption, largest=128, smallest=0.5)


def _bars(groups, text, caption, *, largest, smallest=None) -> str:
    """Groups of bars; with `smallest` a logarithmic scale, on which 1 is marked."""

    def place(value):
        if smallest is None:
            return 84 * value / largest
        return 84 * math.log(max(value, smallest) / smallest) / math.log(largest / smallest)

    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    parts, y = [], 0
    for title, values in groups.items():
        parts.append(_text("title", title, "0", y + 15))
        y += 22
        for name, value in values.items():
            style = f"c{names.index(name)}"
            hint = f"<title>{html.escape(f'{title}, {name}: {text.format(value)}')}</title>"
            parts.append(
                f'<rect class="{style}" x="0" y="{y}" width="{place(value):.2f}%" height="{_BAR}"'
                f' rx="2">{hint}</rect>'
            )
            parts.append(_text("value", text.format(value), f"{place(value) + 1:.2f}%", y + 12.5))
            y += _ROW - 2
        y += 10
    if smallest is not None:
        parts.append(_line("one", place(1), 0, place(1), y))
    return _figure(parts, y, names, caption)


def _history() -> str:
    """Ratios of the full row sets over the commits that they were measured at."""
    found = []
    for file, pairs in (
        (_RESULTS / "epochs.jsonl", {"epoch, Cora: PyTorch Geometric / ours": ("planetoid:cora", "PyTorch Geometric", "ours")}
         | {"epoch, digits: PyTorch Geometric / ours": ("digits", "PyTorch Geometric", "ours")}),
        (_RESULTS / "train_step.jsonl", {"training step, projector 8192-8192: upstream / ours": ("8192-8192", "upstream", "ours")}),
        (report.REPORT.file, {"loss, [1024, 8192]: upstream / ours": ("1024x8192", "upstream", "tf-auto")}),
    ):
        for run, rows in results.load(file):
            times = medians(rows)
            ratios = {
                name: ratio(times.get(shape, {}), other, own) for name, (shape, other, own) in pairs.items()
            }
            found.append((run, {name: value for name, value in ratios.items() if value}))
    found = sorted((one for one in found if one[1]), key=lambda one: one[0]["date"])
    return _lines(found)


def _lines(found) -> str:
    names = list(dict.fromkeys(name for _, ratios in found for name in ratios))
    top = math.ceil(max(value for _, ratios in found for value in ratios.values()))
    height, left, right = 260, 9, 97

    def x(index):
        return left + (right - left) * (index + 0.5) / len(found)

    def y(value):
        return 12 + (height - 12) * (1 - value / top)

    parts = []
    for value in range(0, top + 1):
        parts.append(_line("one" if value == 1 else "grid", left, y(value), right, y(value)))
        parts.append(_text("tick end", f"{value}x", f"{left - 1.5}%", y(value) + 4))
    for number, name in enumerate(names):
        places = [(x(i), y(ratios[name])) for i, (_, ratios) in enumerate(found) if name in ratios]
        for (x1, y1), (x2, y2) in zip(places, places[1:]):
            parts.append(_line(f"line c{number}", x1, y1, x2, y2))
    for index, (run, ratios) in enumerate(found):
        parts.append(_text("tick middle", str(index + 1), f"{x(index):.2f}%", height + 20))
        filled = "" if "AMD" in run["machine"]["cpu"] else " hollow"
        for name, value in ratios.items():
            hint = f"{name}: {value:.2f}x, {run['date'][:10]}, commit {run['commit'][:7]}, {run['machine']['cpu']}"
            parts.append(
                f'<circle class="c{names.index(name)}{filled}" cx="{x(index):.2f}%"'
                f' cy="{y(value):.1f}" r="5"><title>{html.escape(hint)}</title></circle>'
            )
    rows = "".join(
        f"<tr><td>{index + 1}</td><td>{run['date'][:10]}</td><td><code>{run['commit'][:7]}</code></td>"
        f"<td>{html.escape(run['machine']['cpu'])}</td>"
        + "".join(f"<td>{ratios[name]:.2f}x</td>" if name in ratios else "<td></td>" for name in names)
        + "</tr>"
        for index, (run, ratios) in enumerate(found)
    )
    head = "".join(f"<th>{html.escape(one)}</th>" for one in ("", "date", "commit", "machine", *names))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    caption = (
        "Each number below is a row set, in the order of measurement; the line at 1 is as fast as the other. Filled: AMD EPYC, hollow: Intel Xeon;"
        " ratios of different machines differ."
    )
    return _figure(parts, height + 28, names, caption) + table


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
