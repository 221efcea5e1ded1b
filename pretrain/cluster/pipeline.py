"""Sampling as a pipeline: tables, neighbours, hop by hop the draws, features, files.

Only ParDo, Flatten and GroupByKey, one output each, and one end: that is what all runners do
alike. What is drawn depends on ids alone, and what is written on what is drawn.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np

from ..errors import shown
from ..graph.schema.files import files_of
from ..graph.schema.values import Feature
from ..sampling.plan import EdgeKinds, Operation, Plan
from ..sampling.rows import Rows, dtype_of
from ..sampling.schema import features_of, is_marked_reversed
from .blocks import LinksKey
from .counts import COUNTS, WriteCounts
from .draw import EDGES, Draw, group_name
from .index import NEIGHBOURS, Index
from .place import PLACED, Place
from .read import KEYS, NEAR, NODES, REACHED, SEEDS, ReadLinks, ReadNodes
from .shards import Shards
from .write import Write


@dataclasses.dataclass(frozen=True)
class Job:
    """What is sampled, from what.

    Attributes:
        plan: what to draw.
        seed: of the draws.
        kinds: edge sets of the subgraphs.
        features: of the node sets of the subgraphs.
        files: of the sets that are read, by their names in words.
        links: of the edge sets that are drawn along.
        marked: edge sets that are read whose files have the ends the other way round.
        ends: node sets of the edge sets that are read.
    """

    plan: Plan
    seed: int
    kinds: EdgeKinds
    features: Mapping[str, Mapping[str, Feature]]
    files: Mapping[str, Sequence[str]]
    links: Mapping[str, LinksKey]
    marked: frozenset[str]
    ends: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, schema: Any, folder: Path, kinds: EdgeKinds, plan: Plan, seed: int) -> Job:
        """Looks up the files.

        Raises:
            InputError: if one is missing, or a feature has a dtype that tables do not have.
        """
        drawn = sorted({one.edge_set for one in plan.operations})
        links = {
            name: (kinds[name].reverse_of or name, kinds[name].reverse_of is not None)
            for name in drawn
        }
        read = sorted({name for name, _ in links.values()})
        ends = {
            name: (schema.edge_sets[name].source, schema.edge_sets[name].target) for name in read
        }
        files = {}
        for name in sorted({plan.node_set, *(end for two in ends.values() for end in two)}):
            there = files_of(schema.node_sets[name].metadata, folder, nodes_of(name))
            files[nodes_of(name)] = [str(one.absolute()) for one in there]
        for name in read:
            there = files_of(schema.edge_sets[name].metadata, folder, edges_of(name))
            files[edges_of(name)] = [str(one.absolute()) for one in there]
        sets = {plan.node_set, *(end for one in kinds.values() for end in (one.source, one.target))}
        features = {name: features_of(schema, name) for name in sorted(sets)}
        marked = frozenset(name for name in read if is_marked_reversed(schema.edge_sets[name]))
        return cls(plan, seed, kinds, features, files, links, marked, ends)

    @property
    def node_sets(self) -> list[str]:
        """Those that are read."""
        return sorted({self.plan.node_set, *(end for two in self.ends.values() for end in two)})

    @property
    def reached(self) -> dict[str, list[str]]:
        """By node set, the operations that reach it."""
        found: dict[str, list[str]] = {name: [] for name in self.node_sets}
        found[self.plan.node_set].append(self.plan.seed_name)
        for one in self.plan.operations:
            found[self.kinds[one.edge_set].target].append(one.name)
        return found

    @property
    def groups(self) -> list[list[Operation]]:
        """The operations, those with the same inputs together."""
        found: dict[tuple[str, ...], list[Operation]] = {}
        for one in self.plan.operations:
            found.setdefault(one.inputs, []).append(one)
        return list(found.values())

    @property
    def receivers(self) -> list[tuple[str, str]]:
        """What is sent and counted, and where to; see `counts.lost`."""
        found = [(PLACED, "files"), (EDGES, "files")]
        for name in self.node_sets:
            found += [(f"rows of {nodes_of(name)}", where) for where in ("keys", "features")]
            found += [
                (f"{REACHED} {one}", f"the nodes of {nodes_of(name)}") for one in self.reached[name]
            ]
        for name, ends in self.ends.items():
            for is_backwards, end in zip((False, True), ends, strict=True):
                found.append((f"rows of {edges_of(name)}", f"{nodes_of(end)} {is_backwards}"))
        for group in self.groups:
            found.append((f"{NEIGHBOURS} of {nodes_of(self.source(group))}", group_name(group)))
            found += [(f"{REACHED} {one}", group_name(group)) for one in group[0].inputs]
        return found

    def source(self, group: Sequence[Operation]) -> str:
        """The node set that the operations start from."""
        return self.kinds[group[0].edge_set].source


def nodes_of(name: str) -> str:
    """A node set in words."""
    return f"node set {shown(name)}"


def edges_of(name: str) -> str:
    """An edge set in words."""
    return f"edge set {shown(name)}"


def build(pipeline: beam.Pipeline, job: Job, shards: Shards, buckets: int) -> Any:
    """Adds the sampling to a pipeline.

    Args:
        pipeline: an empty one.
        job: what is sampled.
        shards: where to; the counts go to the same folder.
        buckets: into how many parts the nodes are divided.

    Returns:
        The end, with one element.
    """
    counts = []
    nodes, keys, seeds = {}, {}, None
    reached: dict[str, list] = {name: [] for name in job.node_sets}  # blocks with pairs
    by_operation = {}
    for name in job.node_sets:
        seed_name = job.plan.seed_name if name == job.plan.node_set else None
        read = ReadNodes(nodes_of(name), job.features[name], buckets, seed_name)
        rows = _files(pipeline, job.files[nodes_of(name)], nodes_of(name)) | _do(
            read, nodes_of(name)
        )
        nodes[name], keys[name] = _of(rows, NODES), _of(rows, KEYS)
        counts.append(_of(rows, COUNTS))
        if seed_name is not None:
            seeds = _of(rows, SEEDS)
            reached[name].append(seeds)
            by_operation[seed_name] = seeds
    near: dict[str, list] = {name: [] for name in job.node_sets}
    for name, ends in job.ends.items():
        what = edges_of(name)
        read_links = ReadLinks(name, what, name in job.marked, buckets)
        rows = _files(pipeline, job.files[what], what) | _do(read_links, what)
        counts.append(_of(rows, COUNTS))
        for is_backwards, end in zip((False, True), ends, strict=True):
            near[end].append(_of(rows, f"{NEAR} {is_backwards}"))
    neighbours = {}
    names = {name: edges_of(name) for name in job.ends}
    used = set(job.links.values())
    for name in job.node_sets:
        index = Index(nodes_of(name), names, job.files, job.marked, used)
        known = _grouped([keys[name], *near[name]], f"index {name}") | _do(index, f"index {name}")
        neighbours[name] = _of(known, NEIGHBOURS)
        counts.append(_of(known, COUNTS))
    edges = []
    for group in job.groups:
        source, label = job.source(group), group_name(group)
        targets = {one.edge_set: job.kinds[one.edge_set].target for one in group}
        draw = Draw(group, nodes_of(source), job.links, targets, job.seed, buckets, shards.count)
        inputs = list(dict.fromkeys(by_operation[one] for one in group[0].inputs))
        drawn = _grouped([neighbours[source], *inputs], label) | _do(draw, label)
        counts.append(_of(drawn, COUNTS))
        edges.append(_of(drawn, EDGES))
        for target in sorted(set(targets.values())):
            pairs = _of(drawn, f"{REACHED} {target}")
            reached[target].append(pairs)
            by_operation |= {one.name: pairs for one in group if targets[one.edge_set] == target}
    placed = []
    for name in job.node_sets:
        place = Place(name, nodes_of(name), job.reached[name], shards.count)
        here = _grouped([nodes[name], *reached[name]], f"place {name}") | _do(
            place, f"place {name}"
        )
        counts.append(_of(here, COUNTS))
        placed.append(_of(here, PLACED))
    every = pipeline | "shards" >> beam.Create([(number, None) for number in range(shards.count)])
    write = Write(shards, job.plan.node_set, _empty(job.features), job.kinds)
    done = _grouped([every, *placed, *edges], "shard") | _do(write, "write")
    counts.append(_of(done, COUNTS))
    return _grouped(counts, "counts") | "write counts" >> beam.ParDo(
        WriteCounts(str(shards.folder))
    )


def _files(pipeline: beam.Pipeline, paths: Sequence[str], label: str) -> Any:
    files = pipeline | f"files of {label}" >> beam.Create(list(enumerate(paths)))
    return files | f"spread {label}" >> beam.Reshuffle()


def _do(function: beam.DoFn, label: str) -> Any:
    return f"{type(function).__name__} {label}" >> beam.ParDo(function)


def _of(blocks: Any, destination: str) -> Any:
    """What was sent there. Not as tagged outputs: on Dask, each of them has all elements."""
    label = f"{blocks.producer.full_label} to {destination}"
    return blocks | label >> beam.FlatMap(_chosen, destination).with_output_types(tuple[int, Any])


def _chosen(element: tuple[str, tuple[int, Any]], destination: str) -> Iterable[tuple[int, Any]]:
    return [element[1]] if element[0] == destination else []


def _grouped(parts: Sequence[Any], label: str) -> Any:
    return parts | f"join {label}" >> beam.Flatten() | f"group {label}" >> beam.GroupByKey()


def _empty(features: Mapping[str, Mapping[str, Feature]]) -> dict[str, dict[str, Rows]]:
    return {
        name: {key: _no_rows(one) for key, one in columns.items()}
        for name, columns in features.items()
    }


def _no_rows(feature: Feature) -> Rows:
    shape = (0, feature.size) if feature.is_list and feature.size is not None else (0,)
    lengths = np.zeros(0, np.int64) if feature.size is None else None
    return Rows(np.zeros(shape, dtype_of(feature)), lengths)
