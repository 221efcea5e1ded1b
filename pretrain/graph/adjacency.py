"""Edges in sorted order, and the same edges as compressed sparse rows (CSR)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import scipy.sparse

from ..errors import InputError

BLOCK_EDGES = 1 << 20
_SMALLEST_SHARE, _LARGEST_WEIGHT = 1e-12, 1e15  # squares, and their sums, fit float32


_Links = TypeVar("_Links", bound="Links")


class Links:
    """What has edges, and perhaps weights of them.

    Attributes:
        edge_index: integers [2, E].
        edge_weight: float32 [E]; None: ones.
    """

    edge_index: np.ndarray
    edge_weight: np.ndarray | None

    def with_edges(self: _Links, kept: np.ndarray) -> _Links:
        """The same with these edges alone: bool [E], or their numbers in ascending order."""
        weight = None if self.edge_weight is None else self.edge_weight[kept]
        changed: Any = self
        return dataclasses.replace(changed, edge_index=self.edge_index[:, kept], edge_weight=weight)

    def weighted(self: _Links) -> _Links:
        """The same with all weights written out."""
        if self.edge_weight is not None:
            return self
        changed: Any = self
        return dataclasses.replace(
            changed, edge_weight=np.ones(self.edge_index.shape[1], np.float32)
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Adjacency:
    """Who is linked with whom: node i's neighbours are neighbours[starts[i] : starts[i + 1]].

    Attributes:
        starts: [N + 1] int64, ascending from 0 to E.
        neighbours: [E] integers in [0, N).
        weights: float32 [E], above 0; None: ones.
    """

    starts: np.ndarray
    neighbours: np.ndarray
    weights: np.ndarray | None = None

    @property
    def num_nodes(self) -> int:
        """N."""
        return len(self.starts) - 1

    @property
    def degrees(self) -> np.ndarray:
        """[N] int64."""
        return np.diff(self.starts)

    @property
    def strengths(self) -> np.ndarray:
        """Sums of the weights of each node's links, [N]; without weights the degrees."""
        if self.weights is None:
            return self.degrees
        return np.asarray(self.matrix().sum(axis=1, dtype=np.float64)).ravel()

    def matrix(self, rows: slice = slice(None)) -> scipy.sparse.csr_matrix:
        """The weights as a matrix, float32 [rows, N]."""
        starts = self.starts[rows.start : None if rows.stop is None else rows.stop + 1]
        there = slice(starts[0], starts[-1])
        columns = self.neighbours[there]
        values = np.ones(len(columns), np.float32) if self.weights is None else self.weights[there]
        shape = (len(starts) - 1, self.num_nodes)
        return scipy.sparse.csr_matrix((values, columns, starts - starts[0]), shape)


def adjacency_of(
    edge_index: np.ndarray, num_nodes: int, weights: np.ndarray | None = None
) -> Adjacency:
    """The CSR form of edges that are sorted by (source, target).

    Args:
        edge_index: [2, E], see `sorted_edges`; its row of targets is used, not copied.
        num_nodes: N.
        weights: of the edges [E]; None: ones.

    Returns:
        The targets of each source. Of a graph with both directions these are its neighbours.
    """
    source, target = edge_index
    # The dtype of the edges: searchsorted would cast all of them to the wider of two.
    nodes = np.arange(num_nodes, dtype=source.dtype)
    starts = np.append(np.searchsorted(source, nodes), len(source))
    return Adjacency(starts.astype(np.int64), target, weights)


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


def weighted_edges(
    edge_index: np.ndarray, weights: np.ndarray, num_nodes: int, *, undirected: bool
) -> tuple[np.ndarray, np.ndarray]:
    """`sorted_edges` with weights. In memory, and of a link given more than once the largest.

    Args:
        edge_index: [2, E] integers in [0, N).
        weights: [E]; links of next to none are left out.
        num_nodes: N, below 2**31.5.
        undirected: add the reverse of every edge.

    Returns:
        int64 [2, E'] and float32 [E'], see `distinct`.
    """
    source, target = np.asarray(edge_index, np.int64)
    keep = source != target
    source, target, weights = source[keep], target[keep], weights[keep]
    keys = source * num_nodes + target
    if undirected:
        keys = np.concatenate([keys, target * num_nodes + source])
        weights = np.tile(weights, 2)
    keys, weights = distinct(keys, weights)
    return np.stack(np.divmod(keys, num_nodes)), weights


def distinct(keys: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, sorted, with the largest of its weights; those float32, of mean 1.

    So they can be of any unit, and a node's link to itself, where an encoder has one, weighs as
    much as a usual one. Keys of less than a millionth of a millionth of the largest weight are left
    out: float32 would make 0 of it, or infinity of its inverse.
    """
    order = np.lexsort([-weights, keys])
    order = order[weights[order] > _SMALLEST_SHARE * weights.max(initial=0)]
    keys, first = np.unique(keys[order], return_index=True)
    weights = weights[order][first]
    if len(weights):
        weights = weights / weights.max()  # the sum of tiny ones would have few digits
        weights = weights / weights.mean()
    return keys, weights.astype(np.float32)


def check_edge_weights(weights: Any, num_edges: int) -> np.ndarray:
    """Returns float64 [E], each at least 0."""
    weights = np.asarray(weights)
    if weights.dtype.kind not in "biuf" or weights.shape != (num_edges,):
        raise InputError(
            f"edge_weight: expected numbers of shape ({num_edges},), got {weights.dtype} of"
            f" {weights.shape}"
        )
    weights = weights.astype(np.float64)
    wrong = ~((weights >= 0) & (weights <= _LARGEST_WEIGHT))
    if wrong.any():
        raise InputError(
            f"edge_weight: expected finite weights of at least 0, got {weights[wrong.argmax()]} of"
            f" edge {int(wrong.argmax())} ({int(wrong.sum())} such edges)"
        )
    return weights


def normalized(links: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """``Dr^(-1/2) A Dc^(-1/2)``, A divided by the roots of its rows' and its columns' sums.

    Float32 CSR. Rows and columns without entries stay so.
    """
    sums = [np.asarray(links.sum(axis=axis)).ravel() for axis in (1, 0)]
    rows, columns = (
        scipy.sparse.diags((1 / np.sqrt(np.where(one > 0, one, 1))).astype(np.float32))
        for one in sums
    )
    return (rows @ links @ columns).tocsr()


def with_loops(links: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """``A + I``: each node also linked to itself, with weight 1."""
    return links + scipy.sparse.eye(links.shape[0], dtype=np.float32, format="csr")


def blocks(count: int, size: int) -> Iterator[slice]:
    """The slices of ``range(count)`` in pieces of ``size``."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
