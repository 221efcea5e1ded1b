"""Links."""

from typing import Any

import numpy as np

from ...errors import InputError
from ..adjacency import BLOCK_EDGES, blocks, check_edge_weights, sorted_edges, weighted_edges


def check_edges(
    edge_index: Any, num_nodes: int, *, undirected: bool, weights: Any = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns [2, E] without self-loops and duplicates, sorted by (source, target); and weights.

    The edges are int64; of a `np.memmap`, which is read in blocks, int32 where N fits. The weights
    are those of the edges, float32 [E] of mean 1; None for None.
    """
    mapped = isinstance(edge_index, np.memmap)
    edges = edge_index if mapped else np.asarray(edge_index)
    if edges.ndim != 2 or edges.shape[0] != 2:
        hint = "; transpose it" if edges.ndim == 2 and edges.shape[1] == 2 else ""
        raise InputError(f"edge_index: expected shape [2, E], got {edges.shape}{hint}")
    # An empty list has no integers in it and becomes float64; that is not a wrong dtype.
    if edges.size and edges.dtype.kind not in "iu":
        raise InputError(f"edge_index: expected integers, got dtype {edges.dtype}")
    first, count = None, 0
    for block in blocks(edges.shape[1], BLOCK_EDGES):
        outside = (edges[:, block] < 0) | (edges[:, block] >= num_nodes)
        if outside.any():
            count += int(outside.any(0).sum())
            if first is None:
                row, edge = (int(i) for i in np.argwhere(outside)[0])
                first = row, block.start + edge
    if first is not None:
        row, edge = first
        raise InputError(
            f"edge_index: expected nodes in [0, {num_nodes}), got {edges[row, edge]} as the "
            f"{('source', 'target')[row]} of edge {edge} ({count} such edges)"
        )
    dtype = np.dtype(np.int32 if mapped and num_nodes <= np.iinfo(np.int32).max else np.int64)
    if weights is None:
        return sorted_edges(edges, num_nodes, undirected=undirected, dtype=dtype), None
    weights = check_edge_weights(weights, edges.shape[1])
    edges, weights = weighted_edges(edges, weights, num_nodes, undirected=undirected)
    return edges.astype(dtype), weights
