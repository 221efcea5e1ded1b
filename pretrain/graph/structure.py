"""Features of a graph that has none: what its links say of each node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from ..errors import InputError
from .relations import EDGES, TARGETS, Relation

_EIGENVECTORS = 32
_DENSE_NODES = 200  # up to here all eigenvectors at once


# As many nodes as links may speak of where nothing else tells their number.
_FREE_NODES, _NODES_PER_END = 10**6, 100


def structural_features(edge_index: np.ndarray, num_nodes: int) -> np.ndarray:
    """Degrees, returns and eigenvectors, float32 [N, 2 + K], K = min(32, N - 1).

    Column 0 is the logarithm of one plus the degree; column 1 the probability that a random walk is
    back after two steps; the others are the eigenvectors of ``D^(-1/2) (A + I) D^(-1/2)`` after the
    first, those of the largest eigenvalues, of length sqrt(N) times the eigenvalue. Another graph
    has other eigenvectors, so embeddings of two such graphs cannot be compared.

    Args:
        edge_index: [2, E] as in `GraphData`, both directions.
        num_nodes: N.
    """
    ones = np.ones(edge_index.shape[1])
    shape = (num_nodes, num_nodes)
    links = scipy.sparse.csr_matrix((ones, tuple(edge_index)), shape)
    degrees = np.diff(links.indptr)
    shares = scipy.sparse.diags(1 / np.maximum(degrees, 1)) @ links
    returns = np.asarray(shares.multiply(shares.T).sum(axis=1)).ravel()
    root = scipy.sparse.diags(1 / np.sqrt(1.0 + degrees))
    operator = root @ (links + scipy.sparse.eye(num_nodes)) @ root
    count = min(_EIGENVECTORS, num_nodes - 1)
    values, vectors = _largest(operator, count + 1)
    # Known up to their sign.
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    spectral = np.sqrt(num_nodes) * (vectors * values)[:, 1:]
    return np.column_stack([np.log1p(degrees), returns, spectral]).astype(np.float32)


def with_targets(
    edge_index: np.ndarray, num_nodes: int, relations: Sequence[Relation]
) -> tuple[np.ndarray, int]:
    """The links and N; where nodes are linked to something else alone, with that as further nodes.

    Args:
        edge_index: [2, E] as in `GraphData`, both directions.
        num_nodes: N.
        relations: of the nodes.
    """
    if edge_index.shape[1]:
        return edge_index, num_nodes
    links, total = [edge_index], num_nodes
    for one in relations:
        source, target = one.edge_index[0], one.edge_index[1] + total
        links += [np.stack([source, target]), np.stack([target, source])]
        total += one.num_targets
    return np.concatenate(links, axis=1), total


def _largest(operator: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues in descending order, and eigenvectors."""
    if operator.shape[0] <= max(_DENSE_NODES, 2 * count):
        values, vectors = np.linalg.eigh(operator.toarray())
    else:
        # From a vector of its own choice the solver would give other bits in every run.
        start = np.random.default_rng(0).standard_normal(operator.shape[0])
        values, vectors = scipy.sparse.linalg.eigsh(operator, count, which="LA", v0=start, tol=1e-6)
    order = np.argsort(-values)[:count]
    return values[order], vectors[:, order]


def count_nodes(node_ids: Any, labels: Any, edge_index: Any, relations: Any) -> int:
    """N of a graph without features; the arguments are those of `make_graph_data`.

    Raises:
        InputError: if nothing tells it, or links speak of far more nodes than they connect.
    """
    for known in (node_ids, labels):
        if known is not None:
            return max(1, len(np.atleast_1d(known)))
    between = [] if edge_index is None else [edge_index]
    for key, edges in (relations or {}).items():
        if key.startswith(EDGES):  # of a relation to something else the sources alone are nodes
            other = TARGETS + key.removeprefix(EDGES) in relations
            between.append(np.asarray(edges)[:1] if other else edges)
    arrays = [np.asarray(one) for one in between]
    largest = [int(one.max()) for one in arrays if one.size and one.dtype.kind in "iu"]
    count = 1 + max(largest, default=-1)
    check_count(count, sum(one.size for one in arrays))
    return count


def check_count(count: int, ends: int) -> None:
    """Refuses numbers of nodes for which no memory stands in the file.

    Args:
        count: N, as links or the shape of their matrix tell it.
        ends: of links, two each.

    Raises:
        InputError: if there are far more nodes than they connect, or none.
    """
    if not 1 <= count <= _FREE_NODES + _NODES_PER_END * ends:
        raise InputError(
            "expected features, node_ids or labels to tell the number of nodes, or links between"
            f" most of them; got {ends:,} ends of links up to node {count - 1:,}"
        )
