"""The report's words and tables: headline, evaluation, configuration, versions, seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ..evaluation.evaluate import MEASURES
from .content import ReportContent
from .figures import dot_plot
from .svg import DASH, escape, number, shortened

_EXPLANATIONS = {
    "linear_probe": "share of held-out nodes whose class a logistic regression on the embeddings"
    " gets right",
    "knn_probe": "the same, by a vote of the most similar nodes",
    "nmi": "how far k-means clusters agree with the classes; 0 is chance, 100 full agreement",
    "ari": "the same by pairs of nodes, corrected for chance",
    "link_auc": "how well held-out links are told from pairs without a link; 50 is chance",
    "link_ap": "the same as average precision",
}
_PHASES = ("loading", "training", "evaluation", "export", "report")


def short_name(dataset: str) -> str:
    """The data set, of a file its last part: a heading has no room for a path."""
    _, colon, rest = str(dataset).partition(":")
    return PurePath(rest).name or str(dataset) if colon and "/" in rest else str(dataset)


def accuracies(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """``{candidate: {mean, std, values}}`` of the linear probe, the trained encoder first."""
    probes = metrics.get("probe") or {}
    found = {}
    for name, probe in probes.items():
        if probe.get("accuracy") is not None:
            values = [v for v in probe.get("split_accuracies") or () if v is not None]
            found[name] = {"mean": probe["accuracy"], "std": probe.get("std"), "values": values}
    return found


def headline(content: ReportContent) -> str:
    """Two sentences for somebody who has never heard of it."""
    metrics = content.metrics
    D, F = metrics["dimension"], metrics["features"]
    learnt = (
        f"From the graph's links and {number(F)} feature{'s' * (F != 1)} per node, and without a"
        f" single label, an encoder learnt to describe every node by {number(D)}"
        f" number{'s' * (D != 1)}."
    )
    rows = accuracies(metrics)
    if len(rows) < 2:
        rank = number(metrics.get("rankme"))
        judged = (
            "There are no labels to test it with. By RankMe the embeddings use about"
            f" <strong>{rank} of {number(D)}</strong> directions; the map below shows the groups"
            " that they form."
        )
        return f'<p class="lead">{learnt}</p><p class="lead">{judged}</p>'
    (_, own), *others = rows.items()
    best, other = max(others, key=lambda item: item[1]["mean"])
    gain = 100 * (own["mean"] - other["mean"])
    classes = f"the right one of {len(content.class_names):,} classes" * bool(content.class_names)
    read = (
        f" A plain linear classifier reads {classes or 'the class'} from them for"
        f" <strong>{100 * own['mean']:.1f} %</strong> of the nodes that it was not shown."
    )
    spread = 100 * (own["std"] or 0.0)
    if abs(gain) < max(spread, 0.05):
        verdict = f"The trained encoder is level with the best baseline, {escape(best)}" + (
            f": a difference of {number(abs(gain), 2)} percentage points is within one standard"
            " deviation."
            if spread
            else "."
        )
    else:
        side = "above" if gain > 0 else "below"
        verdict = (
            f"The trained encoder is {abs(gain):.1f} percentage points {side} the best baseline,"
            f" {escape(best)}."
        )
    listed = ", ".join(f"{escape(name)} {100 * row['mean']:.1f} %" for name, row in others)
    return (
        f'<p class="lead">{learnt}{read}</p><p class="lead">The same classifier on the baselines:'
        f" {listed}. {verdict}</p>"
    )


def facts(content: ReportContent) -> str:
    """The run in a few numbers."""
    metrics = content.metrics
    rows = accuracies(metrics)
    entries = [
        ("nodes", number(metrics["nodes"]), ""),
        ("directed edges", number(metrics["edges"]), ""),
    ]
    if content.class_names:
        entries.append(("classes", number(len(content.class_names)), ""))
    if rows:
        own = next(iter(rows.values()))
        spread = f" ± {100 * own['std']:.1f}" if own["std"] is not None else ""
        entries.append(("accuracy", f"{100 * own['mean']:.1f} %", spread))
    entries.append(("RankMe", number(metrics.get("rankme")), f" of {number(metrics['dimension'])}"))
    entries.append(("steps", number(len(metrics["curves"].get("loss") or ())), ""))
    entries.append(("seconds in all", number(metrics["seconds"].get("total")), ""))
    cells = "".join(
        f"<div><dt>{label}</dt><dd>{value}<small>{more}</small></dd></div>"
        for label, value, more in entries
    )
    return f'<dl class="facts">{cells}</dl>'


def evaluation(metrics: Mapping[str, Any]) -> str:
    """The table of all measures, and the linear probe as a picture."""
    table = metrics.get("evaluation") or {
        name: {"linear_probe": row} for name, row in accuracies(metrics).items()
    }
    table = {name: row for name, row in table.items() if row}
    if not table:
        return (
            "<p>The graph has no labels, and no links were held out, so there is nothing to score"
            " the embeddings with. Labels in the data set, or <code>--hold-out-edges</code>, give"
            " this section its numbers.</p>"
        )
    used = {key for row in table.values() for key in row}
    keys = [key for key in MEASURES if key in used] + sorted(used - set(MEASURES))
    best = {
        key: max((row[key]["mean"] for row in table.values() if _known(row.get(key))), default=None)
        for key in keys
    }
    head = "".join(f'<th scope="col">{escape(MEASURES.get(key, key))}</th>' for key in keys)
    body = ""
    for place, (name, row) in enumerate(table.items()):
        cells = "".join(_cell(row.get(key), best[key]) for key in keys)
        ours = ' class="ours"' * (place == 0)
        body += f'<tr{ours}><th scope="row">{escape(name)}</th>{cells}</tr>'
    protocol = next((p["protocol"] for p in (metrics.get("probe") or {}).values()), None)
    caption = "In percent; ± one standard deviation." + (
        f" Linear probe: {escape(protocol)}." if protocol else ""
    )
    explained = "".join(
        f"<dt>{escape(MEASURES[key])}</dt><dd>{_EXPLANATIONS[key]}</dd>"
        for key in keys
        if key in _EXPLANATIONS
    )
    markup = (
        f'<div class="card below"><p class="note" id="protocol">{caption}</p><div class="scroll">'
        '<table aria-describedby="protocol"><thead>'
        f'<tr><th scope="col">embedding</th>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        "</div>"
    )
    rows = accuracies(metrics)
    picture = ""
    if rows:
        plot = dot_plot(
            [(name, row["mean"], row["std"], row["values"]) for name, row in rows.items()],
            "accuracy of the linear probe, %",
        )
        picture = (
            f'<figure id="accuracy">{plot}<figcaption><strong>How to read it.</strong> Further'
            " right is better; faint dots are single folds or splits, bars one standard deviation."
            " The axis does not begin at zero.</figcaption></figure>"
        )
    intro = (
        "<p>The embeddings are frozen and judged beside three baselines: the raw features, their"
        " principal components, and the same encoder before its training.</p>"
    )
    measures = f'<div class="card"><dl class="measures">{explained}</dl></div>'
    return f'{intro}<div class="pair">{picture}{measures}</div>{markup}'


def configuration(content: ReportContent) -> str:
    """Seconds by phase, options, versions."""
    seconds = content.metrics["seconds"]
    total = seconds.get("total") or 0.0
    phases = [key for key in _PHASES if seconds.get(key) is not None]
    phases += [key for key in seconds if key not in (*_PHASES, "total")]
    rest = total - sum(seconds[key] for key in phases)
    rows = [(key, seconds[key]) for key in phases]
    if rest > 0.05:
        rows.append(("other", rest))
    body = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td>{value:.1f}</td><td>{_bar(value, total)}</td>'
        "</tr>"
        for key, value in rows
    )
    times = (
        '<div class="card"><h3>Seconds</h3><table class="phases"><thead><tr><th scope="col">phase'
        '</th><th scope="col">seconds</th><th scope="col">share</th></tr></thead><tbody>'
        f'{body}<tr class="ours"><th scope="row">total</th><td>{total:.1f}</td><td></td></tr>'
        "</tbody></table></div>"
    )
    options = _options("Configuration", "option", content.configuration)
    versions = _options("Versions", "package", content.versions)
    return f'<div class="pair"><div class="stack">{times}{versions}</div>{options}</div>'


def _options(title: str, column: str, values: Mapping[str, Any]) -> str:
    body = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td>{escape(_value(value))}</td></tr>'
        for key, value in values.items()
    )
    return (
        f'<div class="card"><h3>{title}</h3><table class="options"><thead><tr><th scope="col">'
        f'{column}</th><th scope="col">value</th></tr></thead><tbody>{body}</tbody></table></div>'
    )


def _value(value: Any) -> str:
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value)) or "none"
    return shortened(value, 200)


def _known(measure: Mapping[str, Any] | None) -> bool:
    return bool(measure) and measure.get("mean") is not None and math.isfinite(measure["mean"])


def _cell(measure: Mapping[str, Any] | None, best: float | None) -> str:
    if not _known(measure):
        return f"<td>{DASH}</td>"
    mean, std = measure["mean"], measure.get("std")
    spread = f" <small>± {100 * std:.1f}</small>" if std is not None else ""
    mark = ' class="best"' * (mean == best)
    return f"<td{mark}>{100 * mean:.2f}{spread}</td>"


def _bar(value: float, total: float) -> str:
    width = 100 * min(max(value / total, 0), 1) if total > 0 else 0
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect'
        f' class="room" width="100" height="10"/><rect width="{width:.1f}" height="10"/></svg>'
    )
