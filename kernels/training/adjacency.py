"""The normalised adjacency matrix of a graph that lacks some of its edges, both ways round."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..blas import jit
from ..sparse import csr_product, sparse_polynomial

_NO_PLACES = np.zeros(0, np.int64)  # an edge's place is its number


class Edges(NamedTuple):
    """The edges of a graph in the two orders that a training needs.

    Attributes:
        indptr: int64 [N + 1]; of the edges in the order of who receives.
        indices: int32 [E], who sends.
        weights: float32 or float64 [E].
        indptr_t: the same in the order of who sends.
        indices_t: who receives.
        places_t: int64 [E], the number of such an edge in the first order.
    """

    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray
    indptr_t: np.ndarray
    indices_t: np.ndarray
    places_t: np.ndarray

    @classmethod
    def of(
        cls, target: np.ndarray, source: np.ndarray, weights: np.ndarray, num_nodes: int
    ) -> Edges:
        """From the ends of each edge.

        Args:
            target: integers [E] in [0, N), who receives, in ascending order.
            source: integers [E] in [0, N), who sends.
            weights: [E].
            num_nodes: N.
        """
        order = np.argsort(source, kind="stable")
        indptrs = [
            np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=num_nodes))]).astype(
                np.int64
            )
            for ends in (target, source)
        ]
        return cls(
            indptrs[0],
            np.ascontiguousarray(source, np.int32),
            weights,
            indptrs[1],
            np.ascontiguousarray(target[order], np.int32),
            order.astype(np.int64),
        )


class Propagation:
    """``Dr^(-1/2) (A + I) Dc^(-1/2)`` of the edges that a view keeps; rows are who receives.

    Args:
        edges: of the graph.
        kept: bool [E], in their first order.

    Source: Kipf and Welling 2017, https://arxiv.org/abs/1609.02907, equation 2.
    """

    def __init__(self, edges: Edges, kept: np.ndarray):
        self._edges, self._kept = edges, kept
        self._sums = _sums(edges.indptr, edges.indices, edges.weights, kept)
        self._matrix = _with_loops(
            edges.indptr, edges.indices, edges.weights, kept, _NO_PLACES, *self._sums
        )

    def forward(
        self, coefficients: np.ndarray | None, state: np.ndarray, out: np.ndarray | None = None
    ) -> np.ndarray:
        """``(c[0] I + c[1] S + ... + c[K] S^K) H``, without coefficients ``S H``.

        Args:
            coefficients: c, see `sparse_polynomial`.
            state: H, C-contiguous [N, D].
            out: C-contiguous [N, D], another than H; overwritten.
        """
        return _apply(self._matrix, coefficients, state, out)

    def backward(
        self, coefficients: np.ndarray | None, gradient: np.ndarray, out: np.ndarray | None = None
    ) -> np.ndarray:
        """The same of the transposed matrix: from the gradient of the result to that of H."""
        edges = self._edges
        by_row, by_column = self._sums
        transposed = _with_loops(
            edges.indptr_t,
            edges.indices_t,
            edges.weights,
            self._kept,
            edges.places_t,
            by_column,
            by_row,
        )
        return _apply(transposed, coefficients, gradient, out)


def _apply(matrix, coefficients, state, out):
    if coefficients is None:
        return csr_product(*matrix, state, out)
    return sparse_polynomial(*matrix, coefficients, state, out)


@jit()
def _sums(indptr, indices, weights, kept):
    """Sums of A + I by rows and by columns, float64 [N] each."""
    count = len(indptr) - 1
    by_row, by_column = np.ones(count), np.ones(count)
    for row in range(count):
        for entry in range(indptr[row], indptr[row + 1]):
            if kept[entry]:
                by_row[row] += weights[entry]
                by_column[indices[entry]] += weights[entry]
    return by_row, by_column


@jit()
def _with_loops(indptr, indices, weights, kept, places, by_row, by_column):
    """CSR form ``(indptr, indices, values)`` of the normalised matrix; a loop ends its row."""
    count, largest = len(indptr) - 1, len(indices)
    in_order = len(places) == 0
    starts = np.empty(count + 1, np.int64)
    columns = np.empty(largest + count, np.int32)
    values = np.empty(largest + count, weights.dtype)
    there = 0
    for row in range(count):
        starts[row] = there
        for entry in range(indptr[row], indptr[row + 1]):
            place = entry if in_order else places[entry]
            if kept[place]:
                column = indices[entry]
                columns[there] = column
                values[there] = weights[place] / np.sqrt(by_row[row] * by_column[column])
                there += 1
        columns[there] = row
        values[there] = 1 / np.sqrt(by_row[row] * by_column[row])
        there += 1
    starts[count] = there
    return starts, columns[:there], values[:there]
