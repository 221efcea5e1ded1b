"""The operations of a plan, for the nodes of a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from ..sampling.draws import draw, operation_key
from ..sampling.plan import Operation
from .blocks import (
    Drawn,
    LinksKey,
    Neighbours,
    Pairs,
    bucket_of,
    joined,
    shard_of,
    split_columns,
    unique_rows,
)
from .counts import received, sent
from .index import NEIGHBOURS
from .read import REACHED

EDGES = "edges"


class Draw(beam.DoFn):
    """Draws neighbours.

    Args:
        operations: with the same inputs.
        name: of their node set, in words.
        links: of each of their edge sets.
        targets: node sets that these lead to.
        seed: of the draws.
        buckets: how many.
        shards: how many.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        name: str,
        links: Mapping[str, LinksKey],
        targets: Mapping[str, str],
        seed: int,
        buckets: int,
        shards: int,
    ) -> None:
        self._operations, self._name = operations, name
        self._links, self._targets = links, targets
        self._keys = [operation_key(seed, one.name) for one in operations]
        self._buckets, self._shards = buckets, shards

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes the `Neighbours` of a bucket and `Pairs` with its nodes; sends `Pairs`, `Drawn`."""
        blocks = list(element[1])
        known = [one for one in blocks if isinstance(one, Neighbours)]
        where = group_name(self._operations)
        yield received(f"{NEIGHBOURS} of {self._name}", where, len(known))
        pairs = []
        for name in self._operations[0].inputs:
            came = [one.reached[name] for one in blocks if _has(one, name)]
            yield received(f"{REACHED} {name}", where, sum(len(one[0]) for one in came))
            pairs += came
        if not pairs:
            return
        roots, nodes = unique_rows(joined(pairs, "QQ"))
        (here,) = known
        mine = np.searchsorted(here.words, nodes)
        edges: dict[str, list] = {}
        reached: dict[str, dict[str, tuple]] = {}
        for one, key in zip(self._operations, self._keys, strict=True):
            links = self._links[one.edge_set]
            if links not in here.links:
                continue
            starts, far = here.links[links]
            degrees = starts[mine + 1] - starts[mine]
            positions, is_drawn = draw(key, roots, nodes, degrees, one.size)
            row, _ = np.nonzero(is_drawn)
            found = far[(starts[mine][:, None] + positions)[is_drawn]]
            edges.setdefault(one.edge_set, []).append((roots[row], nodes[row], found))
            new = tuple(unique_rows((roots[row], found)))
            reached.setdefault(self._targets[one.edge_set], {})[one.name] = new
            yield sent(f"{REACHED} {one.name}", len(new[0]))
        for target, by_operation in reached.items():
            keys = {name: bucket_of(two[1], self._buckets) for name, two in by_operation.items()}
            for bucket, part in split_columns(by_operation, keys).items():
                yield f"{REACHED} {target}", (bucket, Pairs(part))
        drawn = {name: tuple(joined(parts, "QQQ")) for name, parts in edges.items()}
        yield sent(EDGES, sum(len(one[0]) for one in drawn.values()))
        keys = {name: shard_of(three[0], self._shards) for name, three in drawn.items()}
        for shard, part in split_columns(drawn, keys).items():
            yield EDGES, (shard, Drawn(part))


def group_name(operations: Sequence[Operation]) -> str:
    """Of operations with the same inputs."""
    return f"the draws from {operations[0].name}"


def _has(block: Any, operation: str) -> bool:
    return isinstance(block, Pairs) and operation in block.reached
