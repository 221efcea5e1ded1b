"""What a training on the host needs of a graph, and how a view changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ....kernels.team import each_in_a_thread
from ....kernels.training.adjacency import Edges, Propagation
from ....kernels.training.features import Features
from ...graph.data import SPARSE_DENSITY, GraphData, feature_density
from ..recipe import Recipe
from .views import View, draw_views


class Inputs:
    """Edges and features of a graph.

    Args:
        data: the graph.
        dtype: of all numbers.

    Attributes:
        matrix: features, dense or CSR, [N, F].
        is_sparse: whether they are sparse.
        num_edges: E.
        all: the view that keeps everything.
    """

    def __init__(self, data: GraphData, dtype: Any = np.float32):
        self.matrix: Any
        self.is_sparse = feature_density(data) <= SPARSE_DENSITY
        rows: Any = data.features if data.is_sparse else data.feature_rows(slice(None))
        if self.is_sparse:
            self.matrix = scipy.sparse.csr_matrix(rows, dtype=dtype)
        else:
            dense = rows.toarray() if data.is_sparse else rows
            self.matrix = np.ascontiguousarray(dense, dtype)
        self.num_edges = data.num_edges
        # Sorted by source, and every edge has its reverse: so the other way round by target.
        target, source = data.edge_index
        weights = data.edge_weight
        weights = np.ones(data.num_edges, dtype) if weights is None else weights.astype(dtype)
        self._edges = Edges.of(target, source, weights, data.num_nodes)
        self._features = Features(self.matrix)
        self.all = View(np.ones(data.num_edges, bool), np.ones(data.num_features, bool), None, 1.0)

    def views(self, recipe: Recipe, step: int) -> list[View]:
        """Both views of a step; see `draw_views`."""
        return draw_views(recipe, step, self.num_edges, self.matrix, sparse=self.is_sparse)

    def propagation(self, view: View) -> Propagation:
        """The view's normalised adjacency matrix."""
        return Propagation(self._edges, view.edges)

    def entries(self, view: View) -> Any:
        """The features without the entries that the view drops; its columns are all there."""
        if view.entries is None:
            return self.matrix
        scale = self.matrix.dtype.type(view.entry_scale)
        if not self.is_sparse:
            return np.where(view.entries.reshape(self.matrix.shape), self.matrix * scale, 0)
        values = np.where(view.entries, self.matrix.data * scale, 0)
        parts = (values.astype(self.matrix.dtype), self.matrix.indices, self.matrix.indptr)
        return scipy.sparse.csr_matrix(parts, self.matrix.shape)

    def features(self, view: View) -> Features:
        """The same, to be multiplied with."""
        return self._features if view.entries is None else Features(self.entries(view))


def of_each_view(function: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
    """What the function gives of each view; both at once where the machine has two cores."""

    def of_one(*own):
        with np.errstate(all="ignore"):  # of this thread; whoever asks looks at what comes out
            return function(*own)

    calls = list(zip(*arguments, strict=True))
    return each_in_a_thread(of_one, calls)


def sum_of(parts: list[np.ndarray]) -> np.ndarray:
    """The sum of arrays of one shape, the first of which is overwritten."""
    total, *others = parts
    for one in others:
        total += one
    return total
