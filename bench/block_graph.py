"""A large synthetic graph with known classes: `python -m bench.block_graph --help`.

Degree-corrected stochastic block model with noisy features. Node i has a block b_i, uniform over
the K blocks, and a propensity t_i with a power-law tail. Each edge is drawn on its own: with
probability `within` both ends come from one block, chosen in proportion to the block's total
propensity, else each end comes from the whole graph; an end is node i with probability proportional
to t_i. Loops and repeated edges are drawn again until the graph has exactly E different ones. The
features of node i are ``signal * m_(b_i) + noise``, with orthonormal m_k and standard normal noise.

The defaults make a task that is neither trivial nor hopeless. The best that can be made of a node's
own features, the nearest of the 40 means, is right for 63 %. A node has 20 neighbours on average
and 12 in the median, of which 0.3 + 0.7 / 40 are in its block: one says little, many say more.

Source of the model: Karrer and Newman 2011, https://arxiv.org/abs/1008.3926.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

_TAIL_EXPONENT = 2.5  # of the degrees' distribution
_LARGEST_PROPENSITY = 100.0  # times the smallest; bounds the hubs


def block_graph(
    nodes: int,
    edges: int,
    *,
    blocks: int = 40,
    features: int = 64,
    within: float = 0.3,
    signal: float = 2.5,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Draws a graph.

    Args:
        nodes: N.
        edges: E, each undirected edge counted once.
        blocks: K, at most ``features``.
        features: F.
        within: share of the edges that are drawn inside a block.
        signal: length of a block's mean feature vector; the noise has length about sqrt(F).
        seed: the same seed gives the same graph.

    Returns:
        "features" float32 [N, F], "edge_index" int32 [2, E] with source < target, "labels" int64
        [N]: the keys of docs/usage/datasets.md.

    Raises:
        ValueError: for more edges than half of all pairs, or more blocks than features.
    """
    if edges > nodes * (nodes - 1) // 4:
        raise ValueError(f"edges: expected at most half of all pairs of {nodes} nodes, got {edges}")
    if blocks > features:
        raise ValueError(f"blocks: expected at most {features}, as many as features, got {blocks}")
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.integers(0, blocks, nodes))  # sorted here, shuffled by `names` below
    tail = (1 - rng.random(nodes)) ** (-1 / (_TAIL_EXPONENT - 1))
    propensity = np.cumsum(np.minimum(tail, _LARGEST_PROPENSITY))
    names = rng.permutation(nodes)
    keys = np.empty(0, np.int64)
    while len(keys) < edges:
        ends = _draw_ends(rng, edges - len(keys), labels, propensity, within)
        low, high = np.sort(names[ends], axis=0)
        new = (low * nodes + high)[low != high]
        keys = np.unique(np.concatenate([keys, new]))
    means, _ = np.linalg.qr(rng.standard_normal((features, blocks)))
    values = rng.standard_normal((nodes, features), np.float32)
    named_labels = np.empty_like(labels)
    named_labels[names] = labels
    values += (signal * means.T).astype(np.float32)[named_labels]
    edge_index = np.stack([keys // nodes, keys % nodes]).astype(np.int32)
    return {"features": values, "edge_index": edge_index, "labels": named_labels}


def _draw_ends(rng, count, labels, propensity, within) -> np.ndarray:
    """Ends [2, count] as positions in the list of nodes sorted by block."""
    inside = rng.random(count) < within
    last = np.searchsorted(labels, np.arange(labels[-1] + 1), side="right") - 1
    limits = np.concatenate([[0.0], propensity[last]])  # where each block's propensities begin
    first = rng.random(count) * propensity[-1]
    block = np.searchsorted(limits, first, side="right") - 1
    low = np.where(inside, limits[block], 0.0)
    high = np.where(inside, limits[block + 1], propensity[-1])
    second = low + rng.random(count) * (high - low)
    ends = np.stack([first, second])
    return np.minimum(np.searchsorted(propensity, ends, side="right"), len(labels) - 1)


def main(arguments=None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.block_graph",
        description="Writes a degree-corrected block model with noisy features, as an npz file or,"
        " if the name does not end in .npz, as a folder of npy files (docs/usage/datasets.md).",
    )
    parser.add_argument("--nodes", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=10_000_000, help="undirected, counted once")
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--within", type=float, default=0.3, help="share of edges inside a block")
    parser.add_argument("--signal", type=float, default=2.5, help="length of the block means")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", required=True, help="FILE.npz, or a folder")
    options = vars(parser.parse_args(arguments))
    output = Path(options.pop("output"))
    try:
        arrays = block_graph(options.pop("nodes"), options.pop("edges"), **options)
    except ValueError as error:
        parser.error(str(error))
    write(arrays, output)
    return 0


def write(arrays: dict[str, np.ndarray], output: Path) -> None:
    """Writes the arrays as one npz file or as a folder of npy files."""
    if output.suffix == ".npz":
        np.savez(output, **arrays)
        return
    output.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(output / f"{name}.npy", array)


if __name__ == "__main__":
    sys.exit(main())
