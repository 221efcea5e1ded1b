"""The report's words and tables: headline, evaluation, configuration, versions, seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from ..config.defaults import NO_TRAINING
from ..config.places import without_folders
from ..evaluation.evaluate import MEASURES, measure_names
from ..evaluation.scores import MICRO_F1
from ..evaluation.table import difference
from .content import ReportContent
from .figures import dot_plot
from .svg import DASH, escape, number, shortened

_EXPLANATIONS = {
    "linear_probe": "share of held-out nodes whose class a logistic regression on the embeddings"
    " gets right",
    "linear_probe_micro_f1": "harmonic mean of precision and recall of the labels that the"
    " regressions give held-out nodes, all labels together",
    "linear_probe_roc_auc": "how well the regression tells a class from the rest, at any"
    " threshold; 50 is chance",
    "linear_probe_macro_f1": "F1 of the regression, each class counted alike, however small",
    "knn_probe": "the same, by a vote of the most similar nodes",
    "knn_probe_micro_f1": "the same, by a vote of the most similar nodes",
    "nmi": "how far k-means clusters agree with the classes; 0 is chance, 100 full agreement",
    "ari": "the same by pairs of nodes, corrected for chance",
    "link_auc": "how well held-out links are told from pairs without a link; 50 is chance",
    "link_ap": "the same as average precision",
}
HOW_TO_READ = "<strong>How to read it.</strong>"
_PHASES = ("loading", "training", "evaluation", "export", "report")


def short_name(dataset: str) -> str:
    """The data set, of a file its name alone."""
    return without_folders(str(dataset)).removeprefix("npz:").removeprefix("npy:")


def accuracies(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """``{candidate: {mean, std, values}}`` of the linear probe, the trained encoder first."""
    return {
        name: {
            "mean": probe["accuracy"],
            "std": probe.get("std"),
            "values": [v for v in probe.get("split_accuracies") or () if v is not None],
        }
        for name, probe in (metrics.get("probe") or {}).items()
        if probe.get("accuracy") is not None
    }


def _measure(metrics: Mapping[str, Any]) -> str:
    """What `accuracies` are."""
    probes = (metrics.get("probe") or {}).values()
    is_micro = any(probe.get("measure") == MICRO_F1 for probe in probes)
    return "micro F1" if is_micro else "accuracy"


def headline(content: ReportContent) -> str:
    """Two sentences for somebody who has never heard of it."""
    metrics = content.metrics
    D, F = metrics["dimension"], metrics["features"]
    does = "describes" if metrics.get("training") == NO_TRAINING else "learnt to describe"
    learnt = (
        f"From the graph's links and {number(F)} feature{'s' * (F != 1)} per node, and without a"
        f" single label, an encoder {does} every node by {number(D)}"
        f" number{'s' * (D != 1)}."
    )
    rows = accuracies(metrics)
    if len(rows) < 2:
        judged = (
            "There are no labels to test it with. By RankMe the embeddings use about"
            f" <strong>{number(metrics.get('rankme'))} of {number(D)}</strong> directions; the map"
            " below shows the groups that they form."
        )
        return f'<p class="lead">{learnt}</p><p class="lead">{judged}</p>'
    (_, own), *others = rows.items()
    best, other = max(others, key=lambda item: item[1]["mean"])
    paired = difference(own, other)
    gain = 100 * (own["mean"] - other["mean"])
    spread = 200 * ((paired and paired.standard_error) or 0.0)
    known = len(content.class_names)
    classes = f"the right one of {known:,} classes" if known else "the class"
    reached = f"<strong>{100 * own['mean']:.1f} %</strong>"
    read = (
        f" A plain linear classifier reads {classes} from them for {reached} of the nodes that it"
        " was not shown."
        if _measure(metrics) == "accuracy"
        else f" A plain linear classifier reads each node's labels, of {known:,}, from them with a"
        f" micro F1 of {reached} on nodes that it was not shown."
    )
    points = "percentage points"
    if abs(gain) >= max(spread, 0.05):
        verdict = f"{abs(gain):.1f} {points} {'above' if gain > 0 else 'below'} the best baseline,"
        verdict += f" {escape(best)}."
    else:
        verdict = f"level with the best baseline, {escape(best)}"
        verdict += (
            f": a difference of {number(abs(gain), 2)} {points} is within two standard errors."
            if spread
            else "."
        )
    listed = ", ".join(f"{escape(name)} {100 * row['mean']:.1f} %" for name, row in others)
    return (
        f'<p class="lead">{learnt}{read}</p><p class="lead">The same classifier on the baselines:'
        f" {listed}. The trained encoder is {verdict}</p>"
    )


def facts(content: ReportContent) -> str:
    """The run in a few numbers."""
    metrics, classes = content.metrics, len(content.class_names)
    own = next(iter(accuracies(metrics).values()), None)
    entries = [("nodes", number(metrics["nodes"]), "")]
    entries += [("directed edges", number(metrics["edges"]), "")]
    measure = _measure(metrics)
    kind = "classes" if measure == "accuracy" else "labels"
    entries += [(kind, number(classes), "")] if classes else []
    if own:
        spread = f" ± {100 * own['std']:.1f}" if own["std"] is not None else ""
        entries += [(measure, f"{100 * own['mean']:.1f} %", spread)]
    entries += [
        ("RankMe", number(metrics.get("rankme")), f" of {number(metrics['dimension'])}"),
        ("steps", number(metrics.get("steps", 0)), ""),
        ("seconds in all", number(metrics["seconds"].get("total")), ""),
    ]
    cells = "".join(
        f"<div><dt>{label}</dt><dd>{value}<small>{more}</small></dd></div>"
        for label, value, more in entries
    )
    return f'<dl class="facts">{cells}</dl>'


def evaluation(metrics: Mapping[str, Any]) -> str:
    """The table of all measures, and the linear probe as a picture."""
    probes = accuracies(metrics)
    scores = metrics.get("evaluation") or {k: {"linear_probe": row} for k, row in probes.items()}
    scores = {name: row for name, row in scores.items() if row}
    if not scores:
        return (
            "<p>The graph has no labels, and no links were held out, so there is nothing to score"
            " the embeddings with. Labels in the data set, or <code>--hold-out-edges</code>, give"
            " this section its numbers.</p>"
        )
    used: set[str] = {key for row in scores.values() for key in row}
    keys = [key for key in MEASURES if key in used] + sorted(used - set(MEASURES))
    best = {
        key: max(
            (row[key]["mean"] for row in scores.values() if _known(row.get(key))), default=None
        )
        for key in keys
    }
    rows = [
        (name, *(_cell(row.get(key), best[key]) for key in keys)) for name, row in scores.items()
    ]
    names = measure_names(keys)
    table = _table("embedding", *names, rows=rows, ours=0)
    (first, own), *others = scores.items()
    compared = [
        (name, *(_difference_cell(own.get(key), row.get(key)) for key in keys))
        for name, row in others
    ]
    less = (
        f'<p class="note" id="paired">{escape(first)} less the others, in points; ± the standard'
        " error of the mean difference over the same splits and seeds.</p>"
        f'<div class="scroll"><table aria-describedby="paired">'
        f"{_table(f'{first} less', *names, rows=compared)}</table></div>"
        if compared
        else ""
    )
    protocol = next((p["protocol"] for p in (metrics.get("probe") or {}).values()), None)
    caption = "In percent; ± one standard deviation."
    caption += f" Linear probe: {escape(protocol)}." if protocol else ""
    explained = "".join(
        f"<dt>{escape(name)}</dt><dd>{_EXPLANATIONS[key]}</dd>"
        for key, name in zip(keys, names, strict=True)
        if key in _EXPLANATIONS
    )
    picture = ""
    if probes:
        plot = dot_plot(
            [(name, row["mean"], row["std"], row["values"]) for name, row in probes.items()],
            f"{_measure(metrics)} of the linear probe, %",
        )
        picture = (
            f'<figure id="accuracy">{plot}<figcaption>{HOW_TO_READ} Further right is better; faint'
            " dots are single folds or splits, bars one standard deviation. The axis does not begin"
            " at zero.</figcaption></figure>"
        )
    return (
        "<p>The embeddings are frozen and judged beside three baselines: the raw features, their"
        " principal components, and the same encoder before its training.</p>"
        f'<div class="pair">{picture}<div class="card"><dl class="measures">{explained}</dl></div>'
        f'</div><div class="card below"><p class="note" id="protocol">{caption}</p>'
        f'<div class="scroll"><table aria-describedby="protocol">{table}</table></div>{less}</div>'
    )


def configuration(content: ReportContent) -> str:
    """Seconds by phase, options, versions."""
    spent = {key: value for key, value in content.metrics["seconds"].items() if value is not None}
    total = spent.pop("total", 0.0)
    phases = [key for key in _PHASES if key in spent] + [key for key in spent if key not in _PHASES]
    rows = [(key, spent[key]) for key in phases]
    if total - sum(spent.values()) > 0.05:
        rows.append(("other", total - sum(spent.values())))
    cells: list = [(key, f"<td>{v:.1f}</td>", f"<td>{_bar(v, total)}</td>") for key, v in rows]
    cells.append(("total", f"<td>{total:.1f}</td>", "<td></td>"))
    times = _table("phase", "seconds", "share", rows=cells, ours=len(rows))
    cards = [f'<div class="card"><h3>Seconds</h3><table class="phases">{times}</table></div>']
    for title, column, values in (
        ("Versions", "package", content.versions),
        ("Configuration", "option", content.configuration),
    ):
        cells = [(key, f"<td>{escape(_value(value))}</td>") for key, value in values.items()]
        table = f'<table class="options">{_table(column, "value", rows=cells)}</table>'
        cards.append(f'<div class="card"><h3>{title}</h3>{table}</div>')
    times, versions, options = cards
    return f'<div class="pair"><div class="stack">{times}{versions}</div>{options}</div>'


def _table(*columns: str, rows: Sequence[Sequence[str]], ours: int | None = None) -> str:
    """What is inside of a table: rows are a name and ``<td>`` cells, one of them stands out."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = ""
    for place, (name, *cells) in enumerate(rows):
        mark = ' class="ours"' * (place == ours)
        body += f'<tr{mark}><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'
    return f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"


def _value(value: Any) -> str:
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value)) or "none"
    return shortened(value, 200)


def _known(measure: Mapping[str, Any] | None) -> TypeGuard[Mapping[str, Any]]:
    mean = measure.get("mean") if measure else None
    return mean is not None and math.isfinite(mean)


def _cell(measure: Mapping[str, Any] | None, best: float | None) -> str:
    if not _known(measure):
        return f"<td>{DASH}</td>"
    mean, std = measure["mean"], measure.get("std")
    spread = f" <small>± {100 * std:.1f}</small>" if std is not None else ""
    mark = ' class="best"' * (mean == best)
    return f"<td{mark}>{100 * mean:.2f}{spread}</td>"


def _difference_cell(own: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> str:
    found = difference(own, other) if _known(own) and _known(other) else None
    if found is None:
        return f"<td>{DASH}</td>"
    error = found.standard_error
    spread = f" <small>± {100 * error:.1f}</small>" if error is not None else ""
    return f"<td>{100 * found.mean:+.2f}{spread}</td>"


def _bar(value: float, total: float) -> str:
    width = 100 * min(max(value / total, 0), 1) if total > 0 else 0
    return (
        '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect'
        f' class="room" width="100" height="10"/><rect width="{width:.1f}" height="10"/></svg>'
    )
