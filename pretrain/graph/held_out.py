"""Links taken out of a graph, and as many pairs of nodes that it does not link."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from ...kernels.keys import derive_key
from ..errors import InputError
from .data import GraphData

_ENUMERATED_PAIRS = 10**6  # up to here all pairs of nodes are listed rather than drawn


class HeldOutEdges(NamedTuple):
    """Pairs of nodes to be told apart.

    Attributes:
        positives: [2, P] int64, links that training did not see, the smaller node in row 0.
        negatives: [2, P] int64, as many pairs that the full graph does not link; the same order.
    """

    positives: np.ndarray
    negatives: np.ndarray

    def renumbered(self, numbers: np.ndarray) -> HeldOutEdges:
        """The same pairs where node i is called numbers[i]."""
        return HeldOutEdges(*(numbers[pairs] for pairs in self))


def hold_out_edges(data: GraphData, share: float, seed: int) -> tuple[GraphData, HeldOutEdges]:
    """Takes links out of the graph, and draws as many pairs that it does not link.

    A link {u, v} counts once, and both of its directions go. Links are drawn uniformly, so some
    nodes may lose all of theirs. Non-links are drawn uniformly from all pairs u != v that the full
    graph does not link, all different. The same seed draws the same pairs.

    Args:
        data: the full graph with L links.
        share: of the links, in [0, 1); P = round(share * L) are taken.
        seed: in [0, 2**32).

    Returns:
        The graph without the links, and the pairs.

    Raises:
        InputError: a share that takes no link or leaves none, or a graph with fewer than P
            non-links.
        ValueError: a share outside [0, 1).
    """
    if not 0 <= share < 1:
        raise ValueError(f"share: expected a number in [0, 1), got {share}")
    if share == 0:
        nothing = np.zeros((2, 0), np.int64)
        return data, HeldOutEdges(nothing, nothing)
    links = np.unique(pair_keys(data.edge_index, data.num_nodes))
    count = round(share * len(links))
    if not 0 < count < len(links):
        raise InputError(
            f"{data.name}: --hold-out-edges {share:g} of {len(links)} links: expected to take at"
            f" least one and to leave at least one, but that takes {count}"
        )
    non_links = data.num_nodes * (data.num_nodes - 1) // 2 - len(links)
    if non_links < count:
        raise InputError(
            f"{data.name}: --hold-out-edges {share:g} takes {count} links, but only"
            f" {non_links} pairs of nodes are not linked, to compare them with"
        )
    rng = np.random.default_rng(derive_key(seed, "held-out links"))
    drawn = (
        np.sort(rng.choice(links, count, replace=False)),
        _draw_non_links(links, data.num_nodes, count, rng),
    )
    held_out = HeldOutEdges(*(np.stack(np.divmod(keys, data.num_nodes)) for keys in drawn))
    return without_links(data, held_out.positives), held_out


def without_links(data: GraphData, links: np.ndarray) -> GraphData:
    """The graph without the links [2, P], whatever their direction."""
    dropped = pair_keys(links, data.num_nodes)

    def left(edges: np.ndarray) -> np.ndarray:
        return ~np.isin(pair_keys(edges, data.num_nodes), dropped)

    relations = tuple(
        one.with_edges(left(one.edge_index)) if one.between_nodes else one for one in data.relations
    )
    return dataclasses.replace(data.with_edges(left(data.edge_index)), relations=relations)


def pair_keys(pairs: np.ndarray, num_nodes: int) -> np.ndarray:
    """One integer for each pair, the same for (u, v) and (v, u)."""
    pairs = pairs.astype(np.int64, copy=False)  # of a memory-mapped graph they are int32
    return pairs.min(axis=0) * num_nodes + pairs.max(axis=0)


def _draw_non_links(
    links: np.ndarray, num_nodes: int, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Draws `count` different keys of pairs that are not in `links` (sorted keys)."""
    # In a dense graph most draws would be links; listing takes no more memory than the graph.
    if num_nodes * (num_nodes - 1) // 2 <= max(_ENUMERATED_PAIRS, 4 * len(links)):
        every = pair_keys(np.stack(np.triu_indices(num_nodes, k=1)), num_nodes)
        return rng.choice(np.setdiff1d(every, links, assume_unique=True), count, replace=False)
    found = np.zeros(0, np.int64)
    while len(found) < count:
        drawn = rng.integers(num_nodes, size=(2, 2 * (count - len(found)) + 16))
        keys = pair_keys(drawn[:, drawn[0] != drawn[1]], num_nodes)
        found = np.concatenate([found, keys[~np.isin(keys, links)]])
        # In the order drawn: cutting a sorted list to length would favour the small nodes.
        found = found[np.sort(np.unique(found, return_index=True)[1])]
    return found[:count]
