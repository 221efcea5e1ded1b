"""The subgraphs around all nodes of a set, to files, by Apache Beam."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import InputError, OutputError, shown
from ..graph.schema.files import read_schema
from ..graph.schema.load import label_of, target_of
from ..output.replace import remove, replacing, write_json
from ..sampling.plan import plan_by_fan_out, plan_from_file
from ..sampling.schema import edge_kinds, sampled_schema
from .counts import FILE, lost
from .pipeline import Job, build, nodes_of
from .runner import run
from .shards import Shards
from .write import SUBGRAPHS

RECORDS, SCHEMA, ABOUT = ".tfrecord", ".schema.pbtxt", ".json"
_BYTES_PER_BUCKET, _FEWEST_BUCKETS, _MOST_BUCKETS = 1 << 20, 16, 4096
_SECONDS = 10.0  # between two lines about what is done


def sample(
    path: str,
    output: str,
    *,
    target: str | None = None,
    label: str | None = None,
    fan_out: Sequence[int] = (),
    spec: str | None = None,
    seed: int = 0,
    runner: str = "DirectRunner",
    options: Sequence[str] = (),
    overwrite: bool = False,
    quiet: bool = False,
    buckets: int | None = None,
) -> dict[str, Any]:
    """Writes ``NAME-00000-of-00064.tfrecord`` ..., ``NAME.schema.pbtxt`` and ``NAME.json``.

    The files come to their place when all are complete, ``NAME.json`` last. Workers have to see the
    files of the schema and the folder of the output.

    Args:
        path: of the schema, or of its folder.
        output: ``NAME@SHARDS.tfrecord``.
        target: node set of the roots; may be left out where only one can be meant.
        label: the feature of the target that is its label, to be noted.
        fan_out: neighbours for each node and edge set, hop by hop; or
        spec: path of a ``SamplingSpec``.
        seed: of the draws, in [0, 2**32).
        runner: name of one of Beam's.
        options: of Beam.
        overwrite: whether an earlier output may be replaced.
        quiet: whether nothing is said on the way.
        buckets: into how many parts nodes are divided; default: by the size of the files.

    Returns:
        What ``NAME.json`` has.

    Raises:
        InputError: a schema, a file, an option or an output that cannot be used.
        OutputError: if the runner fails, or has lost something.
    """
    shards = Shards.of(output, RECORDS)
    earlier = [*shards.files(), shards.beside(SCHEMA), shards.beside(ABOUT)]
    if not overwrite:
        for one in earlier:
            if os.path.lexists(one):
                raise InputError(f"--output: {one} exists; give another name, or --overwrite")
    schema, folder = read_schema(path)
    target = target_of(schema, target, label, path)
    label = label_of(schema.node_sets[target], label, target)
    kinds = edge_kinds(schema)
    if (spec is None) == (not fan_out):
        raise InputError("expected either --fan-out or --sampling-spec")
    if spec is None:
        plan = plan_by_fan_out(kinds, target, fan_out)
    else:
        plan = plan_from_file(spec, kinds)
        if plan.node_set != target:
            raise InputError(
                f"--sampling-spec: {spec}: its roots are of {shown(plan.node_set)}, expected those"
                f" of {shown(target)} (--target)"
            )
    job = Job.of(schema, folder, kinds, plan, seed)
    text = str(sampled_schema(schema, kinds, target))
    if buckets is None:
        size = sum(os.path.getsize(one) for files in job.files.values() for one in files)
        buckets = min(max(size // _BYTES_PER_BUCKET, _FEWEST_BUCKETS), _MOST_BUCKETS)
    with _partial(shards) as partial, _progress(partial, quiet):
        if not quiet:
            files = sum(map(len, job.files.values()))
            print(f"sampling from {files:,} files, {runner}", file=sys.stderr)
        run(lambda pipeline: build(pipeline, job, partial, buckets), runner, options)
        counts = _counts(partial, job, runner)
        _check_cardinalities(schema, job, counts)
        about = {
            "plan": plan.to_dict(),
            "seed": seed,
            "target": target,
            "label": label,
            "roots": counts.get(f"sent {SUBGRAPHS}", 0),
            "shards": shards.count,
        }
        remove(shards.beside(ABOUT))
        for one in earlier:
            remove(one)
        for number in range(shards.count):
            partial.file(number).replace(shards.file(number))
        with replacing(shards.beside(SCHEMA)) as temporary:
            temporary.write_text(text, "utf-8")
        write_json(shards.beside(ABOUT), about)
    return about


def _counts(partial: Shards, job: Job, runner: str) -> dict[str, int]:
    """What the pipeline has counted.

    Raises:
        OutputError: if something is missing.
    """
    path = partial.folder / FILE
    if not path.is_file():
        raise OutputError(f"{runner} has ended without an error, but not come to the end")
    counts = json.loads(path.read_text("utf-8"))
    roots = counts.get(f"sent rows of {nodes_of(job.plan.node_set)}", 0)
    written = counts.get(f"sent {SUBGRAPHS}", 0)
    what = lost(counts, job.receivers)
    if what is None and roots != written:
        what = f"of {roots:,} roots, {written:,} were written"
    missing = [number for number in range(partial.count) if not partial.file(number).is_file()]
    if what is None and missing:
        what = f"there is no shard {missing[0]}"
    if what is not None:
        raise OutputError(f"{runner} has lost data, and nothing is kept: {what}")
    return counts


def _check_cardinalities(schema: Any, job: Job, counts: dict[str, int]) -> None:
    for sets, names in ((schema.node_sets, job.node_sets), (schema.edge_sets, job.ends)):
        for name in names:
            metadata = sets[name].metadata
            what = f"{'node' if sets is schema.node_sets else 'edge'} set {shown(name)}"
            found = counts.get(f"sent rows of {what}", 0)
            if metadata.HasField("cardinality") and metadata.cardinality != found:
                raise InputError(
                    f"{what}: the schema says {metadata.cardinality:,} rows (metadata,"
                    f" cardinality), its files have {found:,}"
                )


@contextlib.contextmanager
def _partial(shards: Shards) -> Iterator[Shards]:
    """The same shards in a folder of their own, which is gone afterwards."""
    folder = shards.folder.absolute() / f".{shards.name}.partial"
    remove(folder)
    try:
        folder.mkdir()
        yield shards.in_folder(folder)
    finally:
        remove(folder)


@contextlib.contextmanager
def _progress(partial: Shards, quiet: bool) -> Iterator[None]:
    """Says from time to time how many files are written."""
    done = threading.Event()

    def tell() -> None:
        told = 0
        while not done.wait(_SECONDS):
            written = len(partial.files())
            if written > told:
                print(f"{written:,} of {partial.count:,} files", file=sys.stderr)
            told = written

    teller = threading.Thread(target=tell, daemon=True)
    if not quiet:
        teller.start()
    try:
        yield
    finally:
        done.set()
        if not quiet:
            teller.join()
