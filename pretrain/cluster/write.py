"""Subgraphs to files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from ..quiet import quiet_tensorflow
from ..sampling.plan import EdgeKind
from ..sampling.rows import Rows
from .assemble import Subgraphs
from .blocks import Drawn, Placed
from .counts import received, sent
from .draw import EDGES
from .place import PLACED
from .shards import Shards

SUBGRAPHS = "subgraphs"


class Write(beam.DoFn):
    """Writes files.

    Args:
        shards: where to.
        node_set: of the roots.
        empty: features of no node, by the node set.
        kinds: edge sets.
    """

    def __init__(
        self,
        shards: Shards,
        node_set: str,
        empty: Mapping[str, Mapping[str, Rows]],
        kinds: Mapping[str, EdgeKind],
    ) -> None:
        self._shards, self._node_set = shards, node_set
        self._empty, self._kinds = empty, kinds

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes the `Placed` and `Drawn` of a shard, and None, which stands for no rows."""
        with quiet_tensorflow():
            import tensorflow as tf
        shard, blocks = element[0], [one for one in element[1] if one is not None]
        for what, kind in ((PLACED, Placed), (EDGES, Drawn)):
            yield received(what, "files", sum(_size(one) for one in blocks if type(one) is kind))
        graphs = Subgraphs(blocks, self._node_set, self._empty, self._kinds)
        with self._shards.writing(shard) as path, tf.io.TFRecordWriter(str(path)) as writer:
            for example in graphs.examples():
                writer.write(example)
        yield sent(SUBGRAPHS, len(graphs.ids))


def _size(block: Placed | Drawn) -> int:
    if isinstance(block, Placed):
        return len(block.roots)
    return sum(len(one[0]) for one in block.edges.values())
