"""From a table of numbers, categories, texts and lists to features, the same for every table."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ...errors import InputError, shown
from .column import BAG, CATEGORY, NUMBER, TEXT, VECTOR, Column, kind_of, names_rows

_WORDS_FOR = {
    NUMBER: ("number", "numbers"),
    VECTOR: ("vector", "vectors"),
    CATEGORY: ("category", "categories"),
    TEXT: ("text", "texts"),
    BAG: ("bag", "bags"),
}


@dataclasses.dataclass(frozen=True)
class Columns:
    """All columns of a table that become features, in its order.

    Attributes:
        columns: of the features.
        left_out: names of those that name the rows, and so are none.
    """

    columns: tuple[Column, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: Any, *, where: str = "X") -> Columns:
        """Decides by a DataFrame what its columns are.

        Numbers and booleans are numbers, texts of three words and more on average are texts, other
        texts and pandas' categories are categories. Lists of floats that are equally long are
        vectors, other lists bags. Texts that name the rows, different in most of them, are left
        out.

        Raises:
            InputError: see `Column.of`; and if there is no column.
        """
        if table.columns.has_duplicates:
            twice = table.columns[table.columns.duplicated()][0]
            raise InputError(f"{where}: two columns are called {shown(twice)}")
        kinds = {str(name): kind_of(table[name]) for name in table.columns}
        names = [
            str(name)
            for name in table.columns
            if kinds[str(name)] == CATEGORY
            and str(table[name].dtype) != "category"
            and names_rows(table[name])
        ]
        return cls.chosen(
            {str(name): table[name] for name in table.columns if str(name) not in names},
            kinds,
            where=where,
            left_out=names,
        )

    @classmethod
    def chosen(
        cls,
        parts: Mapping[str, Any],
        kinds: Mapping[str, str],
        *,
        where: str,
        left_out: Sequence[str] = (),
    ) -> Columns:
        """Columns of kinds that are known.

        Args:
            parts: Series by name.
            kinds: of each.
            where: for messages.
            left_out: others.
        """
        found = [Column.of(name, series, where, kinds[name]) for name, series in parts.items()]
        if not found and not left_out:
            raise InputError(f"{where}: expected at least one column of features")
        if all(one.kind in (NUMBER, VECTOR) for one in found):
            found = [dataclasses.replace(one, spread=0.0) for one in found]
        return cls(tuple(found), tuple(left_out))

    def features(self, table: Any, *, where: str = "X") -> Any:
        """Features of a table with these columns, in any order, [N, F] float32 or CSR.

        None where all of them were left out.

        Args:
            table: a DataFrame, or a dict of Series.
            where: for messages.

        Raises:
            InputError: a column that is missing, or no longer what it was.
        """
        by_name = {str(name): series for name, series in table.items()}
        parts = []
        for one in self.columns:
            if one.name not in by_name:
                raise InputError(f"{where}: there is no column {shown(one.name)}, as at first")
            try:
                parts.append(one.features(by_name[one.name]))
            except (TypeError, ValueError) as error:
                raise InputError(f"{where}: column {shown(one.name)}: {error}") from None
        return _beside(parts) if parts else None

    def described(self) -> str:
        """One line: what became of the columns."""
        told = []
        for kind, words in _WORDS_FOR.items():
            of_kind = [one for one in self.columns if one.kind == kind]
            if not of_kind:
                continue
            names = ", ".join(one.name for one in of_kind[:3]) + ", ..." * (len(of_kind) > 3)
            width = sum(one.width for one in of_kind)
            told.append(
                f"{len(of_kind)} {words[len(of_kind) > 1]} ({names})"
                + (f" as {width:,} columns of 0 and 1" if kind == CATEGORY else "")
                + (f" as words hashed to {width:,} columns" if kind == TEXT else "")
                + (f" of {width:,} different things" if kind == BAG else "")
                + (f" of {width:,} numbers" if kind == VECTOR else "")
                + (", standardised" if kind in (NUMBER, VECTOR) and of_kind[0].spread else "")
            )
        if self.left_out:
            told.append(f"left out, as they name nodes: {', '.join(self.left_out)}")
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


def _beside(parts: Sequence[Any]) -> Any:
    """Side by side: CSR where at most a third of the entries is not zero."""
    rows, width = parts[0].shape[0], sum(part.shape[1] for part in parts)
    filled = sum(part.nnz if scipy.sparse.issparse(part) else part.size for part in parts)
    if 3 * filled <= rows * width:
        return scipy.sparse.csr_matrix(scipy.sparse.hstack(parts), dtype=np.float32)
    found, at = np.empty((rows, width), np.float32), 0
    for part in parts:
        here = found[:, at : at + part.shape[1]]
        here[:] = part.toarray() if scipy.sparse.issparse(part) else part
        at += part.shape[1]
    return found
