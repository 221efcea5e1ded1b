"""The figures of the report: SVG and PNG text, with the numbers that hovering reads out.

All that a figure says is drawn here; the page's script only adds read-outs.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from .content import Correlation, Projection
from .svg import (
    MINUS,
    Scale,
    axes,
    drawing,
    escape,
    number,
    png,
    polyline,
    shape,
    shortened,
    tick_label,
)

COLOURS = 10  # of the style sheet, k0 .. k9; further groups share a grey
_MOST_STEPS = 600  # of a curve; more than one step per pixel shows nothing more
_WIDTH, _HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 466, 36, 250
_MAP_SIZE, _MAP_MARGIN = np.array([640, 500]), 22

# Diverging colours, orange for -1 and blue for 1 (told apart in every colour blindness), each
# through a middle that is the page's own background.
_LIGHT = ((122, 58, 4), (224, 138, 52), (250, 250, 248), (74, 144, 200), (10, 52, 104))
_DARK = ((255, 214, 164), (222, 128, 40), (23, 26, 32), (52, 130, 196), (178, 222, 255))


@dataclasses.dataclass(frozen=True)
class Figure:
    """Markup, and the data that the script reads out."""

    markup: str
    data: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a chart: name, class of the style sheet, values."""

    name: str
    style: str
    values: Sequence[float | None]


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    labels: tuple[str, str],
    first_x: int = 0,
    log: bool = False,
    from_zero: bool = False,
    limit: tuple[float, str] | None = None,
) -> Figure:
    """Lines over first_x, first_x + 1, ...

    Args:
        lines: of any lengths; None, NaN, and on a logarithmic axis what is not positive, are gaps.
        title: what a screen reader says.
        labels: of the horizontal and of the vertical axis.
        first_x: of the first value.
        log: whether the axis is logarithmic.
        from_zero: whether the axis begins at zero.
        limit: a value with its name, drawn as a dashed line.
    """
    length = max(len(line.values) for line in lines)
    values = np.full((len(lines), length), np.nan)
    for row, line in zip(values, lines, strict=True):
        row[: len(line.values)] = [np.nan if v is None else v for v in line.values]
    values[~np.isfinite(values) | ((values <= 0) & log)] = np.nan
    if np.isnan(values).all():
        return Figure('<p class="empty">No finite value to draw.</p>')
    low = 0.0 if from_zero else float(np.nanmin(values))
    high = float(np.nanmax(values)) if limit is None else max(float(np.nanmax(values)), limit[0])
    if not log:
        pad = 0.04 * (high - low)
        low, high = low - (0 if from_zero else pad), high + pad
    # A chart of one step still has an axis.
    x = Scale((first_x, first_x + max(length - 1, 1)), (_LEFT, _RIGHT))
    y = Scale((low, high), (_BOTTOM, _TOP), log=log)
    parts = [axes(x, y, *labels)]
    if limit:
        at, name = y(limit[0]), limit[1]
        parts.append(shape("line", "limit", x1=_LEFT, x2=_RIGHT, y1=at, y2=at))
        parts.append(shape("text", "note end", name, x=_RIGHT, y=at + 16))
    places = np.unique(np.linspace(0, length - 1, min(length, _MOST_STEPS)).round().astype(int))
    xs, drawn = x(places + first_x), []
    for line, row in zip(lines, values[:, places], strict=True):
        ys = y(row)
        parts.append(f'<path class="curve {line.style}" d="{polyline(xs, ys)}"/>')
        known = np.flatnonzero(np.isfinite(ys))
        for end in sorted({*known[:1], *known[-1:]}):
            parts.append(shape("circle", f"end {line.style}", cx=xs[end], cy=ys[end], r=3.5))
        at = [None if np.isnan(v) else round(float(v), 1) for v in ys]
        texts = [number(float(v), 4) for v in row]
        drawn.append({"name": line.name, "at": at, "text": texts})
    data = {
        "kind": "lines",
        "x": [round(float(v), 1) for v in xs],
        "label": [f"{labels[0]} {place + first_x:,}" for place in places],
        "lines": drawn,
    }
    cursor = f'<g class="cursor" hidden="hidden"><line y1="{_TOP}" y2="{_BOTTOM}"/></g>'
    return Figure(drawing("chart", _WIDTH, _HEIGHT, title, *parts, cursor), data)


def heat_map(correlation: Correlation, name: str) -> Figure:
    """C as an image for each colour scheme; -1 to 1 on the same colours in every heat map."""
    quantised = np.clip(np.nan_to_num(correlation.picture), -1, 1) * 127
    pixels = (quantised.round() + 127).astype(np.uint8)
    description = (
        f"Cross-correlation matrix C {name}: mean of the diagonal {correlation.diagonal:.3f}, root"
        f" mean square off the diagonal {correlation.off_diagonal:.3f}"
    )
    data = {
        "kind": "heat",
        "shown": correlation.shown.tolist(),
        "values": base64.b64encode(pixels.tobytes()).decode(),
    }
    return Figure(_picture(pixels, description, style="heat"), data)


def colour_bar() -> str:
    """The scale of `heat_map`."""
    words = f"Colour scale: orange for {MINUS}1, background for 0, blue for 1"
    picture = _picture(np.arange(255, dtype=np.uint8)[None], words)
    return f'<div class="colour-bar"><span>{MINUS}1</span>{picture}<span>1</span></div>'


def scatter(projection: Projection) -> Figure:
    """The map of the nodes with a legend; groups beyond the colours are drawn as one."""
    points = np.asarray(projection.points, float)
    low, high = points.min(axis=0), points.max(axis=0)
    room, spread = _MAP_SIZE - 2 * _MAP_MARGIN, np.maximum(high - low, 1e-12)
    zoom = min(*(room / spread), room.max() / spread.max())
    placed = (points - (low + high) / 2) * zoom * (1, -1) + _MAP_SIZE / 2
    style, names, counts = _styles(projection)
    # In random order, so that no group lies on top of another as a whole.
    order = np.random.default_rng(0).permutation(len(points))
    radius = 3.4 if len(points) > 800 else 4.5
    circles = "".join(
        shape("circle", style[i], cx=placed[i, 0], cy=placed[i, 1], r=radius) for i in order
    )
    labels = ""
    for key, name in names.items() if len(names) > 1 else ():
        if key not in ("ku", "ko"):
            x, y = np.median(placed[style == key], axis=0)
            labels += shape("text", "group", shortened(name, 18), x=x, y=y + 5)
    buttons = "".join(
        f'<li><button type="button" class="{key}" aria-pressed="true" data-group="{key}">'
        f'<svg viewBox="0 0 12 12" aria-hidden="true"><circle class="{key}" cx="6" cy="6" r="5"/>'
        f"</svg><span>{escape(shortened(name, 60))}</span><b>{counts[key]:,}</b></button></li>"
        for key, name in names.items()
    )
    kind = "cluster" if projection.clustered else "class"
    plot = drawing(
        "scatter",
        *_MAP_SIZE,
        f"{len(points):,} nodes in the plane, coloured by {kind}",
        f'<g class="dots">{circles}</g><g class="groups">{labels}</g>'
        '<circle class="found" r="7" hidden="hidden"/>',
    )
    markup = (
        f'<div class="map">{plot}<ul class="legend" aria-label="Number of nodes of each {kind}">'
        f"{buttons}</ul></div>"
    )
    groups = [projection.group_names[g] if g >= 0 else "unknown" for g in projection.groups]
    data = {
        "kind": "scatter",
        "word": kind,
        "order": order.tolist(),
        "ids": [shortened(one, 60) for one in projection.node_ids],
        "groups": [shortened(one, 60) for one in groups],
    }
    return Figure(markup, data)


def dot_plot(rows: Sequence[tuple[str, float, float | None, Sequence[float]]], label: str) -> str:
    """One row per candidate: its mean in percent, a bar of one deviation, faint single values.

    Args:
        rows: name, mean, standard deviation or None, single values; the first row stands out.
        label: of the axis.
    """
    values = [v for _, mean, _, single in rows for v in (mean, *single) if np.isfinite(v)]
    low, high = min(values), max(values)
    pad = max(0.12 * (high - low), 0.005)
    domain = (max(0.0, 100 * (low - pad)), min(100.0, 100 * (high + pad)))
    x = Scale(domain, (_LEFT + 82, _RIGHT - 14))
    bottom = 30 + 40 * len(rows)
    parts = []
    for value in x.ticks():
        parts.append(shape("line", "grid", x1=x(value), x2=x(value), y1=14, y2=bottom - 12))
        parts.append(shape("text", "tick middle", tick_label(value), x=x(value), y=bottom + 8))
    for place, (name, mean, std, single) in enumerate(rows):
        if not np.isfinite(mean):
            continue
        y, style = 36 + 40 * place, "other" if place else "first"
        parts.append(shape("text", f"row end {style}", name, x=128, y=y + 4))
        for v in single[:50] if len(single) > 1 else ():
            if np.isfinite(v):
                parts.append(shape("circle", "single", cx=x(100 * v), cy=y, r=2.5))
        if std:
            start, end = np.clip(x([100 * (mean - std), 100 * (mean + std)]), *x.extent)
            parts.append(shape("line", f"spread {style}", x1=start, x2=end, y1=y, y2=y))
        at, words = x(100 * mean), f"{100 * mean:.1f}"
        parts.append(shape("circle", f"mean {style}", cx=at, cy=y, r=6))
        parts.append(shape("text", f"value middle {style}", words, x=at, y=y - 12))
    parts.append(shape("text", "label end", label, x=_RIGHT, y=bottom + 28))
    text = "; ".join(f"{name} {100 * mean:.1f} %" for name, mean, *_ in rows)
    return drawing("chart", _WIDTH, bottom + 36, f"{label}: {text}", *parts)


def _styles(projection: Projection) -> tuple[np.ndarray, dict[str, str], dict[str, int]]:
    """Class of the style sheet of each point; name and number of points of each class used."""
    groups = np.asarray(projection.groups)
    sizes = np.bincount(groups[groups >= 0], minlength=len(projection.group_names))
    coloured = present = np.flatnonzero(sizes)
    if len(present) > COLOURS:
        coloured = np.sort(present[np.argsort(-sizes[present], kind="stable")][: COLOURS - 1])
    style = np.where(groups < 0, "ku", "ko")
    names = {}
    for place, group in enumerate(coloured.tolist()):
        style[groups == group] = f"k{place}"
        names[f"k{place}"] = str(projection.group_names[group])
    names["ko"] = f"{len(present) - len(coloured)} other classes"
    names["ku"] = "unknown"
    counts = {key: int((style == key).sum()) for key in names}
    return style, {key: name for key, name in names.items() if counts[key]}, counts


def _picture(pixels: np.ndarray, words: str, style: str = "") -> str:
    """An image of each colour scheme: uint8 [height, width], 0 for -1, 254 for 1."""
    light, dark = (png(pixels, _palette(stops)) for stops in (_LIGHT, _DARK))
    height, width = pixels.shape
    of_class = f' class="{style}"' if style else ""
    return (
        f'<picture><source media="screen and (prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img{of_class} src="{light}" width="{width}" height="{height}" alt="{escape(words)}">'
        "</picture>"
    )


def _palette(stops) -> list[tuple[int, int, int]]:
    at = np.linspace(0, 254, len(stops))
    channels = [np.interp(np.arange(255), at, channel) for channel in zip(*stops, strict=True)]
    return [tuple(round(c) for c in colour) for colour in zip(*channels, strict=True)]
