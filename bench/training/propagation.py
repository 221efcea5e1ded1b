"""P(A) H and its gradient, with eight hops: `python -m bench.training.propagation`.

Contestants are our kernel, called by a `tf.function`; the same polynomial in TensorFlow's
sparse products, which an exported model takes; TF-GNN's own way, one message per link and hop
(`tfgnn.broadcast_node_to_edges`, `tfgnn.pool_edges_to_node`); and SciPy's products, without a
gradient, twice.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from ..graphs import GRAPHS
from ..loss.contestants import use_all_cores
from ..measure import measure
from ..neighbour import add_option, neighbour
from ..ratios import align, number

HOPS = 8
# Graph, and columns of H: those of the recipe, and fewer.
CASES = (("cora", 512), ("cora", 128), ("digits", 256), ("chameleon", 512))


def _inputs(name: str, width: int):
    from graph_barlow_twins.pretrain.encoder.start import hop_coefficients
    from graph_barlow_twins.pretrain.graph.tensor import graph_tensor_from_data

    data = GRAPHS[name]()
    state = np.random.default_rng(0).standard_normal((data.num_nodes, width)).astype(np.float32)
    return data, graph_tensor_from_data(data), hop_coefficients(HOPS), state


def _with_gradient(function, state):
    import tensorflow as tf

    tensor = tf.constant(state)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            total = tf.reduce_sum(function(tensor) * tensor)
        return tape.gradient(total, tensor)

    return lambda: step().numpy()


def _layer(on_host: bool):
    def setup(name: str, width: int):
        from graph_barlow_twins.pretrain.encoder.linear import MixedPropagation

        _, graph, _, state = _inputs(name, width)
        layer = MixedPropagation(HOPS, on_host=on_host)
        return _with_gradient(lambda tensor: layer([graph, tensor]), state)

    return setup


def _messages(name: str, width: int):
    import tensorflow as tf
    import tensorflow_gnn as tfgnn

    _, graph, coefficients, state = _inputs(name, width)
    ends = graph.edge_sets["edges"].adjacency
    count = len(state)
    degree = 1 + tf.math.unsorted_segment_sum(
        tf.ones_like(ends.source, tf.float32), ends.source, count
    )
    scale = tf.math.rsqrt(degree)[:, tf.newaxis]

    def hop(total):
        sent = tfgnn.broadcast_node_to_edges(
            graph, "edges", tfgnn.SOURCE, feature_value=total * scale
        )
        found = tfgnn.pool_edges_to_node(
            graph, "edges", tfgnn.TARGET, reduce_type="sum", feature_value=sent
        )
        return (found + total * scale) * scale

    def polynomial(tensor):
        total = coefficients[-1] * tensor
        for c in coefficients[-2::-1]:
            total = hop(total) + c * tensor
        return total

    return _with_gradient(polynomial, state)


def _scipy(name: str, width: int):
    from graph_barlow_twins.pretrain.graph.adjacency import normalized, with_loops

    data, _, coefficients, state = _inputs(name, width)
    operator = normalized(with_loops(data.adjacency.matrix())).astype(np.float32)

    def once():
        total = coefficients[-1] * state
        for c in coefficients[-2::-1]:
            total = operator @ total + c * state
        return total

    return lambda: (once(), once())


OURS = "ours"
CONTESTANTS = {
    OURS: _layer(True),
    "TensorFlow's products": _layer(False),
    "TF-GNN's messages": _messages,
    "SciPy": _scipy,
}


def main(arguments=None) -> int:
    """The command line; returns the exit code: 1 if another one is faster anywhere."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.training.propagation", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=7, help="rounds of alternation (7)")
    add_option(parser)
    options = parser.parse_args(arguments)
    use_all_cores()
    lines, slower = (
        [["", "ours ms", *(f"{who} / ours" for who in CONTESTANTS if who != OURS)]],
        False,
    )
    with neighbour(options.neighbour):
        for name, width in CASES:
            setups = {
                who: (lambda setup=setup, case=(name, width): setup(*case))
                for who, setup in CONTESTANTS.items()
            }
            found = measure(setups, rounds=options.rounds, budget=20.0)
            times = {who: one.as_row()["median_ms"] for who, one in found.items()}
            ratios = [time / times[OURS] for who, time in times.items() if who != OURS]
            slower |= min(ratios) < 1
            shown = (f"{ratio:.2f}x" for ratio in ratios)
            lines.append([f"{name} [{width} columns]", number(times[OURS]), *shown])
    print("\n".join(align(lines)))
    return int(slower)


if __name__ == "__main__":
    sys.exit(main())
