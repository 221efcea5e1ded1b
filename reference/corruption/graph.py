"""Corruptions of a graph's structure: edges and nodes dropped, in graphs with and without padding.

A node set or edge set is a table of rows; ``sizes`` says how many of them belong to each component
of the batch, in order. Padding (`tfgnn.keras.layers.PadToTotalSizes`) appends components of fake
rows: the components from ``real_components`` on. In a graph with padding, dropped rows move into
its first padding component, so that the totals stay; in others they are removed.

Source: Zhu et al., "Deep graph contrastive representation learning" (GRACE, 2020), section 3.2, for
edges; You et al., "Graph contrastive learning with augmentations" (2020), section 3.1, for nodes.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..random import as_uint64, bernoulli, is_below_rate, row_seeds, row_words
from .features import Feature, Ragged, take_rows


def dropped_rows(
    key: int, count: int, rate: float, *,
    ids: ArrayLike | None = None, representatives: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Which rows are dropped, each with probability ``rate``.

    Args:
        key: 64-bit int.
        count: number of rows.
        rate: probability in [0, 1].
        ids: optional integer ``[count]``: the draw is the first word of the id's `row_words`
            instead of the word at the row's position; equal ids share it.
        representatives: optional integer ``[count]``: row ``i`` shares the draw of row
            ``representatives[i]``.

    Returns:
        bool ``[count]``.

    Raises:
        ValueError: if ``rate`` is not in [0, 1].

    >>> dropped_rows(3, 4, 0.5).tolist()
    [False, True, False, False]
    """
    dropped = bernoulli(key, count, rate)
    if ids is not None:
        dropped = is_below_rate(row_words(key, ids, 1)[:, 0], rate)
    return dropped if representatives is None else dropped[representatives]


def edge_ids(source_ids: ArrayLike, target_ids: ArrayLike, undirected: bool) -> np.ndarray:
    """Ids of edges by the ids of their endpoints: ``row_seeds(source_id, target_id)``.

    Parallel edges get the same id. Undirected: (smaller id, larger id) instead, as unsigned.

    Args:
        source_ids: integer ``[E]``, the id of each edge's source node.
        target_ids: integer ``[E]``, the id of its target node.
        undirected: whether (u, v) and (v, u) get the same id.

    Returns:
        uint64 ``[E]``.
    """
    first, second = as_uint64(source_ids), as_uint64(target_ids)
    if undirected:
        first, second = np.minimum(first, second), np.maximum(first, second)
    return row_seeds(first, second)


def pair_representatives(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The first edge with the same two endpoints, in whichever direction; int64 ``[E]``.

    >>> pair_representatives(np.array([0, 2, 1, 1]), np.array([1, 2, 0, 2])).tolist()
    [0, 1, 0, 3]
    """
    pairs = np.sort(np.stack([source, target], axis=1), axis=1)
    _, first, group = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    return first[group.reshape(-1)]


def remove_rows(kept: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows that are kept and the sizes then.

    Args:
        kept: bool ``[N]``.
        sizes: integer ``[components]`` with sum N.

    Returns:
        ``(rows, sizes)``: the indices of the rows kept, in their order, and the new sizes.

    >>> rows, sizes = remove_rows(np.array([True, False, True]), np.array([1, 2]))
    >>> rows.tolist(), sizes.tolist()
    ([0, 2], [1, 1])
    """
    component = np.repeat(np.arange(len(sizes)), sizes)
    counts = np.bincount(component[kept], minlength=len(sizes))
    return np.flatnonzero(kept), counts.astype(sizes.dtype)


def partition_rows(
    kept: np.ndarray, sizes: np.ndarray, real_components: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Moves dropped rows into the first padding component; the number of rows stays.

    Args:
        kept: bool ``[N]``, True on padding rows as well.
        sizes: integer ``[components]`` with sum N.
        real_components: components from there on are padding. Without any there is nowhere to move
            to, and every row is kept.

    Returns:
        ``(order, sizes, kept_real_rows)``: row ``j`` of the result is row ``order[j]``: the real
        rows that are kept, then the dropped ones, then the padding, each in order. The new
        sizes, and the number of real rows kept.

    >>> kept = np.array([True, False, True, True])
    >>> order, sizes, count = partition_rows(kept, np.array([3, 1]), real_components=1)
    >>> order.tolist(), sizes.tolist(), count
    ([0, 2, 1, 3], [2, 2], 2)
    """
    real_rows = int(sizes[:real_components].sum())
    if real_components >= len(sizes):
        return np.arange(len(kept)), sizes, real_rows
    stays = kept & (np.arange(len(kept)) < real_rows)
    rows, kept_sizes = remove_rows(stays, sizes)
    order = np.concatenate([rows, np.flatnonzero(~stays)])
    kept_sizes[real_components:] = sizes[real_components:]
    kept_sizes[real_components] += real_rows - len(rows)
    return order, kept_sizes, len(rows)


def inverse_permutation(order: np.ndarray) -> np.ndarray:
    """Where each row went: ``inverse[order[i]] == i``."""
    return np.argsort(order)


def drop_edges(
    source: np.ndarray, target: np.ndarray, rate: float, key: int, *,
    features: Mapping[str, Feature] | None = None, sizes: ArrayLike | None = None,
    undirected: bool = False, ids: ArrayLike | None = None,
    padding: tuple[int, int | None, int | None] | None = None,
) -> tuple[np.ndarray, np.ndarray, Mapping[str, Feature], np.ndarray]:  # fmt: skip
    """Drops each edge with probability ``rate``, its features with it.

    Args:
        source: integer ``[E]``, index of each edge's source node.
        target: integer ``[E]``, the index of its target node.
        rate: probability of an edge to be dropped.
        key: 64-bit int.
        features: optional dict of dense ``[E, ...]`` or `Ragged` edge features.
        sizes: optional integer ``[components]`` with sum E; default: one component.
        undirected: whether (u, v), (v, u) and their duplicates share one draw, that of the first
            such edge. A self-loop is a pair of its own.
        ids: optional integer ``[E]``, such as `edge_ids`, see `dropped_rows`.
        padding: optional ``(real_components, source_node, target_node)``: dropped edges become
            edges between these two padding nodes, with zero ("", False) features. A node of None
            says that its node set has no padding node: no edge is dropped then.

    Returns:
        ``(source, target, features, sizes)``: the edges kept, in their order, and with ``padding``
        behind them those dropped and those of the padding.
    """
    features = features or {}
    sizes = np.asarray([len(source)] if sizes is None else sizes)
    representatives = pair_representatives(source, target) if undirected else None
    kept = ~dropped_rows(key, len(source), rate, ids=ids, representatives=representatives)
    if padding is None:
        rows, sizes = remove_rows(kept, sizes)
        features = {name: take_rows(value, rows) for name, value in features.items()}
        return source[rows], target[rows], features, sizes
    real_components, source_node, target_node = padding
    if source_node is None or target_node is None:
        return source, target, features, sizes
    real_edges = int(sizes[:real_components].sum())
    kept |= np.arange(len(source)) >= real_edges
    order, sizes, kept_real = partition_rows(kept, sizes, real_components)
    moved = slice(kept_real, real_edges)
    source, target = source[order], target[order]
    source[moved], target[moved] = source_node, target_node
    features = {name: zero_rows(take_rows(value, order), moved) for name, value in features.items()}
    return source, target, features, sizes


def drop_nodes(
    source: np.ndarray, target: np.ndarray, rate: float, key: int, *, sizes: np.ndarray,
    edge_sizes: np.ndarray, protected: np.ndarray | None = None, ids: ArrayLike | None = None,
    features: Mapping[str, Feature] | None = None,
) -> tuple[np.ndarray, np.ndarray, dict, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Drops each node with probability ``rate``, with the edges at it; the others are renumbered.

    Written for one node set and one edge set; an edge set between two node sets loses the edges at
    a dropped node of either.

    Args:
        source: integer ``[E]``, index of each edge's source node.
        target: integer ``[E]``, the index of its target node.
        rate: probability of a node to be dropped.
        key: 64-bit int.
        sizes: integer ``[components]`` with sum N, the numbers of nodes.
        edge_sizes: integer ``[components]`` with sum E.
        protected: optional bool ``[N]``: nodes that stay, such as the first of each component.
        ids: optional integer ``[N]``, see `dropped_rows`.
        features: optional dict of dense ``[N, ...]`` or `Ragged` node features.

    Returns:
        ``(source, target, features, sizes, edges, edge_sizes)``, where ``edges`` are the indices
        of the edges kept.
    """
    count = int(np.sum(sizes))
    kept = ~dropped_rows(key, count, rate, ids=ids)
    if protected is not None:
        kept |= protected
    rows, sizes = remove_rows(kept, sizes)
    edges, edge_sizes = remove_rows(kept[source] & kept[target], edge_sizes)
    number = (np.cumsum(kept) - 1).astype(source.dtype)
    features = {name: take_rows(value, rows) for name, value in (features or {}).items()}
    return number[source[edges]], number[target[edges]], features, sizes, edges, edge_sizes


def zero_rows(value: Feature, rows: slice) -> Feature:
    """A copy in which these rows hold the zero of the dtype (b"" for strings).

    Args:
        value: dense ``[N, ...]`` or `Ragged`, whose rows become empty.
        rows: a slice of rows.
    """
    if isinstance(value, Ragged):
        lengths = np.diff(value.row_splits)
        kept = np.ones(len(lengths), bool)
        kept[rows] = False
        inner = np.flatnonzero(np.repeat(kept, lengths))
        splits = np.concatenate([[0], np.cumsum(np.where(kept, lengths, 0))])
        return Ragged(take_rows(value.values, inner), splits.astype(value.row_splits.dtype))
    result = value.copy()
    result[rows] = b"" if value.dtype == object else np.zeros((), value.dtype)
    return result
