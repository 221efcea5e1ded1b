"""TensorBoard's log, written without TensorFlow."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.record_writer import RecordWriter


class EventLog:
    """An event file; a context manager.

    Its name has no host in it, see `steps.event_files`.

    Args:
        folder: of the log; made if it is not there. Files of earlier runs in it stay.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        now, number = time.time(), 0
        while (path := folder / _name(now, number)).exists():
            number += 1
        self._writer = RecordWriter(path.open("wb"))
        self._write(Event(wall_time=now, file_version="brain.Event:2"))

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self._writer.close()

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Writes numbers under their tags."""
        for tag, value in values.items():
            summary = scalar_pb(tag, np.float32(value))
            self._write(Event(wall_time=time.time(), step=step, summary=summary))
        self._writer.flush()

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())


def _name(now: float, number: int) -> str:
    return f"events.out.tfevents.{int(now)}.{os.getpid()}.{number}.v2"
