"""The command `sample`: subgraphs around all nodes of a set, on one machine or on many."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from ..config import option
from ..config.base import Options, field
from ..errors import InputError
from ..quiet import errors_only

_PREFIX = "tfgnn:"
DIRECT = "DirectRunner"
RUNNER = option.text(
    "of Apache Beam, or the path of a class; DaskRunner needs the extra `cluster`. Options of Beam"
    " may follow, and after -- any that Beam itself does not know",
    metavar="NAME",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleOptions(Options):
    """What the command is asked for."""

    dataset: str = field(option.text("the graph", metavar="tfgnn:SCHEMA"))
    target: str | None = field(
        option.text("the node set of the roots; may be left out where only one can be meant"), None
    )
    label: str | None = field(
        option.text(
            "the feature of the target that is its label, to be noted; default: label, labels,"
            " class, y or target, if there is",
            metavar="FEATURE",
        ),
        None,
    )
    fan_out: tuple[int, ...] = field(
        option.integer(
            "neighbours for each node and edge set, hop by hop", 1, arity="any", most=100
        ),
        (),
    )
    sampling_spec: str | None = field(
        option.path("SamplingSpec of TF-GNN as text, in place of --fan-out", metavar="FILE"), None
    )
    seed: int = field(option.seed("of the draws"), 0)
    runner: str = field(RUNNER, DIRECT)
    output: str = field(option.path("where to", metavar="NAME@SHARDS.tfrecord"))
    overwrite: bool = field(option.switch("replace the files"), False)
    quiet: bool = field(option.switch("say nothing on the way"), False)

    def __post_init__(self):
        super().__post_init__()
        if not self.dataset.startswith(_PREFIX):
            raise InputError(f"--dataset: expected {_PREFIX}SCHEMA, got {self.dataset}")


def run(options: SampleOptions, of_beam: Sequence[str]) -> str:
    """Samples, and returns a line about it.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        OutputError: if the runner fails; likewise.
    """
    start = time.monotonic()
    with errors_only("root"):  # Beam's imports tell there what else one could install
        from ..cluster.sample import sample

        about = sample(
            options.dataset.removeprefix(_PREFIX),
            options.output,
            target=options.target,
            label=options.label,
            fan_out=options.fan_out,
            spec=options.sampling_spec,
            seed=options.seed,
            runner=options.runner,
            options=of_beam,
            overwrite=options.overwrite,
            quiet=options.quiet,
        )
    seconds = time.monotonic() - start
    return (
        f"{options.output}: subgraphs of {about['roots']:,} nodes of {about['target']},"
        f" {seconds:,.0f} s"
    )
