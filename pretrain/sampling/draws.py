"""Which neighbours are drawn: a function of (seed, operation, pass, root id, node id) alone.

So a subgraph is the same on one machine and on many, in every batch and order, and whatever a
cluster repeats. NumPy alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...kernels.keys import GOLDEN, MIX64_FACTORS, derive_key, hash_name

_UPPER = np.uint64(32)


def id_words(ids: Iterable[str]) -> np.ndarray:
    """The ids as uint64 [n], which draws go by."""
    return np.fromiter((hash_name(one) for one in ids), np.uint64)


def operation_key(seed: int, operation: str, visit: int = 0) -> int:
    """The key of a sampling operation in the given pass over the roots, counted from 0."""
    return derive_key(derive_key(derive_key(seed, "sampling"), operation), visit)


def draw(
    key: int, roots: np.ndarray, nodes: np.ndarray, degrees: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws up to ``size`` of each node's neighbours, uniformly, without replacement.

    Floyd's method: the i-th of k draws from d neighbours is uniform over the first d - k + i + 1 of
    them; if that one has been drawn before, the last of these takes its place. Source: Bentley and
    Floyd 1987, "A sample of brilliance", Communications of the ACM 30 (9).

    Args:
        key: of `operation_key`.
        roots: uint64 [n], see `id_words`.
        nodes: uint64 [n], likewise: who draws.
        degrees: int64 [n], how many neighbours there are.
        size: how many to draw; a node with fewer neighbours gives all of them.

    Returns:
        int64 [n, k], different numbers in [0, degree) in each row, k = min(size, largest degree);
        and bool [n, k], False where a row has fewer than k.
    """
    size = min(size, int(degrees.max(initial=0)))
    positions = np.broadcast_to(np.arange(size), (len(nodes), size))
    is_drawn = positions < degrees[:, None]
    if size == 0:
        return positions, is_drawn
    words = _words(key, roots, nodes, size)
    drawn = np.empty((len(nodes), size), np.int64)
    for i in range(size):
        last = np.maximum(degrees - size + i, 0)
        # A word / 2**32 is uniform in [0, 1): scaled, without division, to [0, last].
        found = (words[:, i] * (last + 1).astype(np.uint64) >> _UPPER).astype(np.int64)
        before = (drawn[:, :i] == found[:, None]).any(axis=1)
        drawn[:, i] = np.where(before, last, found)
    return np.where((degrees <= size)[:, None], positions, drawn), is_drawn


def _words(key: int, roots: np.ndarray, nodes: np.ndarray, size: int) -> np.ndarray:
    """Random words of 32 bits, uint64 [n, size]: a generator for each pair of root and node."""
    steps = np.arange(1, size + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    states = _seeds(_seeds(np.uint64(key), roots), nodes)
    return _mix64(states[:, None] + steps) >> _UPPER


def _seeds(keys: np.ndarray | np.uint64, ids: np.ndarray) -> np.ndarray:
    """As reference/random.py, `row_seeds`."""
    return _mix64(_mix64(np.atleast_1d(keys)) + np.uint64(GOLDEN) * (ids + np.uint64(1)))


def _mix64(words: np.ndarray) -> np.ndarray:
    """As reference/random.py, `mix64`; arrays wrap around without a warning."""
    words = (words ^ words >> np.uint64(30)) * np.uint64(MIX64_FACTORS[0])
    words = (words ^ words >> np.uint64(27)) * np.uint64(MIX64_FACTORS[1])
    return words ^ words >> np.uint64(31)
