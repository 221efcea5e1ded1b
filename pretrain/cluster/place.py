"""Nodes with their features, to the shards of the roots around which they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from .blocks import Nodes, Placed, joined, joined_rows, shard_of, split, unique_rows
from .counts import received, sent
from .draw import reached_by
from .job import Job
from .read import REACHED

PLACED = "placed nodes"
WITH_FEATURES = "with their features"


class Place(beam.DoFn):
    """Brings features to the roots."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes the `Nodes` and `Pairs` of a bucket, sends `Placed`."""
        job, blocks = self._job, list(element[1])
        node_set = job.node_set_of(element[0])
        nodes = [one for one in blocks if isinstance(one, Nodes)]
        number = sum(len(one.ids) for one in nodes)
        yield received(f"rows of {job.nodes[node_set].name}", WITH_FEATURES, number)
        pairs = []
        for name in (job.plan.seed_name, *(one.name for one in job.plan.operations)):
            came = reached_by(name, blocks)
            number = sum(len(one[0]) for one in came)
            yield received(f"{REACHED} {name}", WITH_FEATURES, number)
            pairs += came
        if not pairs:
            return
        roots, reached = unique_rows(joined(pairs, "QQ"))
        words, ids = joined(((one.words, one.ids) for one in nodes), "QO")
        columns = {
            key: joined_rows([one.features[key] for one in nodes]) for key in job.features[node_set]
        }
        order = np.argsort(words)
        place = order[np.searchsorted(words, reached, sorter=order)]
        yield sent(PLACED, len(roots))
        for shard, rows in split(shard_of(roots, job.shards.count)):
            used, places = np.unique(place[rows], return_inverse=True)
            taken = {key: one.take(used) for key, one in columns.items()}
            block = Placed(node_set, words[used], ids[used], taken, roots[rows], places)
            yield PLACED, (shard, block)
