"""What the sets of a schema say of the target's nodes, as columns of one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse

from ..objects.column import (
    BAG,
    CATEGORY,
    MOST_CATEGORIES,
    NUMBER,
    TEXT,
    VECTOR,
    kind_of,
    names_rows,
)
from ..objects.columns import Columns
from .tables import SetTable
from .values import INTEGER, rows_of

_MOST_CODES = 100  # different integers up to here are categories, more are measured


def kind_in(table: SetTable, name: str) -> str | None:
    """What a feature is, by its dtype, its shape and its values; None: it says nothing.

    Strings are categories, texts of several words, or, of more than 1,000 different ones, words
    too; integers of at most 100 different values are categories, but for 0 and 1. What is different
    for more than half of the rows and no text is a name; that and what is the same in all rows, or
    never there, says nothing.
    """
    series, feature = table.features[name], table.kinds[name]
    if feature.is_list:
        lengths = {len(one) for one in series} - {0}
        if feature.is_bag:
            return BAG if lengths else None
        return VECTOR if len(lengths) == 1 else None  # ragged numbers have no columns
    different = series.nunique()
    if different < 2:
        return None
    if series.dtype == object:
        if kind_of(series) == TEXT:
            return TEXT
        if names_rows(series):
            return None
        return CATEGORY if different <= MOST_CATEGORIES else TEXT
    is_code = feature.kind == INTEGER and different <= _MOST_CODES
    return CATEGORY if is_code and not set(series.dropna().unique()) <= {0.0, 1.0} else NUMBER


def features_of(
    own: Mapping[str, tuple[Any, str]], columns: Columns | None, where: str
) -> tuple[Any, Columns | None]:
    """Features [N, F] of Series [N] and their kinds, by name, and how they were made.

    Args:
        own: see `own_parts` and `joined`.
        columns: as at first.
        where: for messages.
    """
    parts = {name: series for name, (series, _) in own.items()}
    if columns is None:
        if not parts:
            return None, None
        columns = Columns.chosen(
            parts, {name: kind for name, (_, kind) in own.items()}, where=where
        )
    return columns.features(parts, where=where), columns


def own_parts(
    table: SetTable, columns: Columns | None, without: str | None
) -> dict[str, tuple[Any, str]]:
    """The target's own features, Series [N] and kinds by name.

    Args:
        table: of the target.
        columns: as at first; then these alone.
        without: the label.
    """
    found = {}
    for name in table.features:
        kind = _first_kind(columns, name) if columns else kind_in(table, name)
        if kind is not None and (columns or name != without):
            series = table.features[name]
            found[name] = (_codes(series) if kind == CATEGORY else series, kind)
    return found


def joined(
    edge_set: str, table: SetTable, ends: np.ndarray, num_nodes: int, columns: Columns | None
) -> dict[str, tuple[Any, str]]:
    """The features of other nodes, for the nodes that are linked to them.

    Of all nodes linked to one: means of numbers and vectors, texts one after the other, and of the
    rest bags of all that is there.

    Args:
        edge_set: what the links are called.
        table: of the other nodes.
        ends: [2, E], nodes and other nodes.
        num_nodes: N.
        columns: as at first; then these alone.

    Returns:
        Series [N] and kinds by name, ``EDGE_SET.FEATURE``.
    """
    order = np.argsort(ends[0], kind="stable")
    nodes, others = ends[:, order]
    found = {}
    for name in table.features:
        full_name = f"{edge_set}.{name}"
        kind = _first_kind(columns, full_name) if columns else kind_in(table, name)
        if kind is None:
            continue
        series = table.features[name]
        if kind in (CATEGORY, BAG):
            found[full_name] = (_bags(_codes(series), nodes, others, num_nodes), BAG)
        elif kind == TEXT:
            found[full_name] = (_texts(series, nodes, others, num_nodes), TEXT)
        else:
            found[full_name] = (_means(series, nodes, others, num_nodes), kind)
    return found


def _first_kind(columns: Columns | None, name: str) -> str | None:
    kinds = {one.name: one.kind for one in columns.columns} if columns else {}
    return kinds.get(name)


def _codes(series: Any) -> Any:
    """Integers as text, which are called "3" rather than "3.0"; others as they are."""
    if series.dtype == object:
        return series
    return (
        series.round().astype("Int64").astype("string").astype(object).where(series.notna(), None)
    )


def _means(series: Any, nodes: np.ndarray, others: np.ndarray, num_nodes: int) -> Any:
    """Of what is known of each; NaN, or an empty array, where nothing is."""
    import pandas

    if series.dtype == object:
        known = np.array([len(one) > 0 for one in series])
        values = np.stack([one for one in series if len(one)]).astype(np.float64)
    else:
        known = series.notna().to_numpy()
        values = series.to_numpy()[known][:, None]
    place = np.cumsum(known) - 1
    kept = known[others]
    shape = (num_nodes, len(values))
    ones = np.ones(int(kept.sum()))
    links = scipy.sparse.csr_matrix((ones, (nodes[kept], place[others[kept]])), shape)
    counts = np.asarray(links.sum(axis=1))
    means = np.divide(
        links @ values, counts, out=np.full((num_nodes, values.shape[1]), np.nan), where=counts > 0
    )
    if series.dtype != object:
        return pandas.Series(means[:, 0])
    return rows_of(means[counts[:, 0] > 0].ravel(), values.shape[1] * (counts[:, 0] > 0))


def _bags(series: Any, nodes: np.ndarray, others: np.ndarray, num_nodes: int) -> Any:
    """An array of all that is there of each."""
    values = series.to_numpy()
    if len(values) and isinstance(values[0], np.ndarray):
        lengths = np.array([len(one) for one in values], np.int64)
        flat = np.concatenate(list(values))
        starts = np.cumsum(lengths) - lengths
        counts = lengths[others]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        things = flat[np.repeat(starts[others], counts) + within]
        sizes = np.bincount(nodes, counts, num_nodes).astype(np.int64)
    else:
        taken = values[others]
        there = np.array([one is not None for one in taken], bool)
        things, sizes = taken[there], np.bincount(nodes[there], minlength=num_nodes)
    return rows_of(things, sizes)


def _texts(series: Any, nodes: np.ndarray, others: np.ndarray, num_nodes: int) -> Any:
    bags = _bags(series, nodes, others, num_nodes)
    return bags.map(lambda one: " ".join(one) if len(one) else None).astype(object)
