"""The nodes of a bucket and their neighbours, with the checks that need both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np

from ..errors import InputError, shown
from ..sampling.schema import SOURCE, TARGET
from .blocks import Ends, LinksKey, Neighbours, Nodes, joined
from .counts import received, sent

NEIGHBOURS = "neighbours"


class Index(beam.DoFn):
    """Brings nodes and links together.

    Args:
        name: of the node set, in words.
        names: of the edge sets, in words.
        files: of all these, by the names in words.
        marked: edge sets whose files have the ends the other way round.
        used: the links that are drawn along.
    """

    def __init__(
        self,
        name: str,
        names: Mapping[str, str],
        files: Mapping[str, Sequence[str]],
        marked: Iterable[str],
        used: Iterable[LinksKey],
    ) -> None:
        self._name, self._names, self._files = name, names, files
        self._marked, self._used = set(marked), set(used)

    def process(self, element: tuple[int, Iterable[Any]]) -> Iterator[Any]:
        """Takes the `Nodes` and `Ends` of a bucket, sends `Neighbours`."""
        bucket, blocks = element[0], list(element[1])
        words = self._words([one for one in blocks if isinstance(one, Nodes)])
        ends = [one for one in blocks if isinstance(one, Ends)]
        self._check(words, ends)
        links = {}
        for key in sorted({one.links for one in ends}):
            mine = [one for one in ends if one.links == key]
            number = sum(len(one.near) for one in mine)
            yield received(f"rows of {self._names[key[0]]}", f"{self._name} {key[1]}", number)
            if key in self._used:
                links[key] = _neighbours(words, mine)
        yield received(f"rows of {self._name}", "keys", len(words))
        yield sent(f"{NEIGHBOURS} of {self._name}", 1)
        yield NEIGHBOURS, (bucket, Neighbours(words, links))

    def _words(self, nodes: list[Nodes]) -> np.ndarray:
        """Those of the nodes, ascending.

        Raises:
            InputError: an id that is there twice; or two that cannot be told apart.
        """
        parts = ((one.words, one.ids, np.full(len(one.ids), one.file), one.rows) for one in nodes)
        words, ids, files, rows = joined(parts, "QOqq")
        order = np.lexsort((rows, files, words))
        again = np.flatnonzero(words[order][1:] == words[order][:-1]) + 1
        if len(again):
            # The first of them in the order of the files, as reading in memory finds it.
            place = min(again, key=lambda i: (files[order[i]], rows[order[i]]))
            later = order[place]
            first = order[np.searchsorted(words[order], words[later])]
            there = [
                f"{self._files[self._name][files[i]]}, row {rows[i] + 1}" for i in (later, first)
            ]
            if ids[later] != ids[first]:
                raise InputError(
                    f"{self._name}: {there[0]}: the ids {shown(ids[later])} and"
                    f" {shown(ids[first])} have the same hash of 64 bits; rename one"
                )
            raise InputError(
                f"{self._name}: {there[0]}: the id {shown(ids[later])} is there already"
                f" ({there[1]})"
            )
        return words[order]

    def _check(self, words: np.ndarray, ends: list[Ends]) -> None:
        """Raises InputError for the first link with an end that is no node."""
        wrong = []
        for one in ends:
            places = np.searchsorted(words, one.near)
            missing = places == len(words)
            missing[~missing] = words[places[~missing]] != one.near[~missing]
            if missing.any():
                i = int(missing.argmax())
                wrong.append((one.links, one.file, int(one.rows[i]), one.near_ids[i]))
        if wrong:
            (edge_set, is_target), file, row, found = min(wrong)
            key = TARGET if is_target != (edge_set in self._marked) else SOURCE
            name = self._names[edge_set]
            raise InputError(
                f"{name}: {self._files[name][file]}, row {row + 1}: {key.removeprefix('#')}"
                f" {shown(found)} is no id of {self._name}"
            )


def _neighbours(words: np.ndarray, ends: list[Ends]) -> tuple[np.ndarray, np.ndarray]:
    """Those of each node, each once, in the order of their ids."""
    near, far, far_ids = joined(((one.near, one.far, one.far_ids) for one in ends), "QQO")
    ids, first, place = np.unique(far_ids, return_index=True, return_inverse=True)
    mine = np.searchsorted(words, near)
    # Of two numbers one: sorted and made unique in one go.
    both = np.unique(mine * len(ids) + place)
    mine, place = both // max(len(ids), 1), both % max(len(ids), 1)
    starts = np.searchsorted(mine, np.arange(len(words) + 1))
    return starts, far[first][place]
