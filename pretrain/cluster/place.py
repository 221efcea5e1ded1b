"""Nodes with their features, to the shards of the roots around which they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from .blocks import Nodes, Pairs, Placed, joined, joined_rows, shard_of, split, unique_rows
from .counts import received, sent
from .read import REACHED

PLACED = "placed"


class Place(beam.DoFn):
    """Brings features to the roots.

    Args:
        node_set: its name.
        name: in words.
        operations: that reach it.
        shards: how many.
    """

    def __init__(self, node_set: str, name: str, operations: Sequence[str], shards: int) -> None:
        self._node_set, self._name = node_set, name
        self._operations, self._shards = operations, shards

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes the `Nodes` and `Pairs` of a bucket, sends `Placed`."""
        blocks = list(element[1])
        nodes = [one for one in blocks if isinstance(one, Nodes)]
        yield received(f"rows of {self._name}", "features", sum(len(one.ids) for one in nodes))
        pairs = []
        for operation in self._operations:
            came = [
                one.reached[operation]
                for one in blocks
                if isinstance(one, Pairs) and operation in one.reached
            ]
            number = sum(len(one[0]) for one in came)
            yield received(f"{REACHED} {operation}", f"the nodes of {self._name}", number)
            pairs += came
        if not pairs:
            return
        roots, reached = unique_rows(joined(pairs, "QQ"))
        words, ids = joined(((one.words, one.ids) for one in nodes), "QO")
        columns = {
            key: joined_rows([one.features[key] for one in nodes]) for key in nodes[0].features
        }
        order = np.argsort(words)
        place = order[np.searchsorted(words, reached, sorter=order)]
        yield sent(PLACED, len(roots))
        for shard, rows in split(shard_of(roots, self._shards)):
            used, places = np.unique(place[rows], return_inverse=True)
            taken = {key: one.take(used) for key, one in columns.items()}
            block = Placed(self._node_set, words[used], ids[used], taken, roots[rows], places)
            yield PLACED, (shard, block)
