"""The node sets and edge sets of a graph as a drawing: boxes, and lines between them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .svg import drawing, escape, number, shape, shortened

_WIDTH, _LINE = 720, 17
_BOX, _BOX_HEIGHT = 150, 46
_NAME = 20  # most characters of a name in a box
_FEW = 3  # other node sets
_MOST_LINES = 5  # edge sets listed between two node sets


def sets_drawing(sets: Mapping[str, Any]) -> str:
    """SVG: the target in the middle, the others around it.

    Args:
        sets: "target"; "node_sets", numbers of nodes by name; "edge_sets", by name source, target
            and number of edges, which may be None.
    """
    target, nodes, edges = (sets[key] for key in ("target", "node_sets", "edge_sets"))
    others = [name for name in nodes if name != target]
    height = 170 if not others else 330 if len(others) <= _FEW else 500
    places = _places(target, others, height)
    between: dict[tuple[str, str], list[str]] = {}
    for name, (source, end, count) in edges.items():
        first, second = sorted((source, end))
        size = "" if count is None else f" {number(count)}"
        between.setdefault((first, second), []).append(f"{name}{size}")
    lines, words = [], []
    for (first, second), names in between.items():
        (x1, y1), (x2, y2) = places[first], places[second]
        if first == second:
            top = y1 - _BOX_HEIGHT / 2
            path = f"M{x1 - 30:.0f} {top:.0f} C{x1 - 60:.0f} {top - 50:.0f}"
            path += f" {x1 + 60:.0f} {top - 50:.0f} {x1 + 30:.0f} {top:.0f}"
            lines.append(f'<path class="axis loop" d="{path}"/>')
            words += _listed(names, x1, top - 40 - _LINE * (min(len(names), _MOST_LINES) - 1))
        else:
            lines.append(shape("line", "axis", x1=x1, y1=y1, x2=x2, y2=y2))
            words += _listed(names, (x1 + x2) / 2, (y1 + y2) / 2 - _LINE * (len(names) - 1) / 2)
    boxes = []
    for name, (x, y) in places.items():
        left, top = x - _BOX / 2, y - _BOX_HEIGHT / 2
        boxes.append(
            shape("rect", "box", x=left, y=top, width=_BOX, height=_BOX_HEIGHT, rx=6)
            + shape(
                "text",
                "row middle first" if name == target else "row middle",
                shortened(name, _NAME),
                x=x,
                y=y - 4,
            )
            + shape("text", "tick middle", f"{number(nodes[name])} nodes", x=x, y=y + 14)
        )
    told = "; ".join(f"{name} from {source} to {end}" for name, (source, end, _) in edges.items())
    label = f"Node sets {', '.join(nodes)}; edge sets {told}"
    return drawing("chart", _WIDTH, height, label, *lines, *words, *boxes)


def _places(target: str, others: Sequence[str], height: int) -> dict[str, tuple[float, float]]:
    """Centres of the boxes."""
    few = len(others) <= _FEW  # below it: above is the room for edge sets within the target
    middle = _WIDTH / 2, 130 if few else height / 2
    depth = height - middle[1] - _BOX_HEIGHT / 2 - 10
    found = {target: middle}
    for place, name in enumerate(others):
        angle = math.pi * (place + 0.5) / len(others) * (1 if few else 2)
        x = middle[0] - (_WIDTH - _BOX - 20) / 2 * math.cos(angle)
        found[name] = x, middle[1] + depth * math.sin(angle)
    return found


def _listed(names: Sequence[str], x: float, y: float) -> list[str]:
    shown = list(names[:_MOST_LINES])
    if len(names) > _MOST_LINES:
        shown[-1] = f"and {len(names) - _MOST_LINES + 1} more"
    return [
        shape("text", "tick middle halo", shortened(one, 34), x=x, y=y + 4 + _LINE * place)
        for place, one in enumerate(shown)
    ]


def sets_table(sets: Mapping[str, Any]) -> str:
    """HTML: the same as a table."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(source)}</td><td>{escape(end)}</td>'
        f"<td>{number(count)}</td></tr>"
        for name, (source, end, count) in sets["edge_sets"].items()
    )
    return (
        '<div class="scroll"><table><thead><tr><th scope="col">edge set</th><th scope="col">from'
        '</th><th scope="col">to</th><th scope="col">edges</th></tr></thead><tbody>'
        f"{rows}</tbody></table></div>"
    )
