"""The report of a run: one HTML file that opens from disk, with no network.

`report_data` computes what is shown, `report_figures` draws it, `report_page` sets the page. No
TensorFlow here: a report can be written again from plain arrays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..output.replace import replacing


@dataclasses.dataclass(frozen=True, eq=False)
class Correlation:
    """The cross-correlation C of two views, reduced for a picture; see `report_data`.

    Attributes:
        picture: float32 [d, d], entries of C for the features `shown`.
        shown: int [d], ascending features of the D.
        dimension: D.
        diagonal: mean of C_ii over all D.
        off_diagonal: root mean square of C_ij, i != j, over all D (D - 1).
    """

    picture: np.ndarray
    shown: np.ndarray
    dimension: int
    diagonal: float
    off_diagonal: float


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """Embeddings in the plane.

    Attributes:
        points: finite floats [n, 2].
        groups: int [n] in [-1, len(group_names)); -1 where the class is unknown.
        group_names: names of the classes or clusters.
        node_ids: n names.
        num_nodes: N; the n nodes are a sample where n < N.
        method: what made it, in words.
        clustered: whether the groups are clusters found by k-means, not labels.
    """

    points: np.ndarray
    groups: np.ndarray
    group_names: Sequence[str]
    node_ids: Sequence[str]
    num_nodes: int
    method: str
    clustered: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Spectrum:
    """Singular values of the embeddings, largest first.

    Attributes:
        trained: floats [m].
        untrained: floats [m].
        num_rows: rows that they are of; a sample where fewer than the graph's nodes.
    """

    trained: np.ndarray
    untrained: np.ndarray
    num_rows: int


@dataclasses.dataclass(frozen=True, eq=False)
class ReportContent:
    """What a report shows. Any text may be hostile: it is escaped.

    Attributes:
        metrics: the content of metrics.json.
        class_names: of the labels; empty without.
        configuration: options by name.
        versions: of packages, by name.
        correlations: C before and after training; None where there is none to show.
        projection: None likewise.
        spectrum: None likewise.
    """

    metrics: Mapping[str, Any]
    class_names: Sequence[str] = ()
    configuration: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    correlations: tuple[Correlation, Correlation] | None = None
    projection: Projection | None = None
    spectrum: Spectrum | None = None


def write_report(path: Path, content: ReportContent) -> None:
    """Writes the report, all or nothing.

    Raises:
        OSError: if it cannot be written.
    """
    from .page import page

    text = page(content)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="replace")
