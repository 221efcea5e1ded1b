"""A worker whose peer is gone starts again: TensorFlow cannot connect a process anew."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from ...errors import WorkersMissingError

_COUNT = "GRAPH_BARLOW_TWINS_REJOINED"
_MOST = 20


def times_rejoined() -> int:
    """How often this process has started again."""
    return int(os.environ.get(_COUNT, "0"))


def rejoin(lost: object) -> NoReturn:
    """Replaces the process by the same command, which finds `times_rejoined` increased.

    Args:
        lost: what has happened, for the one line that is said.

    Raises:
        WorkersMissingError: if it has started again too often.
    """
    count = times_rejoined() + 1
    if count > _MOST:
        raise WorkersMissingError(f"{lost}; this worker has started again {_MOST} times already")
    print(
        f"graph-barlow-twins: {lost}; starting again, to wait for it ({count} of {_MOST})",
        file=sys.stderr,
        flush=True,
    )
    os.environ[_COUNT] = str(count)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
