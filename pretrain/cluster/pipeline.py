"""Sampling as a pipeline: tables, neighbours, hop by hop the draws, features, files.

Only ParDo, Flatten and GroupByKey, one output each, and one end: that is what all runners do
alike. What is drawn depends on ids alone, and what is written on what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam

from .counts import COUNTS, Counts, WriteCounts
from .draw import EDGES, Draw, hop_name
from .index import INDEXED, NEIGHBOURS, Index, ends_of
from .job import Job
from .place import PLACED, WITH_FEATURES, Place
from .read import INDEX, PLACE, REACHED, Read
from .write import SUBGRAPHS, WRITTEN, Write


def build(pipeline: beam.Pipeline, job: Job) -> Any:
    """Adds the sampling to a pipeline.

    Returns:
        The end, with one element.
    """
    files = pipeline | "files" >> beam.Create(job.files) | "spread" >> beam.Reshuffle()
    rows = files | "read" >> beam.ParDo(Read(job))
    known = grouped([to(INDEX, rows)], "index") | "neighbours" >> beam.ParDo(Index(job))
    reached = {-1: to(REACHED, rows)}
    edges, ends = [], [rows, known]
    for hop in range(len(job.hops)):
        inputs = [to(NEIGHBOURS, known, hop), *(reached[one] for one in job.senders(hop))]
        nodes = grouped(inputs, hop_name(hop))
        drawn = nodes | f"draw {hop_name(hop)}" >> beam.ParDo(Draw(job, hop))
        reached[hop] = to(REACHED, drawn, hop)
        edges.append(to(EDGES, drawn, hop))
        ends.append(drawn)
    nodes = grouped([to(PLACE, rows), *reached.values()], "place")
    placed = nodes | "features" >> beam.ParDo(Place(job))
    # Shards without a root have a file, too.
    every = pipeline | "shards" >> beam.Create([(one, None) for one in range(job.shards.count)])
    graphs = grouped([every, to(PLACED, placed), *edges], "shard")
    done = graphs | "write" >> beam.ParDo(Write(job))
    return count([*ends, placed, done], job.shards.folder)


def count(blocks: Sequence[Any], folder: Path) -> Any:
    """Adds up what was sent to `COUNTS`, for `Counts`."""
    counts = [to(COUNTS, one, number) for number, one in enumerate(blocks)]
    return grouped(counts, "count") | "counts" >> beam.ParDo(WriteCounts(folder))


def check(job: Job, counts: Counts) -> int:
    """Looks whether all that was sent has come, and all roots are written.

    Returns:
        The number of roots.

    Raises:
        OutputError: if not.
    """
    receivers = [(PLACED, WRITTEN), (EDGES, WRITTEN)]
    for one in job.nodes.values():
        receivers += [(f"rows of {one.name}", where) for where in (INDEXED, WITH_FEATURES)]
    for links in job.links.values():
        receivers += [(f"rows of {links.table.name}", ends_of(end)) for end in (False, True)]
    for name in (job.plan.seed_name, *(one.name for one in job.plan.operations)):
        receivers.append((f"{REACHED} {name}", WITH_FEATURES))
    for hop in range(len(job.hops)):
        receivers.append((NEIGHBOURS, hop_name(hop)))
        receivers += [(f"{REACHED} {name}", hop_name(hop)) for name in job.inputs(hop)]
    counts.check(receivers)
    roots = counts.sent(f"rows of {job.nodes[job.plan.node_set].name}")
    counts.compare(roots, counts.sent(SUBGRAPHS), "roots")
    return roots


def to(destination: str, blocks: Any, number: int = -1) -> Any:
    """Of blocks with destinations those that were sent there; the number tells the calls apart.

    Not as tagged outputs: on Dask, each of them has all elements.
    """
    chosen = beam.FlatMap(_chosen, destination).with_output_types(tuple[int, Any])
    return blocks | f"to {destination} {number}" >> chosen


def _chosen(element: tuple[str, tuple[int, Any]], destination: str) -> Iterable[tuple[int, Any]]:
    return [element[1]] if element[0] == destination else []


def grouped(parts: Sequence[Any], label: str) -> Any:
    """The blocks of all parts by their keys."""
    return parts | f"join {label}" >> beam.Flatten() | f"group {label}" >> beam.GroupByKey()
