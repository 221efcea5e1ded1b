"""From a finished run to its report; what goes wrong on the way costs the report alone."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..config.options import PretrainConfig
from ..graph.data import GraphData
from .content import ReportContent
from .content import write_report as write_page
from .data import correlation, projection, spectrum, versions


def report_pictures(data, embeddings, untrained, *, seed, correlations=None):
    """Stands in for the report's own until the merge."""
    try:
        return {
            "correlations": tuple(map(correlation, correlations())) if correlations else None,
            "projection": projection(embeddings, data, seed),
            "spectrum": spectrum(embeddings, untrained, seed),
        }
    except Exception as error:  # the embeddings are worth more than their picture
        warnings.warn(
            f"no report ({type(error).__name__}: {error}); embeddings, model and metrics are there",
            stacklevel=2,
        )
        return None


def write_report(path: Path, metrics, pictures, *, data, configuration) -> bool:
    """Stands in for the report's own until the merge."""
    try:
        content = ReportContent(
            metrics=metrics,
            class_names=data.class_names,
            configuration=configuration,
            versions=versions(),
            **pictures,
        )
        write_page(path, content)
    except Exception as error:
        warnings.warn(
            f"no report ({type(error).__name__}: {error}); embeddings, model and metrics are there",
            stacklevel=2,
        )
        return False
    return True


def report_run(
    path: Path,
    metrics: dict[str, Any],
    *,
    data: GraphData,
    config: PretrainConfig,
    embeddings: np.ndarray,
    untrained: np.ndarray,
    correlations: Callable[[], tuple[np.ndarray, np.ndarray]] | None = None,
) -> bool:
    """Computes what only the report shows, and writes it.

    Args:
        path: of the report.
        metrics: the content of metrics.json; its seconds get the key "report", and "total" grows.
            Both end where the page is written (a tenth of a second), so that it can show them.
        data: the graph.
        config: the options as used.
        embeddings: finite floats [N, D] of the trained encoder.
        untrained: those of the untrained one, [N, D].
        correlations: gives C before and after training, [D, D] each; see `view_correlation`.

    Returns:
        Whether there is a report. If not, a warning has said why.
    """
    start = time.perf_counter()
    try:
        content = ReportContent(
            metrics=metrics,
            class_names=data.class_names,
            configuration=config.to_dict(),
            versions=versions(),
            correlations=tuple(map(correlation, correlations())) if correlations else None,
            projection=projection(embeddings, data, config.seed),
            spectrum=spectrum(embeddings, untrained, config.seed),
        )
        seconds = metrics["seconds"]
        total = seconds.pop("total")  # to the end again
        seconds["report"] = time.perf_counter() - start
        seconds["total"] = total + seconds["report"]
        write_page(path, content)
    except Exception as error:  # the embeddings are worth more than their picture
        warnings.warn(
            f"no report ({type(error).__name__}: {error}); embeddings, model and metrics are there",
            stacklevel=2,
        )
        return False
    return True
