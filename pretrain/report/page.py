"""The report's page: sections in words around the figures, one file with style and script inside.

The page forbids itself everything but its own style, its own script (by their digests) and data
URIs, so that even markup smuggled into a name could neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
from typing import Any

from .content import ReportContent
from .figures import Figure, Line, colour_bar, heat_map, line_chart, scatter
from .sections import configuration, evaluation, facts, headline, short_name
from .svg import escape, number

# Read on import: a package without them fails at once.
_FILES = importlib.resources.files(__package__)
_STYLE = _FILES.joinpath("page.css").read_text("utf-8")
_SCRIPT = _FILES.joinpath("page.js").read_text("utf-8")


def page(content: ReportContent) -> str:
    """The HTML of the report."""
    figures: dict[str, Any] = {}
    metrics = content.metrics
    body = "".join(
        (
            _masthead(content),
            "<main>",
            _section("Does it help?", evaluation(metrics)),
            _section("Where the nodes lie", _map(content, figures)),
            _section("How training went", _curves(content, figures)),
            _section("What the loss drives to the identity", _correlations(content, figures)),
            _section("How many directions are in use", _spectrum(content, figures)),
            _section("How it was made", configuration(content)),
            "</main>",
        )
    )
    # "<" cannot end the script element where it is not written.
    data = json.dumps(figures, allow_nan=False).replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(_STYLE)}'; script-src"
        f" '{_digest(_SCRIPT)}'; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(short_name(metrics['dataset']))} · Graph Barlow Twins</title>\n"
        f'<link rel="icon" href="data:,">\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n'
        "<footer>Written by graph-barlow-twins"
        f" {escape(content.versions.get('graph-barlow-twins', ''))}. This file loads nothing from"
        " anywhere; it can be sent as it is.</footer>\n"
        f'<script type="application/json" id="figures">{data}</script>\n'
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _masthead(content: ReportContent) -> str:
    return (
        '<header class="masthead"><p class="kicker">Graph Barlow Twins · node embeddings</p>'
        f"<h1>{escape(short_name(content.metrics['dataset']))}</h1>{headline(content)}"
        f"{facts(content)}</header>"
    )


def _section(title: str, body: str) -> str:
    name = title.lower().replace(" ", "-").replace("?", "")
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{body}</section>'


def _figure(
    name: str,
    figure: Figure,
    caption: str,
    figures: dict,
    *,
    before: str = "",
    style: str = "plain",
) -> str:
    if figure.data is not None:
        figures[name] = figure.data
    return (
        f'<figure id="{name}" class="{style}">{before}{figure.markup}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _map(content: ReportContent, figures: dict) -> str:
    projection = content.projection
    if projection is None:
        return '<p class="empty">No map was drawn.</p>'
    shown = len(projection.points)
    number_shown = (
        f"All {shown:,} nodes."
        if shown == projection.num_nodes
        else f"A sample of {shown:,} of the {projection.num_nodes:,} nodes,"
        " every group by its share."
    )
    colours = (
        "There are no labels; the colours are clusters found by k-means in the embeddings, so they"
        " show structure but prove nothing."
        if projection.clustered
        else "The encoder has never seen these labels: colours that keep together are structure"
        " that it found by itself."
    )
    caption = (
        f"<strong>How to read it.</strong> Each dot is a node; near dots have similar embeddings. "
        f"{colours} Distances between far groups, and their sizes, mean little in such a map."
        f" {number_shown} Method: {escape(projection.method)}, of embeddings scaled to length 1."
    )
    intro = "<p>The embeddings, flattened to two dimensions.</p>"
    return intro + _figure("map", scatter(projection), caption, figures)


def _curves(content: ReportContent, figures: dict) -> str:
    metrics = content.metrics
    curves = metrics["curves"]
    parts = []
    loss = curves.get("loss") or []
    finite = [v for v in loss if v is not None and v > 0]
    log = len(finite) == len(loss) > 0 and max(finite) > 20 * min(finite)
    if loss:
        figure = line_chart(
            [Line("loss", "main", loss)],
            title=f"Loss, from {number(loss[0], 4)} to {number(loss[-1], 4)} in {len(loss)} steps",
            first_x=0,
            x_label="step",
            y_label="loss (logarithmic)" if log else "loss",
            log=log,
        )
        caption = (
            f"<strong>The loss</strong> went from {number(loss[0], 4)} to {number(loss[-1], 4)}. It"
            " should fall, fast at first. It need not level off. Jumps are usual: every step draws"
            " new views."
        )
        parts.append(_figure("loss", figure, caption, figures))
    rank = curves.get("rankme") or []
    if rank:
        cap = (curves.get("rankme_cap") or [metrics["dimension"]])[-1]
        figure = line_chart(
            [Line("RankMe", "main", rank)],
            title=f"RankMe after {len(rank)} steps: {number(rank[-1], 4)} of {number(cap)}",
            first_x=0,
            x_label="step",
            y_label="RankMe",
            from_zero=True,
            limit=(cap, f"most that is possible: {number(cap)}") if cap else None,
        )
        caption = (
            f"<strong>RankMe</strong> counts the directions that the embeddings use, softly. Near"
            f" {number(cap)}, all dimensions carry something of their own; near 1, everything has"
            f" collapsed onto one line.{_scaled_columns(content)}"
        )
        parts.append(_figure("rankme", figure, caption, figures))
    first = metrics.get("resumed_at_step") or 0
    resumed = f" The run was interrupted and went on at step {first:,}." if first else ""
    sampled = content.configuration.get("fan_out")
    seen = "a batch of sampled subgraphs" if sampled else "the whole graph"
    intro = (
        f"<p>The loss of each step over {seen}, and RankMe of every tenth, kept in between."
        f"{resumed}</p>"
    )
    if not parts:
        return '<p class="empty">No curves were recorded.</p>'
    return f'{intro}<div class="pair">{"".join(parts)}</div>'


def _correlations(content: ReportContent, figures: dict) -> str:
    if content.correlations is None:
        return '<p class="empty">C was not computed for this run.</p>'
    parts = []
    for name, words, one in zip(
        ("c-start", "c-end"), ("before training", "after training"), content.correlations,
        strict=True,
    ):  # fmt: skip
        figure = heat_map(one, words)
        figures[name] = figure.data
        parts.append(
            f'<div id="{name}"><h3>C {words}</h3>{figure.markup}<p>mean of the diagonal'
            f" <b>{number(one.diagonal)}</b> (should be 1)<br>RMS off the diagonal"
            f" <b>{number(one.off_diagonal)}</b> (should be 0)</p></div>"
        )
    one = content.correlations[1]
    shown, D = len(one.shown), one.dimension
    selection = (
        f"All {D:,} features are shown."
        if shown == D
        else f"Shown are {shown:,} of the {D:,} features, evenly spaced, every value as it is; the"
        f" two numbers are of all {D:,}."
    )
    intro = (
        "<p>Two corrupted views of the graph go through the encoder. C<sub>ij</sub> is the"
        " correlation, over the nodes, of feature i in the first view with feature j in the"
        " second.</p>"
    )
    caption = (
        "<strong>How to read it.</strong> C should be the identity: a strong diagonal means that a"
        " feature survives the corruption, a blank rest means that no two features say the same."
        f" Both pictures use the draws of step 0 and one colour scale. {selection}"
    )
    return (
        f'{intro}<figure><div class="heats">{"".join(parts)}</div>{colour_bar()}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _spectrum(content: ReportContent, figures: dict) -> str:
    spectrum = content.spectrum
    if spectrum is None:
        return '<p class="empty">No spectrum was computed.</p>'
    series = []
    for name, style, values in (
        ("trained", "main", spectrum.trained),
        ("untrained", "other", spectrum.untrained),
    ):
        largest = float(max(values, default=0.0))
        # Below float32's rounding there is only noise.
        relative = [float(v) / largest if largest and v > 1e-7 * largest else None for v in values]
        series.append(Line(name, style, relative))
    figure = line_chart(
        series,
        title="Singular values of trained and untrained embeddings, largest first",
        first_x=1,
        x_label="number",
        y_label="singular value / largest (logarithmic)",
        log=True,
    )
    key = (
        '<ul class="key"><li><svg viewBox="0 0 30 10" aria-hidden="true"><path class="curve main"'
        ' d="M1 5H29"/></svg>trained</li><li><svg viewBox="0 0 30 10" aria-hidden="true"><path'
        ' class="curve other" d="M1 5H29"/></svg>untrained</li></ul>'
    )
    rows = spectrum.num_rows
    sample = "" if rows == content.metrics["nodes"] else f" Of a sample of {rows:,} nodes."
    caption = (
        "<strong>How to read it.</strong> A flat line means that all directions are used alike. A"
        " steep fall means that a few directions carry everything and the rest of the width is"
        " unused. Values under 10⁻⁷ of the largest are left out."
        f"{_scaled_columns(content)}{sample}"
    )
    intro = (
        "<p>Singular values of the embeddings, each as a share of the largest, beside those of the"
        " same encoder before training.</p>"
    )
    return intro + _figure("spectrum", figure, caption, figures, before=key, style="side")


def _scaled_columns(content: ReportContent) -> str:
    """What the linear encoder does to singular values, in a sentence; empty for others."""
    if content.metrics.get("encoder") != "linear":
        return ""
    return (
        " The linear encoder gives its columns the scale of the singular values that it started"
        " from: some fall is built in, so compare with the start."
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
