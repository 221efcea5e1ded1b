"""Subgraphs of a network in memory, a batch of roots at a time.

A subgraph's nodes are its root, then the others of the root's set in the order of their ids; those
of other sets are in that order, too. Its edges are in the order of their ends. The order of the ids
is that of Python's strings, and within this module a node's number is its place in it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from .draws import draw, id_words, operation_key
from .network import Network
from .plan import Plan


@dataclasses.dataclass(frozen=True, eq=False)
class Subgraphs:
    """A subgraph for each of B roots.

    Attributes:
        nodes: by node set, row numbers int64 [n], one subgraph after the other.
        node_sizes: by node set, int64 [B].
        edges: by edge set, int64 [2, e], places in source and target set within the subgraph.
        edge_sizes: by edge set, int64 [B].
    """

    nodes: Mapping[str, np.ndarray]
    node_sizes: Mapping[str, np.ndarray]
    edges: Mapping[str, np.ndarray]
    edge_sizes: Mapping[str, np.ndarray]


class MemorySampler:
    """Samples subgraphs.

    Args:
        network: the graph.
        plan: what to draw.
        seed: the same seed gives the same subgraphs.
    """

    def __init__(self, network: Network, plan: Plan, seed: int):
        self._network, self._plan, self._seed = network, plan, seed
        self._rows, self._words, self._ranks = {}, {}, {}
        for name, one in network.node_sets.items():
            rows = np.argsort(one.ids, kind="stable")
            self._rows[name] = rows
            self._ranks[name] = np.empty_like(rows)
            self._ranks[name][rows] = np.arange(len(rows))
            self._words[name] = id_words(one.ids[rows])
        used = {one.edge_set for one in plan.operations}
        self._neighbours = {name: self._csr(name) for name in sorted(used)}

    def _csr(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Of each source where its neighbours start, and the neighbours in order, each once."""
        kind, (source, target) = self._network.kinds[name], self._network.ends(name)
        source, target = self._ranks[kind.source][source], self._ranks[kind.target][target]
        width = max(len(self._ranks[kind.target]), 1)
        pairs = np.unique(source * width + target)
        counts = np.bincount(pairs // width, minlength=len(self._ranks[kind.source]))
        return np.concatenate([[0], np.cumsum(counts)]), pairs % width

    def __call__(self, roots: np.ndarray, visit: int | np.ndarray = 0) -> Subgraphs:
        """The subgraphs around the roots.

        Args:
            roots: int64 [B], row numbers.
            visit: how often the roots have been visited before, which draws depend on; of each, or
                of all.
        """
        network, plan = self._network, self._plan
        counts = {name: max(len(rows), 1) for name, rows in self._rows.items()}
        ranks = self._ranks[plan.node_set][roots]
        root_words = self._words[plan.node_set][ranks]
        seeds = np.arange(len(roots)) * counts[plan.node_set] + ranks
        # Nodes by number of the subgraph * nodes in the set + number of the node.
        reached = {plan.seed_name: seeds}
        found_nodes: dict[str, list] = {name: [] for name in network.node_sets}
        found_nodes[plan.node_set].append(seeds)
        found_edges: dict[str, list] = {name: [] for name in network.kinds}
        for one in plan.operations:
            kind = network.kinds[one.edge_set]
            drawing = np.unique(np.concatenate([reached[name] for name in one.inputs]))
            slots, nodes = np.divmod(drawing, counts[kind.source])
            starts, neighbours = self._neighbours[one.edge_set]
            first, degrees = starts[nodes], starts[nodes + 1] - starts[nodes]
            words = self._words[kind.source][nodes]
            positions, is_drawn = self._drawn(
                one.name, root_words[slots], words, degrees, one.size, slots, visit
            )
            drawn = neighbours[(first[:, None] + positions)[is_drawn]]
            per_node = is_drawn.sum(axis=1)
            targets = np.repeat(slots, per_node) * counts[kind.target] + drawn
            reached[one.name] = targets
            found_nodes[kind.target].append(targets)
            found_edges[one.edge_set].append((np.repeat(drawing, per_node), targets))
        return self._subgraphs(len(roots), seeds, found_nodes, found_edges, counts)

    def _drawn(self, name, root_words, words, degrees, size, slots, visit):
        if np.ndim(visit) == 0:
            key = operation_key(self._seed, name, int(visit))
            return draw(key, root_words, words, degrees, size)
        width = min(size, int(degrees.max(initial=0)))
        positions = np.zeros((len(words), width), np.int64)
        is_drawn = np.zeros((len(words), width), bool)
        for number in np.unique(visit):
            here = visit[slots] == number
            key = operation_key(self._seed, name, int(number))
            found = draw(key, root_words[here], words[here], degrees[here], size)
            narrow = found[0].shape[1]
            positions[here, :narrow], is_drawn[here, :narrow] = found
        return positions, is_drawn

    def _subgraphs(self, batch, seeds, found_nodes, found_edges, counts) -> Subgraphs:
        network = self._network
        keys, places, starts, nodes, node_sizes = {}, {}, {}, {}, {}
        for name, parts in found_nodes.items():
            keys[name] = np.unique(_joined(parts))
            slots = keys[name] // counts[name]
            node_sizes[name] = np.bincount(slots, minlength=batch)
            starts[name] = np.cumsum(node_sizes[name]) - node_sizes[name]
            place = np.arange(len(keys[name]))
            if name == self._plan.node_set:  # those before the root move up by one, it goes first
                root = np.searchsorted(keys[name], seeds)[slots]
                place = np.where(place == root, starts[name][slots], place + (place < root))
            places[name] = place
            in_order = np.empty_like(keys[name])
            in_order[place] = keys[name] % counts[name]
            nodes[name] = self._rows[name][in_order]
        edges, edge_sizes = {}, {}
        for name, parts in found_edges.items():
            kind = network.kinds[name]
            source, target = (
                places[end][
                    np.searchsorted(keys[end], np.concatenate([np.zeros(0, np.int64), *of]))
                ]
                for end, of in (
                    (kind.source, [one[0] for one in parts]),
                    (kind.target, [one[1] for one in parts]),
                )
            )
            width = max(len(keys[kind.target]), 1)
            source, target = np.divmod(np.unique(source * width + target), width)
            slots = np.repeat(np.arange(batch), node_sizes[kind.source])[source]
            edge_sizes[name] = np.bincount(slots, minlength=batch)
            edges[name] = np.stack(
                [source - starts[kind.source][slots], target - starts[kind.target][slots]]
            )
        return Subgraphs(nodes, node_sizes, edges, edge_sizes)


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *parts])
