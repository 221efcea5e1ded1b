"""The relations of a graph as normalised sparse matrices, and products with them."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import scipy.sparse

from ...graph.adjacency import normalized, with_loops
from ...graph.data import GraphData
from ..start import polynomial
from .weights import BACK, LINKS, Channel


class StepMatrices:
    """``Dr^(-1/2) A Dc^(-1/2)`` for each step of a channel, float32 CSR, rows are who receives."""

    def __init__(self, data: GraphData) -> None:
        self._data = data
        # Of this object alone: a cache on the method would keep every graph.
        self.matrix = functools.cache(self._matrix_of)
        self._links = functools.cache(self._links_of)

    def product(
        self,
        channel: Channel,
        coefficients: np.ndarray,
        state: np.ndarray,
        *,
        transposed: bool = False,
    ) -> np.ndarray:
        """``(c[0] I + c[1] B + ...) H`` for H [N, k], B the product of the channel's steps.

        With `transposed` the transposed matrix times H.
        """
        if not channel.steps:
            return coefficients[0] * state
        factors = [self.matrix(step, channel.loops) for step in channel.steps]
        in_order = [one.T for one in reversed(factors)] if transposed else factors
        result = polynomial(_Product(in_order), coefficients, state)
        if channel.others_only:  # a step and its inverse: the way back is the diagonal
            squares = factors[0].multiply(factors[0]).sum(axis=1)
            result -= coefficients[1] * np.asarray(squares, np.float32).reshape(-1, 1) * state
        return result

    def _links_of(self, relation: str) -> scipy.sparse.csr_matrix:
        """Weights [N, targets], above 0 where a node is linked to a target."""
        if relation == LINKS:
            return self._data.adjacency.matrix()
        found = self._data.relation(relation).weighted()
        shape = (self._data.num_nodes, found.num_targets)
        return scipy.sparse.csr_matrix((found.edge_weight, tuple(found.edge_index)), shape)

    def _matrix_of(self, step: str, loops: bool = False) -> scipy.sparse.csr_matrix:
        links = self._links(step[:-1])
        links = links.T.tocsr() if step[-1] == BACK else links
        return normalized(with_loops(links) if loops else links)


class _Product:
    """Matrices one after the other, for `polynomial`."""

    def __init__(self, factors: Sequence[scipy.sparse.csr_matrix]) -> None:
        self._factors = factors

    def __matmul__(self, state: np.ndarray) -> np.ndarray:
        for factor in reversed(self._factors):
            state = factor @ state
        return state
