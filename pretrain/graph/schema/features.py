"""What the sets of a schema say of the target's nodes, as columns of one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse

from ..objects.columns import CATEGORY, Columns

_MOST_CODES = 100  # different integers up to here are categories, more are measured
_SHARED = 0.5  # of the nodes; strings that are more different than this name a node each


def features_of(
    parts: Mapping[str, Any], columns: Columns | None, where: str
) -> tuple[Any, Columns | None, list[str]]:
    """Features [N, F], how they were made, and what to say of what was left out.

    Strings are categories, and so are integers of at most 100 different values; strings of more
    than 1,000 are hashed. What is different for more than half of the nodes is a name, and what is
    the same for all of them, or never there, says nothing: both are left out.

    Args:
        parts: Series [N] by name.
        columns: as at first.
        where: for messages.
    """
    import pandas

    if columns is None:
        kept = {key: _typed(column) for key, column in parts.items() if not _says_nothing(column)}
    else:
        codes = {one.name for one in columns.columns if one.kind == CATEGORY}
        kept = {key: _as_codes(c) if key in codes else c for key, c in parts.items()}
    told = []
    if left := sorted(set(parts) - set(kept)):
        told.append(f"left out, as they name nodes or are the same for all: {', '.join(left)}")
    if not kept:
        return None, None, told
    table = pandas.DataFrame(kept)
    used = columns or Columns.of(table, where=where)
    return used.features(table, where=where), used, told


def _says_nothing(column: Any) -> bool:
    if _is_array(column):
        return not any(len(one) for one in column)
    known = column.dropna()
    different = known.nunique()
    return different < 2 or (column.dtype == object and different > _SHARED * len(column))


def _typed(column: Any) -> Any:
    if _is_array(column) or column.dtype == object:
        return column
    known = column.dropna()
    is_code = known.nunique() <= _MOST_CODES and (known == np.floor(known)).all()
    if not is_code or set(known.unique()) <= {0.0, 1.0}:
        return column
    return _as_codes(column)


def _as_codes(column: Any) -> Any:
    """Integers as categories, which are called "3" rather than "3.0"; others as they are."""
    return column if column.dtype == object else column.round().astype("Int64").astype("category")


def joined(features: Mapping[str, Any], ends: np.ndarray, num_nodes: int) -> dict[str, Any]:
    """The features of other nodes, for the nodes that are linked to them.

    Args:
        features: of the other nodes, Series [M] by name.
        ends: [2, E], nodes and other nodes.
        num_nodes: N.

    Returns:
        Series [N] by name. Of nodes with one link at most, what is there; else means of numbers,
        and of the rest an array with all that is there.
    """
    order = np.argsort(ends[0], kind="stable")
    nodes, others = ends[:, order]
    counts = np.bincount(nodes, minlength=num_nodes)
    if counts.max(initial=0) <= 1:
        return {
            key: _one_each(column, nodes, others, num_nodes) for key, column in features.items()
        }
    return {key: _all_of_each(column, nodes, others, counts) for key, column in features.items()}


def _one_each(column: Any, nodes: np.ndarray, others: np.ndarray, num_nodes: int) -> Any:
    import pandas

    found = column.iloc[others].set_axis(nodes).reindex(range(num_nodes))
    if _is_array(column):
        empty = column.iloc[0][:0]
        found = pandas.Series([one if isinstance(one, np.ndarray) else empty for one in found])
    return found


def _all_of_each(column: Any, nodes: np.ndarray, others: np.ndarray, counts: np.ndarray) -> Any:
    import pandas

    if column.dtype == np.float64:
        values = column.to_numpy()[others]
        known = ~np.isnan(values)
        sums = np.bincount(nodes[known], values[known], len(counts))
        numbers = np.bincount(nodes[known], minlength=len(counts))
        return pandas.Series(
            np.divide(sums, numbers, out=np.full(len(counts), np.nan), where=numbers > 0)
        )
    values = column.to_numpy()[others]
    if _is_array(column):
        if column.iloc[0].dtype.kind == "f":  # vectors
            width = max(len(one) for one in column)
            matrix = np.stack([one if len(one) else np.zeros(width) for one in column])
            ones = np.ones(len(nodes))
            mean = scipy.sparse.csr_matrix((ones, (nodes, others)), (len(counts), len(column)))
            sums = (mean @ matrix) / np.maximum(counts, 1)[:, None]
            return pandas.Series(list(sums))
        lengths = np.array([len(one) for one in values])
        flat = np.concatenate(list(values)) if len(values) else column.iloc[0][:0]
        ends = np.bincount(nodes, lengths, len(counts)).astype(np.int64).cumsum()
        bags = np.split(flat, ends[:-1])
    else:
        present = np.array([one is not None for one in values], bool)
        sizes = np.bincount(nodes[present], minlength=len(counts))
        bags = np.split(values[present].astype(str), sizes.cumsum()[:-1])
    rows = np.empty(len(counts), object)
    rows[:] = bags
    return pandas.Series(rows)


def _is_array(column: Any) -> bool:
    return column.dtype == object and len(column) > 0 and isinstance(column.iloc[0], np.ndarray)
