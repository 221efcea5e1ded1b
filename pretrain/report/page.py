"""The report's page: sections in words around the figures, one file with style and script inside.

The page forbids itself everything but its own style, its own script (by their digests) and data
URIs, so that even markup smuggled into a name could neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import json
from pathlib import Path
from typing import Any

from ..config.defaults import CLOSED_FORM, NO_TRAINING
from ..output.replace import replacing
from .channels import channel_lines
from .content import ReportContent
from .figures import Figure, Line, colour_bar, heat_map, line_chart, scatter
from .sections import HOW_TO_READ, configuration, evaluation, facts, headline, short_name
from .sets import sets_drawing, sets_table
from .svg import escape, number

# Read on import: a package without them fails at once.
_FILES = importlib.resources.files(__package__)
_STYLE = _FILES.joinpath("page.css").read_text("utf-8")
_SCRIPT = _FILES.joinpath("page.js").read_text("utf-8")


def write_report(path: Path, content: ReportContent) -> None:
    """Writes the report, whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    text = page(content)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")


def page(content: ReportContent) -> str:
    """The HTML of the report."""
    figures: dict[str, Any] = {}  # what the script reads out of each
    sections = {
        "Does it help?": evaluation(content.metrics),
        "What the graph is made of": _sets(content),
        "What was chosen": _chosen(content),
        "Where the nodes lie": _map(content, figures),
        "How training went": _curves(content, figures),
        "What the loss drives to the identity": _correlations(content, figures),
        "How many directions are in use": _spectra(content, figures),
        "How it was made": configuration(content),
    }
    body = "".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{section}</section>'
        for title, section in sections.items()
        if section
        for name in [title.lower().replace(" ", "-").replace("?", "")]
    )
    name = escape(short_name(content.metrics["dataset"]))
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
        f"<title>{name} · Graph Barlow Twins</title>\n"
        f'<link rel="icon" href="data:,">\n<style>{_STYLE}</style>\n</head>\n<body>\n'
        '<header class="masthead"><p class="kicker">Graph Barlow Twins · node embeddings</p>'
        f"<h1>{name}</h1>{headline(content)}{facts(content)}</header><main>{body}</main>\n"
        "<footer>Written by graph-barlow-twins"
        f" {escape(content.versions.get('graph-barlow-twins', ''))}. This file loads nothing from"
        " anywhere; it can be sent as it is.</footer>\n"
        f'<script type="application/json" id="figures">{data}</script>\n'
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _empty(words: str) -> str:
    return f'<p class="empty">{words}</p>'


def _figure(
    figures: dict, name: str, figure: Figure, caption: str, *, key: str = "", style: str = "plain"
) -> str:
    if figure.data is not None:
        figures[name] = figure.data
    return (
        f'<figure id="{name}" class="{style}">{key}{figure.markup}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _chosen(content: ReportContent) -> str:
    """What was measured of the graph, and the encoder and channels that follow from it."""
    options = {**content.configuration, **content.metrics}
    lines = channel_lines(options)
    if not lines:
        return _empty("Nothing is known of the choice.")
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _sets(content: ReportContent) -> str:
    """Node sets and edge sets of a schema; nothing of another graph."""
    sets = content.metrics.get("sets")
    if not sets:
        return ""
    caption = (
        f"{HOW_TO_READ} Each box is a node set, each line stands for the edge sets between two of"
        f" them. Embeddings are of the nodes of <strong>{escape(sets['target'])}</strong>, in the"
        " middle."
    )
    return f"<figure>{sets_drawing(sets)}<figcaption>{caption}</figcaption></figure>" + sets_table(
        sets
    )


def _map(content: ReportContent, figures: dict) -> str:
    projection = content.projection
    if projection is None:
        return _empty("No map was drawn.")
    shown, N = len(projection.points), projection.num_nodes
    all_or_some = (
        f"All {N:,} nodes."
        if shown == N
        else f"A sample of {shown:,} of the {N:,} nodes, every group by its share."
    )
    why = "A node may have several labels" if content.class_names else "There are no labels"
    colours = (
        f"{why}; the colours are clusters found by k-means in the embeddings, so they"
        " show structure but prove nothing."
        if projection.clustered
        else "The encoder has never seen these labels: colours that keep together are structure"
        " that it found by itself."
    )
    caption = (
        f"{HOW_TO_READ} Each dot is a node; near dots have similar embeddings. {colours} Distances"
        " between far groups, and their sizes, mean little in such a map."
        f" {all_or_some} Method: {escape(projection.method)}, of embeddings scaled to length 1."
    )
    intro = "<p>The embeddings, flattened to two dimensions.</p>"
    return intro + _figure(figures, "map", scatter(projection), caption)


def _curves(content: ReportContent, figures: dict) -> str:
    metrics = content.metrics
    loss, rank, caps = (metrics["curves"].get(k) or [] for k in ("loss", "rankme", "rankme_cap"))
    if metrics.get("training") == NO_TRAINING:
        return _empty("The encoder was not trained.")
    if metrics.get("training") == CLOSED_FORM:
        before, after = (number(value, 4) for value in loss)
        return (
            "<p>The encoder was trained without steps, by one linear system. The loss of the"
            f" expected correlation of two views went from {before} to {after}.</p>"
        )
    parts = []
    if loss:
        finite = [v for v in loss if v is not None and v > 0]
        log = len(finite) == len(loss) and max(finite) > 20 * min(finite)
        first, last = number(loss[0], 4), number(loss[-1], 4)
        figure = line_chart(
            [Line("loss", "main", loss)],
            title=f"Loss, from {first} to {last} in {len(loss)} steps",
            labels=("step", "loss (logarithmic)" if log else "loss"),
            log=log,
        )
        caption = (
            f"<strong>The loss</strong> went from {first} to {last}. It should fall, fast at first."
            " It need not level off. Jumps are usual: every step draws new views."
        )
        parts.append(_figure(figures, "loss", figure, caption))
    if rank:
        cap = (caps or [metrics["dimension"]])[-1]
        figure = line_chart(
            [Line("RankMe", "main", rank)],
            title=f"RankMe after {len(rank)} steps: {number(rank[-1], 4)} of {number(cap)}",
            labels=("step", "RankMe"),
            from_zero=True,
            limit=(cap, f"most that is possible: {number(cap)}") if cap else None,
        )
        caption = (
            f"<strong>RankMe</strong> counts the directions that the embeddings use, softly. Near"
            f" {number(cap)}, all dimensions carry something of their own; near 1, everything has"
            f" collapsed onto one line.{_scaled_columns(content)}"
        )
        parts.append(_figure(figures, "rankme", figure, caption))
    if not parts:
        return _empty("No curves were recorded.")
    step = metrics.get("resumed_at_step") or 0
    resumed = f" The run was interrupted and went on at step {step:,}." if step else ""
    sampled = content.configuration.get("fan_out")
    seen = "a batch of sampled subgraphs" if sampled else "the whole graph"
    return (
        f"<p>The loss of each step over {seen}, and RankMe of every tenth, kept in between."
        f'{resumed}</p><div class="pair">{"".join(parts)}</div>'
    )


def _correlations(content: ReportContent, figures: dict) -> str:
    correlations = content.correlations
    if correlations is None:
        return _empty("C was not computed for this run.")
    parts = ""
    names = (("c-start", "before training"), ("c-end", "after training"))
    for (name, words), one in zip(names, correlations, strict=True):
        figure = heat_map(one, words)
        figures[name] = figure.data
        parts += (
            f'<div id="{name}"><h3>C {words}</h3>{figure.markup}<p>mean of the diagonal'
            f" <b>{number(one.diagonal)}</b> (should be 1)<br>RMS off the diagonal"
            f" <b>{number(one.off_diagonal)}</b> (should be 0)</p></div>"
        )
    shown, D = len(correlations[1].shown), correlations[1].dimension
    selection = (
        f"All {D:,} features are shown."
        if shown == D
        else f"Shown are {shown:,} of the {D:,} features, evenly spaced, every value as it is; the"
        f" two numbers are of all {D:,}."
    )
    return (
        "<p>Two corrupted views of the graph go through the encoder. C<sub>ij</sub> is the"
        " correlation, over the nodes, of feature i in the first view with feature j in the"
        f' second.</p><figure><div class="heats">{parts}</div>{colour_bar()}<figcaption>'
        f"{HOW_TO_READ} C should be the identity: a strong diagonal means that a feature survives"
        " the corruption, a blank rest means that no two features say the same. Both pictures use"
        f" the draws of step 0 and one colour scale. {selection}</figcaption></figure>"
    )


def _spectra(content: ReportContent, figures: dict) -> str:
    spectra = content.spectra
    if spectra is None:
        return _empty("No spectrum was computed.")
    lines, key = [], ""
    for name, style in (("trained", "main"), ("untrained", "other")):
        values = getattr(spectra, name)
        largest = float(max(values, default=0.0))
        # Below float32's rounding there is only noise.
        relative = [float(v) / largest if largest and v > 1e-7 * largest else None for v in values]
        lines.append(Line(name, style, relative))
        key += (
            f'<li><svg viewBox="0 0 30 10" aria-hidden="true"><path class="curve {style}"'
            f' d="M1 5H29"/></svg>{name}</li>'
        )
    figure = line_chart(
        lines,
        title="Singular values of trained and untrained embeddings, largest first",
        labels=("number", "singular value / largest (logarithmic)"),
        first_x=1,
        log=True,
    )
    rows = spectra.num_rows
    sample = "" if rows == content.metrics["nodes"] else f" Of a sample of {rows:,} nodes."
    caption = (
        f"{HOW_TO_READ} A flat line means that all directions are used alike. A steep fall means"
        " that a few directions carry everything and the rest of the width is unused. Values under"
        f" 10⁻⁷ of the largest are left out.{_scaled_columns(content)}{sample}"
    )
    key = f'<ul class="key">{key}</ul>'
    return (
        "<p>Singular values of the embeddings, each as a share of the largest, beside those of the"
        " same encoder before training.</p>"
        + _figure(figures, "spectrum", figure, caption, key=key, style="side")
    )


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
