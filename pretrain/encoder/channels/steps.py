"""The relations of a graph as normalised sparse matrices, and products with them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse

from ...graph.data import GraphData
from ..start import polynomial
from .weights import BACK, LINKS, Channel


class Steps:
    """``Dr^(-1/2) A Dc^(-1/2)`` for each step of a channel, float32 CSR, rows are who receives.

    Args:
        data: the graph.
        keep: takes the name of a relation and its number of links, gives which of them are there
            (bool); None: all. An undirected link is one.
    """

    def __init__(
        self, data: GraphData, keep: Callable[[str, int], np.ndarray] | None = None
    ) -> None:
        self._data, self._keep = data, keep
        # Of this object alone: a cache on the method would keep every graph.
        self.matrix = functools.cache(self._matrix_of)
        self._links = functools.cache(self._links_of)

    def product(self, channel: Channel, coefficients: np.ndarray, state: np.ndarray) -> np.ndarray:
        """``(c[0] I + c[1] B + ...) H`` for H [N, k], B the product of the channel's steps."""
        if not channel.steps:
            return coefficients[0] * state
        factors = [self.matrix(step, channel.loops) for step in channel.steps]
        result = polynomial(_Product(factors), coefficients, state)
        if channel.others_only:
            result -= coefficients[1] * self._way_back(factors[0]) * state
        return result

    def transposed(
        self, channel: Channel, coefficients: np.ndarray, state: np.ndarray
    ) -> np.ndarray:
        """The transposed matrix of `product`, times H [N, k]."""
        if not channel.steps:
            return coefficients[0] * state
        factors = [self.matrix(step, channel.loops) for step in channel.steps]
        result = polynomial(_Product([one.T for one in reversed(factors)]), coefficients, state)
        if channel.others_only:
            result -= coefficients[1] * self._way_back(factors[0]) * state
        return result

    @staticmethod
    def _way_back(step: scipy.sparse.csr_matrix) -> np.ndarray:
        """The diagonal of the product of a step and its inverse, [N, 1]."""
        return np.asarray(step.multiply(step).sum(axis=1), np.float32).reshape(-1, 1)

    def _links_of(self, relation: str) -> scipy.sparse.csr_matrix:
        """Ones [N, targets] where a node is linked to a target."""
        count = self._data.num_nodes
        if relation == LINKS:
            source, target = self._data.edge_index
            if self._keep is not None:  # one draw for both directions
                once = source < target
                source, target = source[once], target[once]
                kept = self._keep(relation, len(source))
                source, target = source[kept], target[kept]
                source, target = np.append(source, target), np.append(target, source)
            shape = (count, count)
        else:
            found = self._data.relation(relation)
            source, target = found.edge_index
            if self._keep is not None:
                kept = self._keep(relation, len(source))
                source, target = source[kept], target[kept]
            shape = (count, found.num_targets)
        ones = np.ones(len(source), np.float32)
        return scipy.sparse.csr_matrix((ones, (source, target)), shape)

    def _matrix_of(self, step: str, loops: bool = False) -> scipy.sparse.csr_matrix:
        links = self._links(step[:-1])
        links = links.T.tocsr() if step[-1] == BACK else links
        if loops:
            links = links + scipy.sparse.eye(links.shape[0], dtype=np.float32)
        degrees = [np.asarray(links.sum(axis=axis)).ravel() for axis in (1, 0)]
        rows, columns = (
            scipy.sparse.diags((1 / np.sqrt(np.maximum(one, 1))).astype(np.float32))
            for one in degrees
        )
        return (rows @ links @ columns).tocsr()


class _Product:
    """Matrices one after the other, for `polynomial`."""

    def __init__(self, factors: Sequence[scipy.sparse.csr_matrix]) -> None:
        self._factors = factors

    def __matmul__(self, state: np.ndarray) -> np.ndarray:
        for factor in reversed(self._factors):
            state = factor @ state
        return state
