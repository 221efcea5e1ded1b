"""That nothing is lost on the way: every block that is sent is counted, and again where it comes.

Some runners drop what they cannot do, and end without an error. The counts go through the pipeline
themselves, to a file in the end; without it nothing counts as done.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam

COUNTS = "counts"  # where DoFns send them
FILE = "counts.json"


def sent(block: str, number: int) -> tuple:
    """A count, for `COUNTS`."""
    return COUNTS, (0, (f"sent {block}", number))


def received(block: str, where: str, number: int) -> tuple:
    """A count, for `COUNTS`, of what `sent` counts."""
    return COUNTS, (0, (f"received {block} {where}", number))


class WriteCounts(beam.DoFn):
    """Adds them up, into a file."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, element: tuple[int, Iterable[tuple[str, int]]]) -> Iterator[Any]:
        """Takes names and numbers."""
        total: Counter[str] = Counter()
        for name, number in element[1]:
            total[name] += number
        path = Path(self._folder) / FILE
        temporary = path.with_name(f"{FILE}.{uuid.uuid4().hex}")
        temporary.write_text(json.dumps(total), "utf-8")
        temporary.replace(path)
        yield FILE


def lost(counts: dict[str, int], receivers: Iterable[tuple[str, str]]) -> str | None:
    """The first that has not come as it was sent, in words; None if all have.

    Args:
        counts: of the file.
        receivers: what is sent, and where to.
    """
    for block, where in receivers:
        out, came = counts.get(f"sent {block}", 0), counts.get(f"received {block} {where}", 0)
        if out != came:
            return f"{out:,} {block} were sent to {where}, {came:,} came"
    return None
