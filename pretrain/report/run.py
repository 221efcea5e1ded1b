"""From a finished run to its report; what goes wrong on the way costs the report alone."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..graph.data import GraphData
from ..output.disk import disk_error
from .content import ReportContent
from .data import correlation, projection, spectra, versions
from .page import write_report


def report_pictures(
    data: GraphData,
    embeddings: np.ndarray,
    untrained: np.ndarray,
    *,
    seed: int,
    correlations: Callable[[], tuple[np.ndarray, np.ndarray]] | None = None,
) -> dict[str, Any] | None:
    """Computes what only the report shows: all of its time but a tenth of a second.

    Args:
        data: the graph.
        embeddings: finite floats [N, D] of the trained encoder.
        untrained: those of the untrained one, [N, D].
        seed: of samples and clusters.
        correlations: gives C before and after training, [D, D] each.

    Returns:
        "correlations", "projection" and "spectra" of a `ReportContent`; None if that failed, and a
        warning has said why.
    """
    with _failure_costs_the_report_alone():
        return {
            "correlations": tuple(map(correlation, correlations())) if correlations else None,
            "projection": projection(embeddings, data, seed),
            "spectra": spectra(embeddings, untrained, seed),
        }
    return None


def write_run_report(
    path: Path,
    metrics: Mapping[str, Any],
    pictures: Mapping[str, Any],
    *,
    data: GraphData,
    configuration: Mapping[str, Any],
) -> bool:
    """Writes the report of a run, whole or not at all.

    Args:
        path: of the report.
        metrics: the content of metrics.json.
        pictures: see `report_pictures`.
        data: the graph.
        configuration: the options as used.

    Returns:
        Whether there is a report. If not, a warning has said why.

    Raises:
        OSError: if the disk is the reason.
    """
    with _failure_costs_the_report_alone():
        content = ReportContent(metrics, data.class_names, configuration, versions(), **pictures)
        write_report(path, content)
        return True
    return False


@contextlib.contextmanager
def _failure_costs_the_report_alone() -> Iterator[None]:
    """Turns an error into a warning: the embeddings are worth more than their picture.

    Not one of the disk: whoever makes room and resumes the run gets its report, too.
    """
    try:
        yield
    except Exception as error:
        if disk_error(error) is not None:
            raise
        warnings.warn(
            f"no report ({type(error).__name__}: {error}); embeddings, model and metrics are there",
            stacklevel=4,
        )
