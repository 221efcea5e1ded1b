"""From TeX to MathML, which browsers set themselves: no script, and nothing to load."""

import html
import re

from latex2mathml.converter import convert

# As pymdownx.arithmatex writes them with ``generic: true``.
_MARKED = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>([,.;:)]*)', re.S)
_TAG = re.compile(r"\\tag\{(\w+)\}")


def set_all(page: str) -> str:
    """The page with all of its formulas set."""
    return _MARKED.sub(_set, page)


def _set(found) -> str:
    tex, display, sign = html.unescape(found[2]), found[1] == "div", found[3]
    tags = "".join(f'<span class="tag">({number})</span>' for number in _TAG.findall(tex))
    tex = _TAG.sub("", tex).strip()
    math = convert(tex.replace("{aligned}", "{align*}"), display="block" if display else "inline")
    # MathML Core has no columnalign; names stand apart, but for a bracket; bars of a norm keep
    # their size, and Greek capitals are upright.
    math = re.sub(r' columnalign="(\w+)"', r' style="text-align: \1"', math)
    math = re.sub(r"<m[io]>([a-z]{2,})</m[io]>(?=(<mo[^>]*>&#x00028;)?)", _name, math)
    math = math.replace("<mo>&#x02016;</mo>", '<mo stretchy="false">&#x02016;</mo>')
    math = re.sub(
        r"<mi>(&#x003(?:9[1-9A-F]|A[0-9]);)</mi>", r'<mi mathvariant="normal">\1</mi>', math
    )
    math = math.replace("<math ", f'<math aria-label="{html.escape(tex)}" ', 1)
    if display:
        return f'<div class="formula">{math}{tags}</div>{sign}'
    # A comma does not begin a line.
    return f'<span class="inline">{math}{sign}</span>' if sign else math


def _name(found):
    right = "0" if found[2] else "0.17em"
    return f'<mo lspace="0.1em" rspace="{right}">{found[1]}</mo>'
