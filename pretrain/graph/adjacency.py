"""Edges in sorted order, and the same edges as compressed sparse rows (CSR)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

BLOCK_EDGES = 1 << 20


@dataclasses.dataclass(frozen=True, eq=False)
class Adjacency:
    """Who is linked with whom: node i's neighbours are neighbours[starts[i] : starts[i + 1]].

    Attributes:
        starts: [N + 1] int64, ascending from 0 to E.
        neighbours: [E] integers in [0, N).
    """

    starts: np.ndarray
    neighbours: np.ndarray

    @property
    def num_nodes(self) -> int:
        """N."""
        return len(self.starts) - 1

    @property
    def degrees(self) -> np.ndarray:
        """[N] int64."""
        return np.diff(self.starts)


def adjacency_of(edge_index: np.ndarray, num_nodes: int) -> Adjacency:
    """The CSR form of edges that are sorted by (source, target).

    Args:
        edge_index: [2, E], see `sorted_edges`; its row of targets is used, not copied.
        num_nodes: N.

    Returns:
        The targets of each source. Of a graph with both directions these are its neighbours.
    """
    source, target = edge_index
    # The dtype of the edges: searchsorted would cast all of them to the wider of two.
    nodes = np.arange(num_nodes, dtype=source.dtype)
    starts = np.append(np.searchsorted(source, nodes), len(source))
    return Adjacency(starts.astype(np.int64), target)


def sorted_edges(
    edge_index: np.ndarray, num_nodes: int, *, undirected: bool, dtype: np.dtype
) -> np.ndarray:
    """Edges without self-loops and duplicates, sorted by (source, target).

    One key per edge, source * N + target, is sorted in place. At its peak the function holds
    16 bytes per edge (all directions counted) beside its result; the input is read in blocks.

    Args:
        edge_index: [2, E] integers in [0, N); may be memory-mapped.
        num_nodes: N, below 2**31.5.
        undirected: add the reverse of every edge.
        dtype: of the result.

    Returns:
        [2, E'] of ``dtype``.
    """
    given = edge_index.shape[1]
    keys = np.empty(given * (2 if undirected else 1), np.int64)
    count = 0
    for block in blocks(given, BLOCK_EDGES):
        source, target = edge_index[:, block].astype(np.int64)
        keep = source != target
        source, target = source[keep], target[keep]
        for low, high in ((source, target), (target, source))[: 1 + undirected]:
            keys[count : count + len(low)] = low * num_nodes + high
            count += len(low)
    keys = keys[:count]
    keys.sort()
    is_first = np.ones(count, bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    keys = keys[is_first]
    edges = np.empty((2, len(keys)), dtype)
    for block in blocks(len(keys), BLOCK_EDGES):
        edges[0, block], edges[1, block] = np.divmod(keys[block], num_nodes)
    return edges


def blocks(count: int, size: int) -> Iterator[slice]:
    """The slices of ``range(count)`` in pieces of ``size``."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
