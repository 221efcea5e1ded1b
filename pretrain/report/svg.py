"""Pieces of SVG and HTML text: escaping, numbers, axes, small PNG images.

Colours come from the page's style sheet through class names, so one drawing serves the light and
the dark scheme.
"""

from __future__ import annotations

import base64
import html
import math
import re
import struct
import zlib
from collections.abc import Sequence

import numpy as np

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
# What no HTML or XML may hold, and what turns the direction of the text around it.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape(text: object) -> str:
    """Text for element content or a quoted attribute; unprintable characters become U+FFFD.

    >>> escape('<b a="1">')
    '&lt;b a=&quot;1&quot;&gt;'
    """
    return html.escape(_UNPRINTABLE.sub("\ufffd", str(text)), quote=True)


def shortened(text: object, length: int) -> str:
    """The text, its middle left out where it is longer (not escaped)."""
    text = str(text)
    if len(text) <= length:
        return text
    half = (length - 1) // 2
    return f"{text[: length - 1 - half]}…{text[-half:]}"


def number(value: float | None, digits: int = 3) -> str:
    """For people: thin thousands, about `digits` significant digits, a dash for nothing or NaN.

    >>> number(12535), number(0.01234), number(83.4)
    ('12,535', '0.0123', '83.4')
    """
    if value is None or not math.isfinite(value):
        return DASH
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace("-", MINUS)
    if 1e-3 <= abs(value) < 1e6:
        decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
        return f"{value:,.{decimals}f}".replace("-", MINUS)
    return f"{value:.{digits}g}".replace("-", MINUS)


class Scale:
    """Maps numbers of a domain to coordinates, linearly or by logarithm."""

    def __init__(
        self, domain: tuple[float, float], extent: tuple[float, float], *, log: bool = False
    ):
        low, high = domain
        if not high > low:
            low, high = (low / 2, low * 2 or 1.0) if log else (low - 0.5, high + 0.5)
        self.domain, self.extent, self.log = (low, high), extent, log

    def __call__(self, value):
        """Coordinate of a number or array."""
        (low, high), (start, end) = self.domain, self.extent
        value = np.asarray(value, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.log:
                share = np.log(value / low) / math.log(high / low)
            else:
                share = (value - low) / (high - low)
        return start + share * (end - start)

    def ticks(self) -> list[float]:
        """About five round numbers inside the domain; of a long logarithmic one, powers of ten.

        >>> Scale((0, 1), (0, 100)).ticks()
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
        """
        low, high = self.domain
        if not self.log or high / low < 30:
            raw = (high - low) / 5
            power = 10.0 ** math.floor(math.log10(raw))
            step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            return [float(f"{index * step:.12g}") for index in range(first, last + 1)]
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if last - first < 3:
            values = [m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5)]
            return [value for value in values if low * 0.999 <= value <= high * 1.001]
        return [10.0**power for power in range(first, last + 1, math.ceil((last - first + 1) / 6))]


def tick_label(value: float) -> str:
    """Of a tick: plain, or a power of ten where that is long."""
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        mantissa, exponent = f"{value:.2e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return ("" if mantissa == "1" else f"{mantissa}·") + f"10{superscript}"
    return f"{value:,.6g}".replace("-", MINUS)


def shape(kind: str, style: str, text: str | None = None, **places: float) -> str:
    """An SVG element: class of the style sheet, text, whole numbers as they are, others to a tenth.

    >>> shape("text", "tick", "a < b", x=4, y=0.25)
    '<text class="tick" x="4" y="0.2">a &lt; b</text>'
    """
    attributes = "".join(
        f' {name}="{at if isinstance(at, int) else format(at, ".1f")}"'
        for name, at in places.items()
    )
    end = "/>" if text is None else f">{escape(text)}</{kind}>"
    return f'<{kind} class="{style}"{attributes}{end}'


def drawing(style: str, width: int, height: int, title: str, *parts: str) -> str:
    """An SVG image of parts; the title is what a screen reader says."""
    return (
        f'<svg class="{style}" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def polyline(xs: np.ndarray, ys: np.ndarray) -> str:
    """The ``d`` of a path through the points; NaN and infinity make gaps."""
    d, pen = "", "M"
    for x, y in zip(xs, ys, strict=True):
        drawn = math.isfinite(x) and math.isfinite(y)
        d += f"{pen}{x:.1f} {y:.1f}" if drawn else ""
        pen = "L" if drawn else "M"
    return d


def axes(x: Scale, y: Scale, x_label: str, y_label: str) -> str:
    """Grid lines, tick labels and the names of both axes."""
    (left, right), (bottom, top) = x.extent, y.extent
    parts = []
    for value in y.ticks():
        at = y(value)
        parts.append(shape("line", "grid", x1=left, x2=right, y1=at, y2=at))
        parts.append(shape("text", "tick end", tick_label(value), x=left - 8, y=at + 4))
    for value in x.ticks():
        parts.append(shape("text", "tick middle", tick_label(value), x=x(value), y=bottom + 20))
    return "".join(
        [
            *parts,
            shape("line", "axis", x1=left, x2=right, y1=bottom, y2=bottom),
            shape("text", "label end", x_label, x=right, y=bottom + 40),
            shape("text", "label", y_label, x=left, y=top - 12),
        ]
    )


def png(pixels: np.ndarray, palette: Sequence[tuple[int, int, int]]) -> str:
    """A data URI of an image: uint8 [height, width] of places in the palette (at most 256).

    Source of the format: RFC 2083.
    """
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter, 0: none
    rows[:, 1:] = pixels
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(channel for colour in palette for channel in colour)),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    ]
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        content += struct.pack(">I", len(body)) + kind + body
        content += struct.pack(">I", zlib.crc32(kind + body))
    return "data:image/png;base64," + base64.b64encode(content).decode()
