"""What is sampled, from which files, and how it is divided among workers."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import shown
from ..graph.schema.files import files_of
from ..graph.schema.load import is_marked_reversed
from ..graph.schema.values import Feature, features_in
from ..sampling.plan import EdgeKinds, Operation, Plan
from .blocks import LinksKey, bucket_of
from .shards import Shards

_BYTES_PER_BUCKET, _FEWEST_BUCKETS, _MOST_BUCKETS = 1 << 20, 4, 4096


@dataclasses.dataclass(frozen=True)
class Table:
    """The files of a set.

    Attributes:
        name: in words.
        files: their paths.
        cardinality: rows that the schema promises, if it does.
    """

    name: str
    files: tuple[str, ...]
    cardinality: int | None

    @classmethod
    def of(cls, name: str, message: Any, folder: Path) -> Table:
        """Of a set of a schema.

        Raises:
            InputError: if a file is missing.
        """
        promised = message.metadata.cardinality
        return cls(
            name,
            tuple(str(one.absolute()) for one in files_of(message.metadata, folder, name)),
            promised if message.metadata.HasField("cardinality") else None,
        )

    def place(self, file: int, row: int) -> str:
        """Where a row stands, for messages."""
        return f"{self.files[file]}, row {row + 1}"


@dataclasses.dataclass(frozen=True)
class Links:
    """The files of an edge set.

    Attributes:
        table: they.
        source: a node set.
        target: likewise.
        is_marked: whether the files have the ends the other way round.
    """

    table: Table
    source: str
    target: str
    is_marked: bool


@dataclasses.dataclass(frozen=True)
class Job:
    """A job of sampling.

    Attributes:
        plan: what to draw.
        seed: of the draws.
        kinds: edge sets of the subgraphs.
        features: of the node sets of the subgraphs.
        nodes: the node sets that are read.
        links: the edge sets that are read.
        shards: where to.
        buckets: into how many parts the nodes of each set are divided.
    """

    plan: Plan
    seed: int
    kinds: EdgeKinds
    features: Mapping[str, Mapping[str, Feature]]
    nodes: Mapping[str, Table]
    links: Mapping[str, Links]
    shards: Shards
    buckets: int

    @classmethod
    def of(
        cls, schema: Any, folder: Path, kinds: EdgeKinds, plan: Plan, seed: int, shards: Shards
    ) -> Job:
        """Looks up what the plan needs; see the attributes.

        Raises:
            InputError: if a file is missing, or a feature has a dtype that tables do not have.
        """
        read = sorted({kinds[one.edge_set].reverse_of or one.edge_set for one in plan.operations})
        links = {}
        for name in read:
            one = schema.edge_sets[name]
            table = Table.of(f"edge set {shown(name)}", one, folder)
            links[name] = Links(table, one.source, one.target, is_marked_reversed(one))
        sets = sorted({plan.node_set, *_ends(links.values())})
        nodes = {
            name: Table.of(f"node set {shown(name)}", schema.node_sets[name], folder)
            for name in sets
        }
        features = {
            name: features_in(schema.node_sets[name], f"node set {shown(name)}")
            for name in sorted({plan.node_set, *_ends(kinds.values())})
        }
        tables = [*nodes.values(), *(one.table for one in links.values())]
        size = sum(os.path.getsize(path) for one in tables for path in one.files)
        buckets = min(max(size // _BYTES_PER_BUCKET, _FEWEST_BUCKETS), _MOST_BUCKETS)
        return cls(plan, seed, kinds, features, nodes, links, shards, buckets)

    @property
    def tables(self) -> list[Table]:
        """All that are read."""
        return [*self.nodes.values(), *(one.table for one in self.links.values())]

    @property
    def files(self) -> list[tuple[bool, str, int, str]]:
        """All that are read: whether of an edge set, its name, number and path of the file."""
        return [
            (is_links, name, number, path)
            for is_links, tables in (
                (False, self.nodes),
                (True, {name: one.table for name, one in self.links.items()}),
            )
            for name, table in tables.items()
            for number, path in enumerate(table.files)
        ]

    def keys_of(self, node_set: str, words: np.ndarray) -> np.ndarray:
        """In which part the nodes are, int64 [n]: of all sets, the buckets one after the other."""
        return list(self.nodes).index(node_set) * self.buckets + bucket_of(words, self.buckets)

    def node_set_of(self, key: int) -> str:
        """The node set that a part belongs to."""
        return list(self.nodes)[key // self.buckets]

    def links_of(self, operation: Operation) -> LinksKey:
        """Those that it draws along."""
        reverse_of = self.kinds[operation.edge_set].reverse_of
        return (reverse_of or operation.edge_set, reverse_of is not None)

    @functools.cached_property
    def hops(self) -> list[list[Operation]]:
        """The operations by the number of others that come before them on the way from the root."""
        depths = {self.plan.seed_name: -1}
        found: list[list[Operation]] = []
        for one in self.plan.operations:
            depth = depths[one.name] = 1 + max(depths[name] for name in one.inputs)
            found += [[] for _ in range(depth + 1 - len(found))]
            found[depth].append(one)
        return found

    def inputs(self, hop: int) -> list[str]:
        """Of the operations of a hop."""
        return list(dict.fromkeys(name for one in self.hops[hop] for name in one.inputs))

    def senders(self, hop: int) -> list[int]:
        """The hops that these are in, or -1 for the roots."""
        wanted = set(self.inputs(hop))
        found = [-1] if self.plan.seed_name in wanted else []
        for number, operations in enumerate(self.hops):
            if wanted & {one.name for one in operations}:
                found.append(number)
        return found


def _ends(links: Any) -> set[str]:
    return {end for one in links for end in (one.source, one.target)}
