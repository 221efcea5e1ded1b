"""The figures of the report: SVG and PNG text, with the numbers that hovering reads out.

A figure is its markup and, for the page's script, a dict of data (None where it has none). All
that a figure says is drawn here; the script only adds read-outs.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from .content import Correlation, Projection
from .svg import Scale, axes, escape, number, png, polyline, shortened, tick_label

COLOURS = 10  # of the style sheet, k0 .. k9; further groups share a grey
_MOST_STEPS = 600  # of a curve; more than one step per pixel shows nothing more
_WIDTH, _HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 466, 36, 250
_MAP_WIDTH, _MAP_HEIGHT, _MAP_MARGIN = 640, 500, 22

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
    first_x: int,
    x_label: str,
    y_label: str,
    log: bool = False,
    from_zero: bool = False,
    limit: tuple[float, str] | None = None,
) -> Figure:
    """Lines over first_x, first_x + 1, ...

    Args:
        lines: of any lengths; None, NaN, and on a logarithmic axis what is not positive, are gaps.
        title: what a screen reader says.
        first_x: of the first value.
        x_label: under the axis.
        y_label: above the axis.
        log: whether the axis is logarithmic.
        from_zero: whether the axis begins at zero.
        limit: a value with its name, drawn as a dashed line.
    """
    length = max(len(line.values) for line in lines)
    places = np.unique(np.linspace(0, length - 1, min(length, _MOST_STEPS)).round().astype(int))
    columns = []
    for line in lines:
        values = np.full(length, np.nan)
        values[: len(line.values)] = [np.nan if v is None else v for v in line.values]
        values[~np.isfinite(values) | ((values <= 0) & log)] = np.nan
        columns.append(values)
    finite = np.concatenate(columns)
    finite = finite[np.isfinite(finite)]
    if not len(finite):
        return Figure('<p class="empty">No finite value to draw.</p>')
    low, high = float(finite.min()), float(finite.max())
    if limit:
        high = max(high, limit[0])
    if from_zero:
        low = 0.0
    if not log:
        pad = 0.04 * (high - low)
        low, high = low - (0 if from_zero else pad), high + pad
    # A chart of one step still has an axis.
    x = Scale((first_x, first_x + max(length - 1, 1)), (_LEFT, _RIGHT))
    y = Scale((low, high), (_BOTTOM, _TOP), log=log)
    parts = [axes(x, y, x_label, y_label)]
    if limit:
        at = float(y(limit[0]))
        parts.append(
            f'<line class="limit" x1="{_LEFT}" x2="{_RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            f'<text class="note end" x="{_RIGHT}" y="{at + 16:.1f}">{escape(limit[1])}</text>'
        )
    xs = x(places + first_x)
    drawn = []
    for line, values in zip(lines, columns, strict=True):
        ys = y(values[places])
        parts.append(f'<path class="curve {line.style}" d="{polyline(xs, ys)}"/>')
        ends = np.flatnonzero(np.isfinite(ys))[[0, -1]] if np.isfinite(ys).any() else ()
        for place in dict.fromkeys(ends):
            parts.append(
                f'<circle class="end {line.style}" cx="{xs[place]:.1f}" cy="{ys[place]:.1f}"'
                ' r="3.5"/>'
            )
        drawn.append(
            {
                "name": line.name,
                "at": [None if np.isnan(v) else round(float(v), 1) for v in ys],
                "text": [number(float(v), 4) for v in values[places]],
            }
        )
    data = {
        "kind": "lines",
        "x": [round(float(v), 1) for v in xs],
        "label": [f"{x_label} {place + first_x:,}" for place in places],
        "lines": drawn,
    }
    markup = (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label='
        f'"{escape(title)}">{"".join(parts)}<g class="cursor" hidden="hidden">'
        f'<line y1="{_TOP}" y2="{_BOTTOM}"/></g></svg>'
    )
    return Figure(markup, data)


def heat_map(correlation: Correlation, name: str) -> Figure:
    """C as an image for each colour scheme; -1 to 1 on the same colours in every heat map."""
    quantised = np.clip(np.nan_to_num(correlation.picture), -1, 1) * 127
    pixels = (quantised.round() + 127).astype(np.uint8)
    light, dark = (png(pixels, _palette(stops)) for stops in (_LIGHT, _DARK))
    description = (
        f"Cross-correlation matrix C {name}: mean of the diagonal {correlation.diagonal:.3f}, root"
        f" mean square off the diagonal {correlation.off_diagonal:.3f}"
    )
    size = len(pixels)
    markup = (
        f'<picture><source media="screen and (prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img class="heat" src="{light}" width="{size}" height="{size}"'
        f' alt="{escape(description)}"></picture>'
    )
    data = {
        "kind": "heat",
        "shown": correlation.shown.tolist(),
        "values": base64.b64encode(pixels.tobytes()).decode(),
    }
    return Figure(markup, data)


def colour_bar() -> str:
    """The scale of `heat_map`."""
    light, dark = (
        png(np.arange(255, dtype=np.uint8)[None], _palette(stops)) for stops in (_LIGHT, _DARK)
    )
    return (
        '<div class="colour-bar"><span>&minus;1</span><picture>'
        f'<source media="screen and (prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img src="{light}" width="255" height="1" alt="Colour scale: orange for &minus;1,'
        ' background for 0, blue for 1"></picture><span>1</span></div>'
    )


def scatter(projection: Projection) -> Figure:
    """The map of the nodes with a legend; groups beyond the colours are drawn as one."""
    points = np.asarray(projection.points, float)
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array([_MAP_WIDTH, _MAP_HEIGHT]) - 2 * _MAP_MARGIN
    spread = np.maximum(high - low, 1e-12)
    zoom = min(room[axis] / spread[axis] for axis in (0, 1))
    zoom = min(zoom, room.max() / spread.max())
    centre = (low + high) / 2
    placed = (points - centre) * zoom * (1, -1) + np.array([_MAP_WIDTH, _MAP_HEIGHT]) / 2
    style, names, counts = _styles(projection)
    # In random order, so that no group lies on top of another as a whole.
    order = np.random.default_rng(0).permutation(len(points))
    radius = 3.4 if len(points) > 800 else 4.5
    circles = "".join(
        f'<circle class="{style[i]}" cx="{placed[i, 0]:.1f}" cy="{placed[i, 1]:.1f}" r="{radius}"/>'
        for i in order
    )
    labels = ""
    if len(names) > 1:
        for key, name in names.items():
            if key in ("ku", "ko"):
                continue
            x, y = np.median(placed[style == key], axis=0)
            labels += (
                f'<text class="group" x="{x:.1f}" y="{y + 5:.1f}">{escape(shortened(name, 18))}'
                "</text>"
            )
    buttons = "".join(
        f'<li><button type="button" class="{key}" aria-pressed="true" data-group="{key}">'
        f'<svg viewBox="0 0 12 12" aria-hidden="true"><circle class="{key}" cx="6" cy="6" r="5"/>'
        f"</svg><span>{escape(shortened(name, 60))}</span><b>{counts[key]:,}</b></button></li>"
        for key, name in names.items()
    )
    kind = "cluster" if projection.clustered else "class"
    markup = (
        f'<div class="map"><svg class="scatter" viewBox="0 0 {_MAP_WIDTH} {_MAP_HEIGHT}" role="img"'
        f' aria-label="{len(points):,} nodes in the plane, coloured by {kind}"><g class="dots">'
        f'{circles}</g><g class="groups">{labels}</g><circle class="found" r="7" hidden="hidden"/>'
        f'</svg><ul class="legend" aria-label="Number of nodes of each {kind}">{buttons}</ul></div>'
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
    values = [v for _, mean, std, single in rows for v in (mean, *single) if np.isfinite(v)]
    low, high = min(values), max(values)
    pad = max(0.12 * (high - low), 0.005)
    x = Scale(
        (max(0.0, 100 * (low - pad)), min(100.0, 100 * (high + pad))), (_LEFT + 82, _RIGHT - 14)
    )
    bottom = 30 + 40 * len(rows)
    parts = []
    for value in x.ticks():
        at = float(x(value))
        parts.append(
            f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="14" y2="{bottom - 12}"/>'
            f'<text class="tick middle" x="{at:.1f}" y="{bottom + 8}">{tick_label(value)}</text>'
        )
    for place, (name, mean, std, single) in enumerate(rows):
        y = 36 + 40 * place
        style = "first" if place == 0 else "other"
        if not np.isfinite(mean):
            continue
        at = float(x(100 * mean))
        parts.append(f'<text class="row end {style}" x="128" y="{y + 4}">{escape(name)}</text>')
        parts += [
            f'<circle class="single" cx="{float(x(100 * v)):.1f}" cy="{y}" r="2.5"/>'
            for v in single[:50]
            if len(single) > 1 and np.isfinite(v)
        ]
        if std:
            ends = [float(x(100 * (mean + sign * std))) for sign in (-1, 1)]
            ends = np.clip(ends, *x.extent)
            parts.append(
                f'<line class="spread {style}" x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{y}"'
                f' y2="{y}"/>'
            )
        parts.append(
            f'<circle class="mean {style}" cx="{at:.1f}" cy="{y}" r="6"/>'
            f'<text class="value middle {style}" x="{at:.1f}" y="{y - 12}">{100 * mean:.1f}</text>'
        )
    text = "; ".join(f"{name} {100 * mean:.1f} %" for name, mean, *_ in rows)
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {bottom + 36}" role="img" aria-label='
        f'"{escape(f"{label}: {text}")}">{"".join(parts)}<text class="label end" x="{_RIGHT}"'
        f' y="{bottom + 28}">{escape(label)}</text></svg>'
    )


def _styles(projection: Projection) -> tuple[np.ndarray, dict[str, str], dict[str, int]]:
    """Class of the style sheet of each point; name and number of points of each class used."""
    groups = np.asarray(projection.groups)
    known = groups[groups >= 0]
    sizes = np.bincount(known, minlength=len(projection.group_names))
    present = np.flatnonzero(sizes)
    coloured = present
    if len(present) > COLOURS:
        coloured = np.sort(present[np.argsort(-sizes[present], kind="stable")][: COLOURS - 1])
    style = np.full(len(groups), "ku", dtype="U2")
    style[groups >= 0] = "ko"
    names = {}
    for place, group in enumerate(coloured):
        style[groups == group] = f"k{place}"
        names[f"k{place}"] = str(projection.group_names[group])
    if len(present) > len(coloured):
        names["ko"] = f"{len(present) - len(coloured)} other classes"
    if (groups < 0).any():
        names["ku"] = "unknown"
    return style, names, {key: int((style == key).sum()) for key in names}


def _palette(stops) -> list[tuple[int, int, int]]:
    at = np.linspace(0, 254, len(stops))
    channels = [np.interp(np.arange(255), at, channel) for channel in zip(*stops, strict=True)]
    return [tuple(round(c) for c in colour) for colour in zip(*channels, strict=True)]
