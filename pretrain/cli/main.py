"""The command ``graph-barlow-twins``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from ... import __version__
from ..config.options import CommandLineParser, add_arguments, config_from_args
from ..errors import InputError, TrainingDivergedError
from . import embed as embed_command
from . import evaluate as evaluate_command

EXIT_FAILURE, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: arguments without the program's name; default: ``sys.argv[1:]``.

    Returns:
        Exit code: 0, 2 for bad input (one line on stderr), 1 for a run that failed, 130 for Ctrl-C.
    """
    parser = CommandLineParser(
        prog="graph-barlow-twins", description="Self-supervised embeddings of graphs in TensorFlow."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    add_arguments(
        commands.add_parser(
            "pretrain",
            help="train an encoder on a graph; write embeddings, model and report",
            description="Pretrains node embeddings of a graph with Barlow Twins, without labels,"
            " and compares them with three baselines under a linear probe.",
        )
    )
    evaluate_command.add_arguments(
        commands.add_parser(
            "evaluate",
            help="measure embeddings: probes, clustering, link prediction, beside baselines",
            description="Measures how much frozen embeddings say about the labels and links of a"
            " graph. docs/evaluation.md describes the protocol.",
        )
    )
    embed_command.add_arguments(
        commands.add_parser(
            "embed",
            help="apply an exported model to another graph with the same features",
            description="Writes the representations that an exported model gives the nodes of a"
            " graph.",
        )
    )
    # One line per warning; Python's default shows a line of source code that no user asked about.
    warnings.showwarning = _show_warning
    for category in (UserWarning, RuntimeWarning):
        warnings.simplefilter("once", category)
    try:
        arguments = parser.parse_args(argv)
        run = {"pretrain": _pretrain, "evaluate": _evaluate, "embed": _embed}[arguments.command]
        return run(arguments)
    except InputError as error:
        return _fail(error, EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)


def _pretrain(arguments) -> int:
    from ..job import run_job
    from .summary import summary

    config = config_from_args(arguments)
    try:
        print(summary(run_job(config)))
    except (TrainingDivergedError, OSError) as error:  # such as a full disk
        return _fail(error, EXIT_FAILURE)
    except KeyboardInterrupt:
        return _fail("interrupted; the same command with --resume continues", EXIT_INTERRUPTED)
    return 0


def _evaluate(arguments) -> int:
    try:
        print(evaluate_command.run(arguments))
    except OSError as error:  # such as a full disk
        return _fail(error, EXIT_FAILURE)
    return 0


def _embed(arguments) -> int:
    try:
        print(embed_command.run(arguments))
    except OSError as error:  # such as a full disk
        return _fail(error, EXIT_FAILURE)
    return 0


def _fail(message, code: int) -> int:
    print(f"graph-barlow-twins: error: {message}", file=sys.stderr)
    return code


def _show_warning(message, category, filename, lineno, file=None, line=None):
    del category, filename, lineno, line
    print(f"graph-barlow-twins: warning: {message}", file=file or sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
