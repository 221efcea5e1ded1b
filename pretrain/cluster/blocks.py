"""What moves between workers: many rows at a time, as arrays.

Nodes go by the words of `sampling.draws.id_words`, 64 bits for each id. A bucket holds the nodes
whose words fall into it, a shard the roots.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from ..sampling.rows import Rows

# Odd, for two divisions of the words that have nothing to do with each other.
_BUCKETS, _SHARDS = np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F)
_TAKEN = np.uint64(33)

LinksKey = tuple[str, bool]  # the edge set whose file has the links; whether they run backwards
Arrays = tuple[np.ndarray, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Nodes:
    """Rows of a node set from one file: words, ids, where they stand, and features if asked for."""

    words: np.ndarray
    ids: np.ndarray
    file: int
    rows: np.ndarray
    features: Mapping[str, Rows] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class Ends:
    """Links from one file by one of their ends, the near one.

    Attributes:
        links: which they are, and whether the near end is the target.
        near: words.
        near_ids: str.
        far: words.
        far_ids: str.
        file: its number.
        rows: there, from 0.
    """

    links: LinksKey
    near: np.ndarray
    near_ids: np.ndarray
    far: np.ndarray
    far_ids: np.ndarray
    file: int
    rows: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Neighbours:
    """All nodes of a bucket, and of each kind of links whom they lead to.

    Attributes:
        words: ascending.
        links: starts [n + 1], and the words of the neighbours, each node's in the order of ids.
    """

    words: np.ndarray
    links: Mapping[LinksKey, tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Who has been reached around which root: roots and nodes, by the operation."""

    reached: Mapping[str, Arrays]


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """Edges: roots, sources and targets, by the edge set."""

    edges: Mapping[str, Arrays]


@dataclasses.dataclass(frozen=True, eq=False)
class Placed:
    """Nodes with their features, once each, for the roots of a shard around which they lie.

    Attributes:
        node_set: its name.
        words: [n].
        ids: [n], str.
        features: of the n nodes.
        roots: [m], words.
        places: [m], which of the n nodes.
    """

    node_set: str
    words: np.ndarray
    ids: np.ndarray
    features: Mapping[str, Rows]
    roots: np.ndarray
    places: np.ndarray


def bucket_of(words: np.ndarray, count: int) -> np.ndarray:
    """In which of the buckets the nodes are, int64 [n]."""
    return (words * _BUCKETS >> _TAKEN).astype(np.int64) % count


def shard_of(words: np.ndarray, count: int) -> np.ndarray:
    """In which of the shards the roots are, int64 [n]."""
    return (words * _SHARDS >> _TAKEN).astype(np.int64) % count


def split(keys: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each key, and where it stands, in order."""
    if not len(keys):
        return
    order = np.argsort(keys, kind="stable")
    values, starts = np.unique(keys[order], return_index=True)
    yield from zip(values.tolist(), np.split(order, starts[1:]), strict=True)


def split_columns(
    by_name: Mapping[str, Arrays], keys: Mapping[str, np.ndarray]
) -> dict[int, dict[str, Arrays]]:
    """The columns of every name, for each key those of its rows."""
    found: dict[int, dict[str, Arrays]] = {}
    for name, columns in by_name.items():
        for key, where in split(keys[name]):
            found.setdefault(key, {})[name] = tuple(one[where] for one in columns)
    return found


def unique_rows(columns: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The rows of integers, ascending, each once."""
    columns = list(columns)
    order = np.lexsort(columns[::-1])
    columns = [one[order] for one in columns]
    new = np.ones(len(order), bool)
    if len(order):
        new[1:] = np.any([one[1:] != one[:-1] for one in columns], axis=0)
    return [one[new] for one in columns]


def joined(parts: Iterable[Arrays], kinds: str) -> list[np.ndarray]:
    """The columns of all parts, one after the other; of none, empty ones of these dtypes."""
    empty = tuple(np.zeros(0, kind) for kind in kinds)
    return [np.concatenate(one) for one in zip(empty, *parts, strict=True)]


def joined_rows(parts: list[Rows]) -> Rows:
    """The rows of all parts, one after the other."""
    if parts[0].lengths is None:
        return Rows(np.concatenate([one.values for one in parts]))
    lengths = np.concatenate([one.lengths for one in parts if one.lengths is not None])
    return Rows(np.concatenate([one.values for one in parts]), lengths)
