"""From a table of numbers, categories and texts to features, the same way for every table."""

from __future__ import annotations

import dataclasses
import decimal
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ...errors import InputError, shown

NUMBER, CATEGORY, TEXT, BAG, VECTOR = "number", "category", "text", "bag", "vector"
_WORDS = 1024  # columns that a text is hashed to
_MOST_CATEGORIES = 1000  # in one column; of more values hardly any is shared by two nodes
_WORDS_OF_A_TEXT = 3  # on average; fewer are a name
_MOST_OF_A_BAG = 20_000  # different things in bags; the most frequent ones


@dataclasses.dataclass(frozen=True)
class Column:
    """How one column of a table becomes features.

    Attributes:
        name: of the column.
        kind: "number", one feature; "category", one for each of its values; "text", hashed words;
            "bag", one for each thing that is in a row's list, counted; "vector", several numbers.
        mean: of the numbers known; stands for missing ones.
        spread: standard deviation that a number is divided by beside categories or texts; 0: a
            table of numbers alone, which are taken as they are.
        values: the categories, in ascending order; others, and missing ones, are none of them.
        size: of a vector.
    """

    name: str
    kind: str
    mean: float = 0.0
    spread: float = 0.0
    values: tuple[str, ...] = ()
    size: int = 1

    @property
    def width(self) -> int:
        """Number of features."""
        if self.kind in (CATEGORY, BAG):
            return len(self.values)
        return _WORDS if self.kind == TEXT else self.size

    def features(self, series: Any) -> Any:
        """[N, width], dense of numbers, else CSR."""
        if self.kind in (NUMBER, VECTOR):
            numbers = _numbers(series)[:, None] if self.kind == NUMBER else self._vectors(series)
            numbers = np.where(np.isnan(numbers), self.mean, numbers)
            if self.spread:
                numbers = (numbers - self.mean) / self.spread
            return numbers
        if self.kind == BAG:
            return self._counts(series)
        words = _words(series)
        if self.kind == TEXT:
            from sklearn.feature_extraction.text import HashingVectorizer

            hashed = HashingVectorizer(n_features=_WORDS, alternate_sign=False, norm=None)
            return hashed.transform(["" if one is None else one for one in words])
        places = self._places()
        found = np.array([-1 if one is None else places.get(one, -1) for one in words], np.int64)
        rows = np.flatnonzero(found >= 0)
        ones = np.ones(len(rows), np.float32)
        return scipy.sparse.csr_matrix((ones, (rows, found[rows])), (len(found), self.width))

    def _places(self) -> dict[str, int]:
        return {value: place for place, value in enumerate(self.values)}

    def _counts(self, series: Any) -> scipy.sparse.csr_matrix:
        things, lengths = _things(series)
        different, of_thing = np.unique(things, return_inverse=True)
        places = self._places()
        place = np.array([places.get(str(one), -1) for one in different], np.int64)[of_thing]
        rows = np.repeat(np.arange(len(lengths)), lengths)[place >= 0]
        ones = np.ones(len(rows), np.float32)
        shape = (len(lengths), self.width)
        return scipy.sparse.csr_matrix((ones, (rows, place[place >= 0])), shape)

    def _vectors(self, series: Any) -> np.ndarray:
        """[N, size], NaN where a row has none."""
        found = np.full((len(series), self.size), np.nan)
        for row, one in enumerate(series):
            if one is not None and np.ndim(one) and len(one):
                found[row] = one
        return found


@dataclasses.dataclass(frozen=True)
class Columns:
    """All columns of a table, in its order."""

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, table: Any, *, where: str = "X") -> Columns:
        """Decides by a DataFrame what its columns are.

        Numbers and booleans are numbers, texts of three words and more on average are texts, other
        texts and pandas' categories are categories. Lists of floats that are equally long are
        vectors, other lists bags.

        Raises:
            InputError: a column without a value, of one that is neither, or of more than 1,000
                categories.
        """
        if table.columns.has_duplicates:
            twice = table.columns[table.columns.duplicated()][0]
            raise InputError(f"{where}: two columns are called {shown(twice)}")
        found = [_column(str(name), table[name], where) for name in table.columns]
        if not found:
            raise InputError(f"{where}: expected at least one column of features")
        if all(one.kind in (NUMBER, VECTOR) for one in found):
            found = [dataclasses.replace(one, spread=0.0) for one in found]
        return cls(tuple(found))

    def features(self, table: Any, *, where: str = "X") -> Any:
        """Features of a table with these columns, in any order, [N, F] float32 or CSR.

        Raises:
            InputError: a column that is missing, or no longer of numbers.
        """
        by_name = {str(name): table[name] for name in table.columns}
        parts = []
        for one in self.columns:
            if one.name not in by_name:
                raise InputError(f"{where}: there is no column {shown(one.name)}, as at first")
            try:
                parts.append(one.features(by_name[one.name]))
            except (TypeError, ValueError) as error:
                raise InputError(f"{where}: column {shown(one.name)}: {error}") from None
        if all(isinstance(part, np.ndarray) for part in parts):
            return np.concatenate(parts, axis=1).astype(np.float32)
        found = scipy.sparse.csr_matrix(scipy.sparse.hstack(parts), dtype=np.float32)
        size = found.shape[0] * found.shape[1]
        return found.toarray() if 3 * found.nnz > size else found

    def described(self) -> str:
        """One line: what became of the columns."""
        told = []
        for kind, what in (
            (NUMBER, "number"),
            (VECTOR, "vector"),
            (CATEGORY, "category"),
            (TEXT, "text"),
            (BAG, "bag"),
        ):
            of_kind = [one for one in self.columns if one.kind == kind]
            if not of_kind:
                continue
            names = ", ".join(one.name for one in of_kind[:3]) + ", ..." * (len(of_kind) > 3)
            width = sum(one.width for one in of_kind)
            plural = {"category": "categories"}.get(what, what + "s")
            told.append(
                f"{len(of_kind)} {what if len(of_kind) == 1 else plural} ({names})"
                + (f" as {width:,} columns of 0 and 1" if kind == CATEGORY else "")
                + (f" as words hashed to {width:,} columns" if kind == TEXT else "")
                + (f" of {width:,} different things" if kind == BAG else "")
                + (f" of {width:,} numbers" if kind == VECTOR else "")
                + (", standardised" if kind in (NUMBER, VECTOR) and of_kind[0].spread else "")
            )
        return "; ".join(told)

    def to_list(self) -> list[dict[str, Any]]:
        """What JSON can hold."""
        return [dataclasses.asdict(one) | {"values": list(one.values)} for one in self.columns]

    @classmethod
    def from_list(cls, columns: Sequence[Mapping[str, Any]]) -> Columns:
        """Reads `to_list` back.

        Raises:
            InputError: if it is not one.
        """
        try:
            found = tuple(Column(**{**one, "values": tuple(one["values"])}) for one in columns)
            for one in found:
                if not np.isfinite([one.mean, one.spread, one.width]).all():
                    raise ValueError
        except (TypeError, KeyError, ValueError):
            raise InputError("columns: expected what a run has written") from None
        return cls(found)


def _column(name: str, series: Any, where: str) -> Column:
    if _is_list(series):
        return _column_of_lists(name, series, where)
    if _is_number(series):
        numbers = _numbers(series)
        known = numbers[~np.isnan(numbers)]
        if not len(known):
            raise InputError(f"{where}: column {shown(name)} has no value; leave it out")
        return Column(name, NUMBER, float(known.mean()), float(known.std()) or 1.0)
    words = _words(series)
    known_words = [one for one in words if one is not None]
    if not known_words:
        raise InputError(f"{where}: column {shown(name)} has no value; leave it out")
    is_text = str(series.dtype) != "category" and (
        sum(len(one.split()) for one in known_words) >= _WORDS_OF_A_TEXT * len(known_words)
    )
    if is_text:
        return Column(name, TEXT)
    values = tuple(sorted(set(known_words)))
    if len(values) > _MOST_CATEGORIES:
        raise InputError(
            f"{where}: column {shown(name)} has {len(values):,} different values, such as"
            f" {shown(values[0])}; expected at most {_MOST_CATEGORIES:,} categories, numbers, or"
            " texts of several words; leave it out, or name it as the ids"
        )
    return Column(name, CATEGORY, values=values)


def _is_list(series: Any) -> bool:
    if str(series.dtype) != "object":
        return False
    known = (one for one in series if one is not None and one is not np.nan)
    return isinstance(next(known, None), (list, tuple, np.ndarray))


def _column_of_lists(name: str, series: Any, where: str) -> Column:
    things, lengths = _things(series)
    sizes = set(lengths[lengths > 0].tolist())
    if not sizes:
        raise InputError(f"{where}: column {shown(name)} has no value; leave it out")
    if things.dtype.kind == "f":
        if len(sizes) > 1:
            raise InputError(
                f"{where}: column {shown(name)}: expected equally many numbers in each row, got"
                f" {min(sizes)} and {max(sizes)}"
            )
        known = things[~np.isnan(things)]
        return Column(
            name, VECTOR, float(known.mean()), float(known.std()) or 1.0, size=sizes.pop()
        )
    different, counts = np.unique(things, return_counts=True)
    most = np.sort(np.argsort(-counts, kind="stable")[:_MOST_OF_A_BAG])
    return Column(name, BAG, values=tuple(str(one) for one in different[most]))


def _things(series: Any) -> tuple[np.ndarray, np.ndarray]:
    """What is in all rows' lists, one after the other, and how many are in each."""
    rows = [np.atleast_1d(one) if _is_there(one) else np.zeros(0) for one in series]
    lengths = np.array([len(one) for one in rows], np.int64)
    filled = [one for one in rows if len(one)]
    things = np.concatenate(filled) if filled else np.zeros(0, np.int64)
    return (things.astype(str) if things.dtype.kind in "OSU" else things), lengths


def _is_there(one: Any) -> bool:
    return one is not None and (np.ndim(one) > 0 or isinstance(one, str))


def _is_number(series: Any) -> bool:
    kind = getattr(series.dtype, "kind", "O")
    if kind in "biufmM":
        return True
    if kind == "O" and str(series.dtype) in ("object", "string"):
        known = series.dropna().tolist()
        return bool(known) and all(
            isinstance(one, (bool, int, float, np.number, np.bool_, decimal.Decimal))
            for one in known
        )
    return False


def _numbers(series: Any) -> np.ndarray:
    """float64 [N], NaN where missing; of points in time and durations, days."""
    if getattr(series.dtype, "kind", "O") in "mM":
        # pandas' Timestamp and Timedelta have nanoseconds.
        days = series.astype(object).map(lambda one: one.value / 86_400e9, na_action="ignore")
        return days.to_numpy(dtype=np.float64, na_value=np.nan)
    if getattr(series.dtype, "kind", "O") not in "biufO":
        raise ValueError(f"expected numbers, as at first, got {series.dtype}")
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _words(series: Any) -> list[str | None]:
    """Each value as text, None where missing."""
    missing = series.isna().to_numpy()
    values = series.astype(object).to_numpy()
    return [None if gone else str(one) for one, gone in zip(values, missing, strict=True)]
