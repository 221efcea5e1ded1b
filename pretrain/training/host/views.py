"""The two views of a step: which edges, columns and entries each keeps.

The draws are those of `steps.build.make_task`'s corruptors, bit for bit: pure functions of seed,
view and step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ....kernels.keys import derive_key
from ....kernels.words import bernoulli
from ..recipe import Recipe

# What the corruptors call the parts: TF-GNN's names of a homogeneous graph, and those of its
# features in graph/tensor.py, which imports TensorFlow.
_EDGES, _NODES, _COLUMNS = "edge_set:edges", "node_set:nodes", "kept_columns"
_DENSE, _SPARSE = "features", "values"


class View(NamedTuple):
    """What a view keeps.

    Attributes:
        edges: bool [E], in the order of who receives.
        columns: bool [F], of the features.
        entries: bool, of all features, [N F] if they are dense, else of the entries that are there;
            None: all.
        entry_scale: what kept entries are multiplied by, ``1 / (1 - rate)``.
    """

    edges: np.ndarray
    columns: np.ndarray
    entries: np.ndarray | None
    entry_scale: float


def draw_views(
    recipe: Recipe, step: int, num_edges: int, features: Any, *, sparse: bool
) -> list[View]:
    """Both views of a step.

    Args:
        recipe: of its seed and rates.
        step: its number.
        num_edges: E.
        features: the matrix [N, F].
        sparse: whether it is trained on as a sparse matrix.
    """
    rates = zip(recipe.drop_edges, recipe.mask_features, recipe.drop_entries, strict=True)
    rows, columns = features.shape
    entries = features.nnz if sparse else rows * columns
    views = []
    for number, (of_edges, of_columns, of_entries) in enumerate(rates):
        key = derive_key(derive_key(recipe.seed, f"view {number}"), step)

        def drawn(member, parts, count, rate, key=key):
            own = derive_key(key, member)
            for part in parts:
                own = derive_key(own, part)
            return bernoulli(own, count, rate)

        kept = None
        if of_entries:
            kept = ~drawn(2, (_NODES, _SPARSE if sparse else _DENSE), entries, of_entries)
        views.append(
            View(
                ~drawn(0, (_EDGES,), num_edges, of_edges),
                ~drawn(1, ("context", _COLUMNS), columns, of_columns),
                kept,
                1 / (1 - of_entries) if of_entries < 1 else 0.0,
            )
        )
    return views
