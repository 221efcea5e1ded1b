"""The graphs and corruptions that are measured, and where they run.

A case is an operation on a graph: "shuffle 1024x64". Every graph is the same in every process. All
features of one graph are corrupted in one call, as a task does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_SEED = 20210304
RATE = 0.3
# "eager": called from Python. "function": in a tf.function with static shapes as far as dense
# features go. "data": in a tf.data map with dynamic ones. "xla": compiled, all shapes static.
MODES = ("eager", "function", "data", "xla")


class Graph(NamedTuple):
    """What is corrupted.

    Attributes:
        name: Part of the names of its cases.
        features: ``(rng, rows) -> {name: value}`` of the only node set, for so many rows.
        rows: How many.
        operations: What is done to it.
        edges: Number of edges, each with 8 floats; 0: no edge set.
    """

    name: str
    features: Callable
    rows: int
    operations: tuple[str, ...]
    edges: int = 0

    def make(self, rows: int | None = None):
        """The GraphTensor; fewer rows and edges in proportion for checks.

        Args:
            rows: Other than the graph's own.
        """
        import graph_barlow_twins  # noqa: F401 - selects Keras 2 before TF-GNN is loaded
        import tensorflow_gnn as tfgnn

        rng = np.random.default_rng([_SEED, self.rows])
        nodes = self.rows if rows is None else rows
        edges = self.edges * nodes // self.rows
        edge_sets = {}
        if edges:
            endpoints = [("nodes", rng.integers(0, nodes, edges).astype(np.int32)) for _ in "ab"]
            edge_sets["edges"] = tfgnn.EdgeSet.from_fields(
                sizes=[edges],
                features={"weights": _floats(8)(rng, edges)["values"]},
                adjacency=tfgnn.Adjacency.from_indices(*endpoints),
            )
        node_set = tfgnn.NodeSet.from_fields(sizes=[nodes], features=self.features(rng, nodes))
        return tfgnn.GraphTensor.from_pieces(node_sets={"nodes": node_set}, edge_sets=edge_sets)


class Case(NamedTuple):
    """One operation on one graph."""

    operation: str
    graph: Graph

    def __str__(self):
        return f"{self.operation} {self.graph.name}"


def _floats(columns):
    return lambda rng, rows: {"values": rng.standard_normal((rows, columns), dtype=np.float32)}


def _many(count, columns):
    make = _floats(columns)
    return lambda rng, rows: {f"values_{i}": make(rng, rows)["values"] for i in range(count)}


def _ints(rng, rows):
    return {"values": rng.integers(0, 1000, (rows, 16))}


def _words(rng, count):
    return np.array([f"word {number}" for number in rng.integers(0, 5000, count)], object)


def _strings(rng, rows):
    return {"values": _words(rng, rows)}


def _ragged(values, most, inner_most=None):
    """Rows of 0 to ``most`` values, or of so many rows of 0 to ``inner_most`` values."""

    def make(rng, rows):
        import tensorflow as tf

        lengths = [rng.integers(0, most + 1, rows)]
        if inner_most is not None:
            lengths.append(rng.integers(0, inner_most + 1, lengths[0].sum()))
        flat = values(rng, lengths[-1].sum())
        return {"values": tf.RaggedTensor.from_nested_row_lengths(flat, lengths)}

    return make


def _normal(rng, count):
    return rng.standard_normal(count, dtype=np.float32)


_SHUFFLES = ("shuffle", "shuffle 0.3")
_FLOAT = (*_SHUFFLES, "dropout 0.3")
_DENSE = (*_FLOAT, "mask 0.3")
GRAPHS = (
    Graph("1024x64", _floats(64), 1024, _DENSE),
    Graph("2708x1433", _floats(1433), 2708, _DENSE),
    Graph("65536x128", _floats(128), 65536, _DENSE),
    Graph("int64-65536x16", _ints, 65536, _SHUFFLES),
    Graph("strings-20000", _strings, 20_000, _SHUFFLES),
    Graph("ragged-20000", _ragged(_normal, 40), 20_000, _FLOAT),
    Graph("ragged-strings-20000", _ragged(_words, 10), 20_000, _SHUFFLES),
    Graph("ragged2-10000", _ragged(_normal, 6, 12), 10_000, _FLOAT),
    Graph("12-features-128x8", _many(12, 8), 128, _DENSE),
    Graph("edges-2000", _floats(8), 500, ("edges 0.3",), 2_000),
    Graph("edges-200000", _floats(8), 20_000, ("edges 0.3",), 200_000),
)
# Too large for the usual table, on request.
LARGE_GRAPHS = (
    Graph("20000x1433", _floats(1433), 20_000, _DENSE),
    Graph("1000000x64", _floats(64), 1_000_000, _DENSE),
    Graph("ragged-500000", _ragged(_normal, 40), 500_000, _FLOAT),
    Graph("edges-5000000", _floats(8), 500_000, ("edges 0.3",), 5_000_000),
)
CASES = tuple(Case(operation, graph) for graph in GRAPHS for operation in graph.operations)
LARGE_CASES = tuple(
    Case(operation, graph) for graph in LARGE_GRAPHS for operation in graph.operations
)
QUICK_CASES = tuple(
    case
    for case in CASES
    if case.graph.name in ("1024x64", "ragged-20000", "12-features-128x8", "edges-2000")
)


class LastGraph:
    """Makes the graph of a case, and keeps one at a time: cases are ordered by graph."""

    def __init__(self):
        self._name = self._graph = None

    def __call__(self, case: Case):
        """The GraphTensor."""
        if case.graph.name != self._name:
            self._graph = None  # freed before the next one is made
            self._name, self._graph = case.graph.name, case.graph.make()
        return self._graph


def kind_of(graph: Graph) -> tuple:
    """What two graphs share that differ in size alone: names, dtypes and ragged ranks."""
    features = graph.make(10).node_sets["nodes"].features
    return tuple(
        (name, value.dtype, getattr(value, "ragged_rank", 0)) for name, value in features.items()
    )


def select(text: str, cases=CASES) -> tuple[Case, ...]:
    """The cases whose name contains one of the texts between commas.

    Raises:
        ValueError: if one of them is in no name.
    """
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not part or not any(part in str(case) for case in cases):
            raise ValueError(f"no case contains {part!r} (there are {', '.join(map(str, cases))})")
    return tuple(case for case in cases if any(part in str(case) for part in parts))
