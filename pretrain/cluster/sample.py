"""The subgraphs around all nodes of a set, to files, by Apache Beam."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from typing import Any

from ..errors import InputError, shown
from ..graph.schema.files import read_schema
from ..graph.schema.load import label_of, target_of
from ..output.replace import write_json
from ..sampling.plan import plan_by_fan_out, plan_from_file
from ..sampling.schema import edge_kinds, sampled_schema
from .counts import Counts
from .job import Job
from .pipeline import build, check
from .runner import run
from .shards import Shards, progress

RECORDS, SCHEMA, ABOUT = ".tfrecord", ".schema.pbtxt", ".json"


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

    Returns:
        What ``NAME.json`` has.

    Raises:
        InputError: a schema, a file, an option or an output that cannot be used.
        OutputError: if the runner fails, or has lost something.
    """
    shards = Shards.of(output, RECORDS)
    schema, folder = read_schema(path)
    shards.check_free([SCHEMA, ABOUT], overwrite, [folder])
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
    text = str(sampled_schema(schema, kinds, target))
    with shards.replacing([SCHEMA, ABOUT]) as partial, progress(partial, quiet):
        job = Job.of(schema, folder, kinds, plan, seed, partial)
        if not quiet:
            print(f"sampling from {len(job.files):,} files, {runner}", file=sys.stderr)
        run(functools.partial(build, job=job), runner, options)
        counts = Counts(partial.folder, runner)
        roots = check(job, counts)
        for one in job.tables:
            found = counts.sent(f"rows of {one.name}")
            if one.cardinality not in (None, found):
                raise InputError(
                    f"{one.name}: the schema says {one.cardinality:,} rows (metadata, cardinality),"
                    f" its files have {found:,}"
                )
        about = {
            "plan": plan.to_dict(),
            "seed": seed,
            "target": target,
            "label": label,
            "roots": roots,
            "shards": shards.count,
        }
        partial.beside(SCHEMA).write_text(text, "utf-8")
        write_json(partial.beside(ABOUT), about)
    return about
