"""One column of a table, and how it becomes features."""

from __future__ import annotations

import dataclasses
import decimal
from typing import Any

import numpy as np
import scipy.sparse

from ...errors import InputError, shown

NUMBER, CATEGORY, TEXT, BAG, VECTOR = "number", "category", "text", "bag", "vector"
MOST_CATEGORIES = 1000  # in one column; of more values hardly any is shared by two nodes

_WORDS = 1024  # columns that a text is hashed to
_WORDS_OF_A_TEXT = 3  # on average; fewer are a name
_MOST_OF_A_BAG = 20_000  # different things in bags; the most frequent ones
_NAMED, _FEW = 0.5, 20  # share of the rows; different values


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

    @classmethod
    def of(cls, name: str, series: Any, where: str, kind: str | None = None) -> Column:
        """Decides by a Series what it is.

        Args:
            name: of the column.
            series: [N].
            where: for messages.
            kind: what it is; None: see `Columns.of`.

        Raises:
            InputError: a column without a value, of more than 1,000 categories, or of lists of
                numbers that are not equally long.
        """
        kind = kind or kind_of(series)
        place = f"{where}: column {shown(name)}"
        if kind in (BAG, VECTOR):
            return _of_lists(name, series, kind, place)
        if kind == NUMBER:
            numbers = _numbers(series)
            known = numbers[~np.isnan(numbers)]
            if not len(known):
                raise InputError(f"{place} has no value; leave it out")
            return cls(name, NUMBER, float(known.mean()), float(known.std()) or 1.0)
        values = {one for one in _words(series) if one is not None}
        if not values:
            raise InputError(f"{place} has no value; leave it out")
        if kind == TEXT:
            return cls(name, TEXT)
        if len(values) > MOST_CATEGORIES:
            raise InputError(
                f"{place} has {len(values):,} different values, such as {shown(min(values))};"
                f" expected at most {MOST_CATEGORIES:,} categories, numbers, or texts of several"
                " words; leave it out, or name it as the ids"
            )
        return cls(name, CATEGORY, values=tuple(sorted(values)))

    @property
    def width(self) -> int:
        """Number of features."""
        if self.kind in (CATEGORY, BAG):
            return len(self.values)
        return _WORDS if self.kind == TEXT else self.size

    def features(self, series: Any) -> Any:
        """[N, width], float32 of numbers, else CSR.

        Raises:
            ValueError: of a column that is no longer what it was.
        """
        if self.kind in (NUMBER, VECTOR):
            numbers = _numbers(series)[:, None] if self.kind == NUMBER else self._vectors(series)
            np.copyto(numbers, self.mean, where=np.isnan(numbers))
            if self.spread:
                numbers -= self.mean
                numbers /= self.spread
            return numbers.astype(np.float32)
        if self.kind == BAG:
            return self._counts(*_things(series))
        words = _words(series)
        if self.kind == TEXT:
            from sklearn.feature_extraction.text import HashingVectorizer

            hashed = HashingVectorizer(n_features=_WORDS, alternate_sign=False, norm=None)
            return hashed.transform(["" if one is None else one for one in words])
        there = np.array([one is not None for one in words], np.int64)
        return self._counts(np.array([one for one in words if one is not None], object), there)

    def _counts(self, things: np.ndarray, lengths: np.ndarray) -> scipy.sparse.csr_matrix:
        """How often each value is among the things of each row."""
        import pandas

        codes, different = pandas.factorize(things)
        places = {value: place for place, value in enumerate(self.values)}
        place = np.array([places.get(str(one), -1) for one in different], np.int64)[codes]
        rows = np.repeat(np.arange(len(lengths)), lengths)[place >= 0]
        ones = np.ones(len(rows), np.float32)
        shape = (len(lengths), self.width)
        return scipy.sparse.csr_matrix((ones, (rows, place[place >= 0])), shape)

    def _vectors(self, series: Any) -> np.ndarray:
        """[N, size], NaN where a row has none."""
        found = np.full((len(series), self.size), np.nan)
        for row, one in enumerate(series):
            if _is_there(one) and len(one):
                if len(one) != self.size:
                    raise ValueError(f"expected {self.size} numbers, as at first, got {len(one)}")
                found[row] = one
        return found


def kind_of(series: Any) -> str:
    """Numbers, lists, texts of several words, or else categories."""
    if _is_list(series):
        things, _ = _things(series)
        return VECTOR if things.dtype.kind == "f" else BAG
    if _is_number(series):
        return NUMBER
    if str(series.dtype) == "category":
        return CATEGORY
    known = [one for one in _words(series) if one is not None]
    is_text = sum(len(one.split()) for one in known) >= _WORDS_OF_A_TEXT * len(known)
    return TEXT if known and is_text else CATEGORY


def names_rows(series: Any) -> bool:
    """Whether most rows have a value of their own: what two nodes do not share says nothing."""
    return series.nunique() > max(_FEW, _NAMED * len(series))


def _is_list(series: Any) -> bool:
    if str(series.dtype) != "object":
        return False
    known = (one for one in series if one is not None and one is not np.nan)
    return isinstance(next(known, None), (list, tuple, np.ndarray))


def _of_lists(name: str, series: Any, kind: str, place: str) -> Column:
    import pandas

    things, lengths = _things(series)
    sizes = set(lengths[lengths > 0].tolist())
    if not sizes:
        raise InputError(f"{place} has no value; leave it out")
    if kind == BAG:
        codes, different = pandas.factorize(things, sort=True)
        most = np.sort(np.argsort(-np.bincount(codes), kind="stable")[:_MOST_OF_A_BAG])
        return Column(name, BAG, values=tuple(str(one) for one in np.asarray(different)[most]))
    if len(sizes) > 1:
        raise InputError(
            f"{place}: expected equally many numbers in each row, got {min(sizes)} and {max(sizes)}"
        )
    known = things[~np.isnan(things)]
    return Column(name, VECTOR, float(known.mean()), float(known.std()) or 1.0, size=sizes.pop())


def _things(series: Any) -> tuple[np.ndarray, np.ndarray]:
    """What is in all rows' lists, one after the other, and how many are in each."""
    rows = [np.atleast_1d(one) if _is_there(one) else None for one in series]
    lengths = np.array([0 if one is None else len(one) for one in rows], np.int64)
    filled = [one for one in rows if one is not None and len(one)]
    things = np.concatenate(filled) if filled else np.zeros(0, np.int64)
    if things.dtype.kind in "OSU":
        things = np.array([str(one) for one in things], object)
    return things, lengths


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
    """A float64 array of its own [N], NaN where missing; of points in time and durations, days."""
    if getattr(series.dtype, "kind", "O") in "mM":
        # pandas' Timestamp and Timedelta have nanoseconds.
        days = series.astype(object).map(lambda one: one.value / 86_400e9, na_action="ignore")
        return days.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    if getattr(series.dtype, "kind", "O") not in "biufO":
        raise ValueError(f"expected numbers, as at first, got {series.dtype}")
    return series.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)


def _words(series: Any) -> list[str | None]:
    """Each value as text, None where missing."""
    missing = series.isna().to_numpy()
    values = series.astype(object).to_numpy()
    return [None if gone else str(one) for one, gone in zip(values, missing, strict=True)]
