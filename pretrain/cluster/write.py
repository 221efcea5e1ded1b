"""Subgraphs to files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from ..quiet import quiet_tensorflow
from .assemble import Subgraphs
from .blocks import Drawn, Placed
from .counts import received, sent
from .draw import EDGES
from .job import Job
from .place import PLACED

SUBGRAPHS, WRITTEN = "subgraphs", "to be written"


class Write(beam.DoFn):
    """Writes files."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes the `Placed` and `Drawn` of a shard, and None, which stands for no rows."""
        with quiet_tensorflow():
            import tensorflow as tf
        shard, blocks = element[0], [one for one in element[1] if one is not None]
        for what, kind in ((PLACED, Placed), (EDGES, Drawn)):
            number = sum(_size(one) for one in blocks if isinstance(one, kind))
            yield received(what, WRITTEN, number)
        job = self._job
        graphs = Subgraphs(blocks, job.plan.node_set, job.features, job.kinds)
        with job.shards.writing(shard) as path, tf.io.TFRecordWriter(str(path)) as writer:
            for example in graphs.examples():
                writer.write(example)
        yield sent(SUBGRAPHS, len(graphs.ids))


def _size(block: Placed | Drawn) -> int:
    if isinstance(block, Placed):
        return len(block.roots)
    return sum(len(one[0]) for one in block.edges.values())
