"""From a finished run to its report; what goes wrong on the way costs the report alone."""

from __future__ import annotations

import warnings
from pathlib import Path

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


def write_run_report(path: Path, metrics, pictures, *, data, configuration) -> bool:
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
