"""The commands, by name: options, what runs them, what is said of them."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ... import __version__
from ..config.base import Options
from ..config.command_line import CommandLineParser, add_arguments, options_from
from ..config.options import PretrainConfig
from . import embed, evaluate, sample

# About the insides of libraries: no user of a command can do anything about them.
_OF_LIBRARIES = (
    DeprecationWarning,
    PendingDeprecationWarning,
    FutureWarning,
    ImportWarning,
    ResourceWarning,
    SyntaxWarning,
)


def _pretrain(config: PretrainConfig) -> str:
    from ..config.cluster import cluster_of
    from ..errors import WorkerLostError
    from ..job import run_job
    from ..part import run_part
    from ..training.workers.rejoin import rejoin, times_rejoined
    from .summary import summary

    if times_rejoined():  # this process has begun the run itself
        config = dataclasses.replace(config, resume=True, overwrite=False)
    cluster = cluster_of(config)
    try:
        if cluster is not None and not cluster.is_chief:
            return run_part(config, cluster)
        return summary(run_job(config))
    except WorkerLostError as lost:
        rejoin(lost)


class _Command(NamedTuple):
    options: type[Options]
    run: Callable[..., str]  # gives what is printed
    help: str
    description: str
    interrupted: str = "interrupted"
    passes_on: bool = False  # arguments that are not its own, as a second argument


_COMMANDS = {
    "pretrain": _Command(
        PretrainConfig,
        _pretrain,
        "train an encoder on a graph; write embeddings, model and report",
        "Pretrains node embeddings of a graph with Barlow Twins, without labels, and compares them"
        " with three baselines under a linear probe.",
        "interrupted; the same command with --resume continues",
    ),
    "evaluate": _Command(
        evaluate.EvaluateOptions,
        evaluate.run,
        "measure embeddings: probes, clustering, link prediction, beside baselines",
        "Measures how much frozen embeddings say about the labels and links of a graph."
        " docs/usage/evaluation.md describes the protocol.",
    ),
    "embed": _Command(
        embed.EmbedOptions,
        embed.run,
        "apply an exported model to another graph with the same features",
        "Writes the representations that an exported model gives the nodes of a graph.",
        passes_on=True,
    ),
    "sample": _Command(
        sample.SampleOptions,
        sample.run,
        "sample a subgraph around each node, by Apache Beam on one machine or many",
        "Writes the subgraphs around all nodes of a set as TFRecords of tf.train.Example, which"
        " TF-GNN reads.",
        passes_on=True,
    ),
}


def make_parser() -> CommandLineParser:
    """The parser of the command line; the documentation's tables of options are made of it."""
    parser = CommandLineParser(
        prog="graph-barlow-twins", description="Self-supervised embeddings of graphs in TensorFlow."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, one in _COMMANDS.items():
        subparser = subparsers.add_parser(name, help=one.help, description=one.description)
        add_arguments(subparser, one.options, from_file=name == "pretrain")
    return parser


def run(argv: Sequence[str] | None, told: list[str]) -> str:
    """Parses, runs a command, and returns what it prints.

    Args:
        argv: arguments; default: those of the process.
        told: what a Ctrl-C is answered with is added.

    Raises:
        InputError: for arguments, options or input that cannot be used.
        TrainingDivergedError, OSError: of a run that fails.
    """
    for theirs in _OF_LIBRARIES:
        warnings.simplefilter("ignore", theirs)
    # One line per warning; Python's default shows a line of source code that no user asked about.
    warnings.showwarning = _show_warning
    for ours in (UserWarning, RuntimeWarning):
        warnings.simplefilter("once", ours)
    parser = make_parser()
    arguments, others = parser.parse_known_args(argv)
    command = _COMMANDS[arguments.command]
    if others and not command.passes_on:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    options = options_from(arguments, command.options)
    told.append(command.interrupted)
    return command.run(options, others) if command.passes_on else command.run(options)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    del category, filename, lineno, line
    print(f"graph-barlow-twins: warning: {message}", file=file or sys.stderr)
