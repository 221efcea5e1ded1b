"""Subgraphs of a shard, from its nodes and edges, to a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from ..graph.schema.values import Feature
from ..quiet import quiet_tensorflow
from ..sampling.examples import example_of
from ..sampling.plan import EdgeKind
from ..sampling.rows import Rows, no_rows
from .blocks import Drawn, Placed, joined, joined_rows, unique_rows
from .counts import received, sent
from .draw import EDGES
from .job import Job
from .place import PLACED

SUBGRAPHS, WRITTEN = "subgraphs", "to be written"
_AT_ONCE = 256  # roots, whose features are spread out


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


class Subgraphs:
    """The roots of a shard in the order of their ids, and what has been sampled around them.

    Args:
        blocks: `Placed` and `Drawn`.
        node_set: of the roots.
        features: of the node sets.
        kinds: edge sets.

    Attributes:
        ids: of the roots, ascending.

    Raises:
        RuntimeError: if a node is missing.
    """

    def __init__(
        self,
        blocks: Sequence[Placed | Drawn],
        node_set: str,
        features: Mapping[str, Mapping[str, Feature]],
        kinds: Mapping[str, EdgeKind],
    ) -> None:
        placed = [one for one in blocks if isinstance(one, Placed)]
        self._kinds = kinds
        sets = {name: [one for one in placed if one.node_set == name] for name in features}
        tables = {name: _Table(parts, features[name]) for name, parts in sets.items()}
        own = tables[node_set]
        is_root = own.roots == own.words[own.places]
        root_places = own.places[is_root][np.argsort(own.rank[own.places[is_root]])]
        self.ids, words = own.ids[root_places], own.words[root_places]
        self._tables = tables
        rows = _Places(words)
        for table in tables.values():
            table.sort(rows, len(words))
        drawn = [one for one in blocks if isinstance(one, Drawn)]
        self._edges = {}
        for name, kind in kinds.items():
            parts = (one.edges[name] for one in drawn if name in one.edges)
            roots, sources, targets = joined(parts, "QQQ")
            row = rows[roots]
            ends = unique_rows(
                (
                    row,
                    tables[kind.source].number(row, sources),
                    tables[kind.target].number(row, targets),
                )
            )
            self._edges[name] = (np.searchsorted(ends[0], np.arange(len(words) + 1)), *ends[1:])

    def examples(self) -> Iterator[bytes]:
        """One for each root."""
        for first in range(0, len(self.ids), _AT_ONCE):
            last = min(first + _AT_ONCE, len(self.ids))
            parts = {name: one.between(first, last) for name, one in self._tables.items()}
            for root in range(first, last):
                node_sets = {name: part[root - first] for name, part in parts.items()}
                edge_sets = {}
                for name, (starts, sources, targets) in self._edges.items():
                    here = slice(starts[root], starts[root + 1])
                    edge_sets[name] = (sources[here], targets[here])
                yield example_of(node_sets, edge_sets)


class _Table:
    """The nodes of a set around the roots of a shard."""

    def __init__(self, parts: list[Placed], features: Mapping[str, Feature]) -> None:
        self.words, self.ids = joined(((one.words, one.ids) for one in parts), "QO")
        first = np.cumsum([0, *(len(one.words) for one in parts)])
        self.roots, self.places = joined(
            ((one.roots, one.places + start) for one, start in zip(parts, first, strict=False)),
            "Qq",
        )
        self._features = {
            key: joined_rows([no_rows(feature), *(one.features[key] for one in parts)])
            for key, feature in features.items()
        }
        self.rank = np.empty(len(self.ids), np.int64)
        self.rank[np.argsort(self.ids, kind="stable")] = np.arange(len(self.ids))

    def sort(self, rows: _Places, count: int) -> None:
        """Puts the nodes of each root in order, the root itself first."""
        row = rows[self.roots]
        others = self.roots != self.words[self.places]
        order = np.lexsort((self.rank[self.places], others, row))
        self.places = self.places[order]
        self._starts = np.searchsorted(row[order], np.arange(count + 1))
        self._by_key = _Places(row[order] * len(self.words) + self.places)
        self._by_word = _Places(self.words)

    def number(self, row: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Which of the nodes around its root each one is."""
        return self._by_key[row * len(self.words) + self._by_word[words]] - self._starts[row]

    def between(self, first: int, last: int) -> list[tuple[np.ndarray, dict[str, Rows]]]:
        """Ids and features of the nodes around these roots."""
        starts = self._starts[first : last + 1]
        places = self.places[starts[0] : starts[-1]]
        cuts = starts[1:-1] - starts[0]
        ids = np.split(self.ids[places], cuts)
        columns = {key: _cut(one.take(places), cuts) for key, one in self._features.items()}
        return [
            (ids[i], {key: parts[i] for key, parts in columns.items()}) for i in range(len(ids))
        ]


def _cut(rows: Rows, cuts: np.ndarray) -> list[Rows]:
    if rows.lengths is None:
        return [Rows(one) for one in np.split(rows.values, cuts)]
    ends = np.concatenate([[0], np.cumsum(rows.lengths)])
    values = np.split(rows.values, ends[cuts])
    return [Rows(*two) for two in zip(values, np.split(rows.lengths, cuts), strict=True)]


class _Places:
    """Where each one is of numbers that are different."""

    def __init__(self, known: np.ndarray) -> None:
        self._order = np.argsort(known)
        self._known = known[self._order]

    def __getitem__(self, wanted: np.ndarray) -> np.ndarray:
        places = np.searchsorted(self._known, wanted)
        if len(wanted) and (
            places.max() == len(self._known) or (self._known[places] != wanted).any()
        ):
            raise RuntimeError("nodes have been lost on the way")
        return self._order[places]
