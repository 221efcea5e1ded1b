"""The corruptions of features, each a pure function of (value, rate, key).

Conventions: ``rate`` is a probability in [0, 1]; rate 0 is the identity for every dtype. ``key``
is a 64-bit integer, see `random`. A feature is a dense array ``[N, ...]`` or `Ragged`; zeros are
written by selection, not by multiplication, so a dropped NaN becomes 0. Every path of the project
agrees with these functions bit for bit.

Source of the graph corruptions: Zhu et al., "Deep graph contrastive representation learning"
(GRACE, 2020), section 3.2; Bielak et al., "Graph Barlow Twins" (2022), section 3.1.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..random import as_uint64, bernoulli, check_rate, is_below_rate, permutation, row_words


class Ragged(NamedTuple):
    """Rows of different lengths: row ``i`` is ``values[row_splits[i]:row_splits[i + 1]]``.

    Attributes:
        values: array ``[V, ...]``, or again `Ragged` for ragged rank 2.
        row_splits: int64 ``[N + 1]``, non-decreasing, from 0 to V.
    """

    values: Any
    row_splits: np.ndarray


Feature: TypeAlias = np.ndarray | Ragged


def shuffle_rows(
    value: Feature, rate: float, key: int, *,
    real_rows: int | None = None, ids: ArrayLike | None = None,
) -> Feature:  # fmt: skip
    """Permutes ``ceil(rate * N)`` of the first ``N`` rows, chosen at random, among themselves.

    With ``p = permutation(key, N)[:count]``, row ``sorted(p)[j]`` receives row ``p[j]``. (The count
    is taken a relative 1e-12 lower, so that 0.14 of 50 rows are 7 in spite of rounding.)

    With ``ids`` the same happens in the order of the ids (as unsigned numbers, equal ones by
    position), with ``row_words`` for random words: the rows of the smallest words take part, and
    of these the one with the ``j``-th smallest id receives the row of the ``j``-th smallest word
    (equal words by id). So who gets whose row does not depend on the order of the rows.

    Args:
        value: dense ``[rows, ...]`` or `Ragged`, of any dtype.
        rate: share of the rows.
        key: 64-bit int.
        real_rows: N; rows from there on are padding and stay. None: all rows.
        ids: optional integer ``[rows]``.

    Returns:
        The same shape and dtype with the same multiset of rows.

    >>> shuffle_rows(np.arange(6), 0.5, key=2).tolist()
    [0, 1, 2, 4, 5, 3]
    >>> shuffle_rows(np.arange(6), 1, key=2, real_rows=4).tolist()
    [3, 0, 1, 2, 4, 5]
    """
    rows = len(value.row_splits) - 1 if isinstance(value, Ragged) else len(value)
    return take_rows(value, shuffled_row_indices(rows, rate, key, real_rows=real_rows, ids=ids))


def shuffled_row_indices(
    rows: int, rate: float, key: int, *, real_rows: int | None = None, ids: ArrayLike | None = None
) -> np.ndarray:
    """The row from which each row of a shuffled feature comes, int64 ``[rows]``.

    Taking several features by one result shuffles them jointly. Arguments: see `shuffle_rows`.
    """
    check_rate(rate)
    real_rows = rows if real_rows is None else real_rows
    count = int(np.ceil(rate * (1 - 1e-12) * real_rows))
    source = np.arange(rows)
    if ids is None:
        chosen = permutation(key, real_rows)[:count]
        source[np.sort(chosen)] = chosen
    else:
        by_id = np.argsort(as_uint64(ids)[:real_rows], kind="stable")
        words = row_words(key, np.asarray(ids)[by_id], 1)[:, 0]
        chosen = np.argsort(words, kind="stable")[:count]
        source[by_id[np.sort(chosen)]] = by_id[chosen]
    return source


def take_rows(value: Feature, rows: np.ndarray) -> Feature:
    """Row ``j`` of the result is row ``rows[j]`` of ``value`` (dense or `Ragged`)."""
    if not isinstance(value, Ragged):
        return value[rows]
    starts, stops = value.row_splits[:-1][rows], value.row_splits[1:][rows]
    inner = [np.arange(start, stop) for start, stop in zip(starts, stops, strict=True)]
    splits = np.concatenate([[0], np.cumsum(stops - starts)]).astype(value.row_splits.dtype)
    return Ragged(take_rows(value.values, np.concatenate([np.zeros(0, int), *inner])), splits)


def dropout(value: Feature, rate: float, key: int, *, ids: ArrayLike | None = None) -> Feature:
    """Sets each entry to 0 with probability ``rate``, scales the others by ``1 / (1 - rate)``.

    The factor is rounded to the value's dtype before the product. Rate 1 gives zeros. The draws are
    ``bernoulli(key, size, rate)`` in the order of the flat values; with ``ids``, entry ``j`` of a
    row (all its inner dimensions flat) is dropped if word ``j`` of the row's `row_words` is.

    Args:
        value: dense ``[N, ...]`` or `Ragged`, of a floating dtype.
        rate: probability of an entry to be dropped.
        key: 64-bit int.
        ids: optional integer ``[N]``.

    Raises:
        TypeError: if the dtype is not floating.

    >>> dropout(np.ones(4, np.float32), 0.5, key=3).tolist()
    [2.0, 0.0, 2.0, 2.0]
    """
    check_rate(rate)
    if rate == 0:
        return value
    flat, splits = value, None
    while isinstance(flat, Ragged):  # where each row lies in the flat values
        splits = flat.row_splits if splits is None else flat.row_splits[splits]
        flat = flat.values
    _check_floating(flat, "dropout")
    if rate == 1:
        return _with_flat(value, np.zeros_like(flat))
    if ids is None:
        dropped = bernoulli(key, flat.size, rate)
    else:
        lengths = np.full(len(flat), 1) if splits is None else np.diff(splits)
        entries = lengths * int(np.prod(flat.shape[1:]))
        rows = row_words(key, ids, max(entries, default=0))
        words = [row[:count] for row, count in zip(rows, entries, strict=True)]
        dropped = is_below_rate(np.concatenate([np.zeros(0, np.uint32), *words]), rate)
    scale = np.asarray(1 / (1 - rate), flat.dtype)
    dropped = dropped.reshape(flat.shape)
    return _with_flat(value, np.where(dropped, np.zeros((), flat.dtype), flat * scale))


def _with_flat(value, flat):
    if not isinstance(value, Ragged):
        return flat
    return Ragged(_with_flat(value.values, flat), value.row_splits)


def mask_columns(value: np.ndarray, rate: float, key: int) -> np.ndarray:
    """Sets each feature column to 0 in all rows with probability ``rate``; no scaling.

    Args:
        value: dense ``[N, ...]`` of a floating dtype; a column is an index into ``shape[1:]``.
        rate: probability of a column to be masked.
        key: 64-bit int.

    Raises:
        TypeError: if the dtype is not floating, or the value is ragged (it has no columns).

    >>> mask_columns(np.ones((2, 4), np.float32), 0.5, key=3).tolist()
    [[1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]]
    """
    if isinstance(value, Ragged):
        raise TypeError(
            "mask_columns expects a dense feature (got a ragged one: it has no columns)"
        )
    if rate == 0:
        return value
    _check_floating(value, "mask_columns")
    columns = value.shape[1:]
    masked = bernoulli(key, int(np.prod(columns)), rate).reshape(columns)
    return np.where(masked, np.zeros((), value.dtype), value)


def _check_floating(value, operation):
    # bfloat16 is not a subtype of np.floating; ml_dtypes gives it kind "V".
    if not (np.issubdtype(value.dtype, np.floating) or value.dtype.name == "bfloat16"):
        raise TypeError(f"{operation} expects a floating dtype (got {value.dtype})")
