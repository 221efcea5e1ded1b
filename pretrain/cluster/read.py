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
from ..graph.schema.tables import ID, SOURCE, TARGET
from ..graph.schema.values import Feature
from ..sampling.draws import id_words
from ..sampling.rows import feature_rows
from .blocks import Ends, LinksKey, Nodes, Pairs, split
from .counts import sent
from .job import Job

INDEX, PLACE, REACHED = "index", "place", "reached"  # where blocks go


class Read(beam.DoFn):
    """Reads files, each as a whole."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def process(self, element: tuple[bool, str, int, str]) -> Iterator[Any]:
        """Takes one of `Job.files`; sends `Nodes`, `Ends`, and `Pairs` of the roots themselves."""
        is_links, name, file, path = element
        return self._links(name, file, path) if is_links else self._nodes(name, file, path)

    def _nodes(self, node_set: str, file: int, path: str) -> Iterator[Any]:
        job, name = self._job, self._job.nodes[node_set].name
        features = job.features[node_set]
        table = _read(path, name, (ID,), features)
        words, ids = _words_and_ids(table[ID])
        columns = {key: feature_rows(table[key], one) for key, one in features.items()}
        yield sent(f"rows of {name}", len(ids))
        is_root = node_set == job.plan.node_set
        if is_root:
            yield sent(f"{REACHED} {job.plan.seed_name}", len(ids))
        for key, rows in split(job.keys_of(node_set, words)):
            here = words[rows]
            yield INDEX, (key, Nodes(here, ids[rows], file, rows))
            taken = {column: one.take(rows) for column, one in columns.items()}
            yield PLACE, (key, Nodes(here, ids[rows], file, rows, taken))
            if is_root:
                yield REACHED, (key, Pairs({job.plan.seed_name: (here, here)}))

    def _links(self, edge_set: str, file: int, path: str) -> Iterator[Any]:
        job, links = self._job, self._job.links[edge_set]
        keys = (TARGET, SOURCE) if links.is_marked else (SOURCE, TARGET)
        table = _read(path, links.table.name, keys, {})
        near, far = (_words_and_ids(table[key]) for key in keys)
        yield sent(f"rows of {links.table.name}", len(near[0]))
        for is_backwards, node_set in ((False, links.source), (True, links.target)):
            here: LinksKey = (edge_set, is_backwards)
            for key, rows in split(job.keys_of(node_set, near[0])):
                both = near[0][rows], near[1][rows], far[0][rows], far[1][rows]
                yield INDEX, (key, Ends(here, *both, file, rows))
            near, far = far, near


def _read(path: str, name: str, keys: Sequence[str], features: Mapping[str, Feature]) -> dict:
    read = read_records if is_record_file(Path(path), name) else read_csv
    return read(Path(path), name, keys, features)


def _words_and_ids(series: Any) -> tuple[np.ndarray, np.ndarray]:
    """And of each id one string object, which pickle writes once."""
    codes, found = series.factorize()
    ids = np.asarray(found, object)
    return id_words(ids)[codes], ids[codes]
