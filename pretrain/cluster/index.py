"""The nodes of a bucket and their neighbours, with the checks that need both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from ..errors import InputError, shown
from ..graph.schema.tables import SOURCE, TARGET
from .blocks import Ends, Neighbours, Nodes, joined
from .counts import received, sent
from .job import Job, Table

NEIGHBOURS, INDEXED = "neighbours", "to be indexed"


class Index(beam.DoFn):
    """Brings nodes and links together."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._used = {job.links_of(one) for one in job.plan.operations}

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes the `Nodes` and `Ends` of a bucket, sends `Neighbours`."""
        key, blocks = element[0], list(element[1])
        table = self._job.nodes[self._job.node_set_of(key)]
        words = _words(table, [one for one in blocks if isinstance(one, Nodes)])
        yield received(f"rows of {table.name}", INDEXED, len(words))
        ends = [one for one in blocks if isinstance(one, Ends)]
        self._check(table, words, ends)
        links = {}
        for one in sorted({one.links for one in ends}):
            mine = [block for block in ends if block.links == one]
            name = self._job.links[one[0]].table.name
            number = sum(len(block.near) for block in mine)
            yield received(f"rows of {name}", ends_of(one[1]), number)
            if one in self._used:
                links[one] = _neighbours(words, mine)
        yield sent(NEIGHBOURS, 1)
        yield NEIGHBOURS, (key, Neighbours(words, links))

    def _check(self, table: Table, words: np.ndarray, ends: list[Ends]) -> None:
        """Raises InputError for the first link with an end that is no node."""
        wrong = []
        for one in ends:
            missing = ~np.isin(one.near, words)
            if missing.any():
                i = int(missing.argmax())
                wrong.append((one.links, one.file, int(one.rows[i]), one.near_ids[i]))
        if wrong:
            (edge_set, is_target), file, row, found = min(wrong)
            links = self._job.links[edge_set]
            key = TARGET if is_target != links.is_marked else SOURCE
            raise InputError(
                f"{links.table.name}: {links.table.place(file, row)}: {key.removeprefix('#')}"
                f" {shown(found)} is no id of {table.name}"
            )


def ends_of(is_backwards: bool) -> str:
    """Where the rows of an edge set go by one of their ends, for counting."""
    return f"by their {'targets' if is_backwards else 'sources'}"


def _words(table: Table, nodes: list[Nodes]) -> np.ndarray:
    """Those of the nodes, ascending.

    Raises:
        InputError: an id that is there twice; or two that cannot be told apart.
    """
    parts = ((one.words, one.ids, np.full(len(one.ids), one.file), one.rows) for one in nodes)
    words, ids, files, rows = joined(parts, "QOqq")
    order = np.lexsort((rows, files, words))
    words, ids, files, rows = words[order], ids[order], files[order], rows[order]
    again = np.flatnonzero(words[1:] == words[:-1]) + 1
    if len(again):
        # The first of them in the order of the files, as reading in memory finds it.
        later = again[np.lexsort((rows[again], files[again]))[0]]
        first = np.searchsorted(words, words[later])
        where = f"{table.name}: {table.place(files[later], rows[later])}"
        if ids[later] != ids[first]:
            raise InputError(
                f"{where}: the ids {shown(ids[later])} and {shown(ids[first])} have the same hash"
                " of 64 bits; rename one"
            )
        raise InputError(
            f"{where}: the id {shown(ids[later])} is there already"
            f" ({table.place(files[first], rows[first])})"
        )
    return words


def _neighbours(words: np.ndarray, ends: list[Ends]) -> tuple[np.ndarray, np.ndarray]:
    """Those of each node, each once, in the order of their ids."""
    near, far, far_ids = joined(((one.near, one.far, one.far_ids) for one in ends), "QQO")
    ids, first, place = np.unique(far_ids, return_index=True, return_inverse=True)
    # Node and neighbour as one number: sorted and made unique in one go.
    both = np.unique(np.searchsorted(words, near) * len(ids) + place)
    node, place = np.divmod(both, max(len(ids), 1))
    return np.searchsorted(node, np.arange(len(words) + 1)), far[first][place]
