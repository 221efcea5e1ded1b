"""That nothing is lost on the way: all that is sent is counted, and again where it comes.

Some runners drop what they cannot do, and end without an error. The counts go through the pipeline
themselves, to a file in the end; without it nothing counts as done.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam

from ..errors import OutputError

COUNTS = "counts"  # where DoFns send them
_FILE = "counts.json"


def sent(what: str, number: int) -> tuple:
    """A count, for `COUNTS`."""
    return COUNTS, (0, (f"sent {what}", number))


def received(what: str, where: str, number: int) -> tuple:
    """A count, for `COUNTS`, of what `sent` counts."""
    return COUNTS, (0, (f"received {what} {where}", number))


class WriteCounts(beam.DoFn):
    """Adds them up, into a file in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def process(self, element: tuple[int, Iterable[tuple[str, int]]]) -> Iterator[Any]:
        """Takes names and numbers."""
        total: Counter[str] = Counter()
        for name, number in element[1]:
            total[name] += number
        temporary = self._folder / f"{_FILE}.{uuid.uuid4().hex}"
        temporary.write_text(json.dumps(total), "utf-8")
        temporary.replace(self._folder / _FILE)
        yield _FILE


class Counts:
    """Reads what has been counted.

    Args:
        folder: of `WriteCounts`.
        runner: for messages.

    Raises:
        OutputError: if there is nothing.
    """

    def __init__(self, folder: Path, runner: str) -> None:
        self._runner = runner
        try:
            self._total: Mapping[str, int] = json.loads((folder / _FILE).read_text("utf-8"))
        except FileNotFoundError:
            raise OutputError(
                f"{runner} has ended without an error, but not come to the end"
            ) from None

    def sent(self, what: str) -> int:
        """How many were sent."""
        return self._total.get(f"sent {what}", 0)

    def check(self, receivers: Iterable[tuple[str, str]]) -> None:
        """Looks whether everything has come that was sent.

        Args:
            receivers: what is sent, and where to.

        Raises:
            OutputError: naming the first that has not.
        """
        for what, where in receivers:
            self.compare(self.sent(what), self._total.get(f"received {what} {where}", 0), what)

    def compare(self, before: int, after: int, what: str) -> None:
        """Raises OutputError if the two differ."""
        if before != after:
            raise OutputError(
                f"{self._runner} has lost or repeated data, so nothing is kept: of {before:,}"
                f" {what}, {after:,} came"
            )
