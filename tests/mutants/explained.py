"""What survives without being a fault: constants of speed alone, and explained survivors."""

from __future__ import annotations

from typing import NamedTuple

# Names, by file, whose value decides how fast a result comes and not which: statements that hold
# one are left alone. The tests force both sides of each.
EQUAL_PATHS: dict[str, dict[str, str]] = {
    "kernels/loss/numba/plan.py": {
        "_SERIAL_WORK": "below it one thread does what several would",
        "_SERIAL_ELEMENTS": "below it one thread does what several would",
        "_BLOCK_BYTES": "rows are taken in blocks of about this size",
        "_MIN_BLOCK_ROWS": "rows are taken in blocks of at least this size",
        "_MAX_BLOCK_ROWS": "rows are taken in blocks of at most this size",
        "_PANEL_WIDTH": "columns are taken in panels of about this size",
        "_PANEL_BYTES": "columns are taken in panels of about this size",
    },
    "kernels/loss/numba/memory.py": {
        "_RECYCLED": "memory is recycled between these sizes and new beyond",
        "_MOST_KEPT": "so much memory waits to be used again",
        "_ALIGNMENT": "TensorFlow copies what does not begin at such an address",
    },
    "kernels/linalg.py": {"_BLOCK_ROWS": "rows are taken in blocks of this size"},
    "kernels/context.py": {"NUMBA_WORK": "from here on the call to the host pays"},
    "kernels/sorting.py": {
        "_ROWS_TO_SORT": "from here on rows are sorted in buckets, with the same result",
        "_ROWS_TO_CHOOSE_FROM": "from here on rows are chosen by a histogram, with the same result",
        "BUCKET_ROWS": "from here on rows go into buckets, with the same result",
    },
    "kernels/metrics/spectrum_host.py": {
        "_SERIAL_WORK": "below it one thread does what several would",
        "_SERIAL_SIDE": "below it one thread does what several would",
        "_FLOAT32_ENTRIES": "below it float64 costs nothing",
    },
    "kernels/metrics/views.py": {"_BLOCK": "rows are taken in blocks of this size"},
    "kernels/loss/xla.py": {
        "_SIZES_PER_OCTAVE": "how finely numbers of rows are rounded up; padding changes no result",
        "_SMALLEST_BUCKET": "the least number of rows; padding changes no result",
    },
}


class Explained(NamedTuple):
    """A survivor that is no fault.

    Attributes:
        file: where it is.
        line: the line of code, without its indentation.
        change: as the run prints it: "old -> new".
        reason: why no test can notice it.
    """

    file: str
    line: str
    change: str
    reason: str


SURVIVORS: list[Explained] = [
    Explained(
        "kernels/random.py",
        "if ids.dtype.is_unsigned:",
        "ids.dtype.is_unsigned -> not (ids.dtype.is_unsigned)",
        "the cast wraps negative numbers on CPUs as the bitcast does; the branch is for devices"
        " where that is not defined",
    ),
]
