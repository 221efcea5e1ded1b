"""The operations of a plan, for the nodes of a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from ..sampling.draws import draw, operation_key
from .blocks import Arrays, Drawn, Neighbours, Pairs, joined, shard_of, split_columns, unique_rows
from .counts import received, sent
from .index import NEIGHBOURS
from .job import Job
from .read import REACHED

EDGES = "edges"


class Draw(beam.DoFn):
    """Draws neighbours.

    Args:
        job: with the plan.
        hop: whose operations.
    """

    def __init__(self, job: Job, hop: int) -> None:
        self._job, self._hop = job, hop

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes the `Neighbours` of a bucket and `Pairs` with its nodes; sends `Pairs`, `Drawn`."""
        job, where = self._job, hop_name(self._hop)
        node_set, blocks = job.node_set_of(element[0]), list(element[1])
        known = [one for one in blocks if isinstance(one, Neighbours)]
        yield received(NEIGHBOURS, where, len(known))
        came = {name: reached_by(name, blocks) for name in job.inputs(self._hop)}
        for name, pairs in came.items():
            yield received(f"{REACHED} {name}", where, sum(len(one[0]) for one in pairs))
        drawing: dict[tuple[str, ...], list[np.ndarray]] = {}  # who draws, by the inputs
        edges: dict[str, list[tuple]] = {}
        reached, keys = {}, {}
        for one in job.hops[self._hop]:
            kind, links = job.kinds[one.edge_set], job.links_of(one)
            if kind.source != node_set or not known or links not in known[0].links:
                continue
            if one.inputs not in drawing:
                who = (pair for name in one.inputs for pair in came[name])
                drawing[one.inputs] = unique_rows(joined(who, "QQ"))
            roots, nodes = drawing[one.inputs]
            starts, far = known[0].links[links]
            mine = np.searchsorted(known[0].words, nodes)
            degrees = starts[mine + 1] - starts[mine]
            key = operation_key(job.seed, one.name)
            positions, is_drawn = draw(key, roots, nodes, degrees, one.size)
            row, _ = np.nonzero(is_drawn)
            found = far[(starts[mine][:, None] + positions)[is_drawn]]
            edges.setdefault(one.edge_set, []).append((roots[row], nodes[row], found))
            reached[one.name] = tuple(unique_rows((roots[row], found)))
            keys[one.name] = job.keys_of(kind.target, reached[one.name][1])
            yield sent(f"{REACHED} {one.name}", len(reached[one.name][0]))
        for bucket, part in split_columns(reached, keys).items():
            yield REACHED, (bucket, Pairs(part))
        drawn = {name: tuple(joined(parts, "QQQ")) for name, parts in edges.items()}
        yield sent(EDGES, sum(len(one[0]) for one in drawn.values()))
        shards = {name: shard_of(three[0], job.shards.count) for name, three in drawn.items()}
        for shard, part in split_columns(drawn, shards).items():
            yield EDGES, (shard, Drawn(part))


def hop_name(hop: int) -> str:
    """For counting."""
    return f"in hop {hop + 1}"


def reached_by(operation: str, blocks: Iterable[Any]) -> list[Arrays]:
    """The pairs of an operation."""
    return [
        one.reached[operation]
        for one in blocks
        if isinstance(one, Pairs) and operation in one.reached
    ]
