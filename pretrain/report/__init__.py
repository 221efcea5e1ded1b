"""The report of a run: one HTML file that opens from disk, with no network.

`report_pictures` computes what only the report shows, `write_run_report` writes a run's report,
`write_report` one from plain arrays. No TensorFlow here.
"""

from .content import Correlation, Projection, ReportContent, Spectra
from .page import write_report
from .run import report_pictures, write_run_report

__all__ = [
    "Correlation",
    "Projection",
    "ReportContent",
    "Spectra",
    "report_pictures",
    "write_report",
    "write_run_report",
]
