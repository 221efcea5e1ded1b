"""From the tables of a schema to blocks, file by file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np

from ..graph.schema.csv_files import read_csv
from ..graph.schema.files import is_record_file
from ..graph.schema.record_files import read_records
from ..graph.schema.values import Feature
from ..sampling.draws import id_words
from ..sampling.rows import feature_rows
from ..sampling.schema import ID, SOURCE, TARGET
from .blocks import Ends, LinksKey, Nodes, Pairs, bucket_of, split
from .counts import sent

NODES, KEYS, SEEDS, NEAR = "nodes", "keys", "seeds", "ends of links"
REACHED = "reached"


class ReadNodes(beam.DoFn):
    """Reads files of a node set.

    Args:
        name: of the set, in words.
        features: that are wanted.
        buckets: how many.
        seed_name: of the plan, if the roots are in this set.
    """

    def __init__(
        self, name: str, features: Mapping[str, Feature], buckets: int, seed_name: str | None
    ) -> None:
        self._name, self._features = name, features
        self._buckets, self._seed_name = buckets, seed_name

    def process(self, element: tuple[int, str]) -> Iterator[Any]:
        """Takes a number and a path; sends `Nodes` with features and without, and `SEEDS`."""
        file, path = element
        table = _read(path, self._name, (ID,), self._features)
        ids, words = _ids_and_words(table[ID])
        columns = {key: feature_rows(table[key], one) for key, one in self._features.items()}
        yield sent(f"rows of {self._name}", len(ids))
        if self._seed_name is not None:
            yield sent(f"{REACHED} {self._seed_name}", len(ids))
        for bucket, rows in split(bucket_of(words, self._buckets)) if len(ids) else ():
            here = words[rows]
            yield KEYS, (bucket, Nodes(here, ids[rows], file, rows))
            taken = {key: one.take(rows) for key, one in columns.items()}
            yield NODES, (bucket, Nodes(here, ids[rows], file, rows, taken))
            if self._seed_name is not None:
                yield SEEDS, (bucket, Pairs({self._seed_name: (here, here)}))


class ReadLinks(beam.DoFn):
    """Reads files of an edge set.

    Args:
        edge_set: its name.
        name: in words.
        is_reversed: whether the file has the ends the other way round.
        buckets: how many.
    """

    def __init__(self, edge_set: str, name: str, is_reversed: bool, buckets: int) -> None:
        self._edge_set, self._name = edge_set, name
        self._keys = (TARGET, SOURCE) if is_reversed else (SOURCE, TARGET)
        self._buckets = buckets

    def process(self, element: tuple[int, str]) -> Iterator[Any]:
        """Takes a number and a path; sends `Ends`, each link by its source and its target."""
        file, path = element
        table = _read(path, self._name, self._keys, {})
        ends = [_ids_and_words(table[key]) for key in self._keys]
        yield sent(f"rows of {self._name}", len(ends[0][0]))
        for is_backwards in (False, True):
            links: LinksKey = (self._edge_set, is_backwards)
            (near_ids, near), (far_ids, far) = ends[::-1] if is_backwards else ends
            for bucket, rows in split(bucket_of(near, self._buckets)) if len(near) else ():
                block = Ends(
                    links, near[rows], near_ids[rows], far[rows], far_ids[rows], file, rows
                )
                yield f"{NEAR} {is_backwards}", (bucket, block)


def _read(path: str, name: str, keys: Sequence[str], features: Mapping[str, Feature]) -> dict:
    read = read_records if is_record_file(Path(path), name) else read_csv
    return read(Path(path), name, keys, features)


def _ids_and_words(series: Any) -> tuple[np.ndarray, np.ndarray]:
    """One string object for each id, which pickle writes once; and the ids' words."""
    codes, found = series.factorize()
    ids = np.asarray(found, object)
    return ids[codes], id_words(ids)[codes]
