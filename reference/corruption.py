"""The corruptions, each a pure function of (value, rate, key).

Conventions: ``rate`` is a probability in [0, 1]; rate 0 is the identity for every dtype. ``key``
is a 64-bit integer, see `random`. A feature is a dense array ``[N, ...]`` or `Ragged`; zeros are
written by selection, not by multiplication, so a dropped NaN becomes 0. Every path of the project
agrees with these functions bit for bit.

Source of the graph corruptions: Zhu et al., "Deep graph contrastive representation learning"
(GRACE, 2020), section 3.2; Bielak et al., "Graph Barlow Twins" (2022), section 3.1.
"""

from typing import NamedTuple

import numpy as np

from .random import bernoulli, permutation


class Ragged(NamedTuple):
    """Rows of different lengths: row ``i`` is ``values[row_splits[i]:row_splits[i + 1]]``.

    Attributes:
        values: array ``[V, ...]``, or again `Ragged` for ragged rank 2.
        row_splits: int64 ``[N + 1]``, non-decreasing, from 0 to V.
    """

    values: object
    row_splits: np.ndarray


def shuffle_rows(value, rate, key):
    """Permutes ``ceil(rate * N)`` rows, chosen at random, among themselves.

    With ``p = permutation(key, N)[:count]``, row ``sorted(p)[j]`` receives row ``p[j]``. (The count
    is taken a relative 1e-12 lower, so that 0.14 of 50 rows are 7 in spite of rounding.)

    Args:
        value: dense ``[N, ...]`` or `Ragged`, of any dtype.
        rate: share of the rows.
        key: 64-bit int.

    Returns:
        The same shape and dtype with the same multiset of rows.

    >>> shuffle_rows(np.arange(6), 0.5, key=2).tolist()
    [0, 1, 2, 4, 5, 3]
    """
    _check_rate(rate)
    rows = len(value.row_splits) - 1 if isinstance(value, Ragged) else len(value)
    chosen = permutation(key, rows)[: int(np.ceil(rate * (1 - 1e-12) * rows))]
    source = np.arange(rows)
    source[np.sort(chosen)] = chosen
    return take_rows(value, source)


def take_rows(value, rows):
    """Row ``j`` of the result is row ``rows[j]`` of ``value`` (dense or `Ragged`)."""
    if not isinstance(value, Ragged):
        return value[rows]
    starts, stops = value.row_splits[:-1][rows], value.row_splits[1:][rows]
    inner = [np.arange(start, stop) for start, stop in zip(starts, stops, strict=True)]
    splits = np.concatenate([[0], np.cumsum(stops - starts)]).astype(value.row_splits.dtype)
    return Ragged(take_rows(value.values, np.concatenate([np.zeros(0, int), *inner])), splits)


def dropout(value, rate, key):
    """Sets each entry to 0 with probability ``rate``, scales the others by ``1 / (1 - rate)``.

    The factor is rounded to the value's dtype before the product. Rate 1 gives zeros.

    Args:
        value: dense ``[N, ...]`` or `Ragged`, of a floating dtype.
        rate: probability of an entry to be dropped.
        key: 64-bit int.

    Raises:
        TypeError: if the dtype is not floating.

    >>> dropout(np.ones(4, np.float32), 0.5, key=3).tolist()
    [2.0, 0.0, 2.0, 2.0]
    """
    if isinstance(value, Ragged):
        return Ragged(dropout(value.values, rate, key), value.row_splits)
    _check_rate(rate)
    if rate == 0:
        return value
    _check_floating(value, "dropout")
    if rate == 1:
        return np.zeros_like(value)
    scale = np.asarray(1 / (1 - rate), value.dtype)
    dropped = bernoulli(key, value.size, rate).reshape(value.shape)
    return np.where(dropped, np.zeros((), value.dtype), value * scale)


def mask_columns(value, rate, key):
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
    _check_rate(rate)
    if rate == 0:
        return value
    _check_floating(value, "mask_columns")
    columns = value.shape[1:]
    masked = bernoulli(key, int(np.prod(columns)), rate).reshape(columns)
    return np.where(masked, np.zeros((), value.dtype), value)


def drop_edges(source, target, rate, key, *, features=None, sizes=None):
    """Removes each edge with probability ``rate``, its features with it.

    Args:
        source: integer ``[E]``, index of each edge's source node.
        target: integer ``[E]``, likewise the target's.
        rate: probability of an edge to be dropped.
        key: 64-bit int.
        features: optional dict of dense ``[E, ...]`` or `Ragged` edge features.
        sizes: optional integer ``[components]`` with sum E; default: one component.

    Returns:
        ``(source, target, features, sizes)`` of the edges kept, in their order.
    """
    _check_rate(rate)
    sizes = np.asarray([len(source)] if sizes is None else sizes)
    kept = ~bernoulli(key, len(source), rate)
    component = np.repeat(np.arange(len(sizes)), sizes)
    kept_sizes = np.bincount(component[kept], minlength=len(sizes)).astype(sizes.dtype)
    rows = np.flatnonzero(kept)
    features = {name: take_rows(value, rows) for name, value in (features or {}).items()}
    return source[rows], target[rows], features, kept_sizes


def _check_rate(rate):
    if not 0 <= rate <= 1:
        raise ValueError(f"rate should be in [0, 1] (got {rate})")


def _check_floating(value, operation):
    # bfloat16 is not a subtype of np.floating; ml_dtypes gives it kind "V".
    if not (np.issubdtype(value.dtype, np.floating) or value.dtype.name == "bfloat16"):
        raise TypeError(f"{operation} expects a floating dtype (got {value.dtype})")
