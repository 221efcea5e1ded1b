"""The command ``graph-barlow-twins``."""

from __future__ import annotations

import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, NamedTuple

from ... import __version__
from ..config.base import Options
from ..config.command_line import CommandLineParser, add_arguments, options_from
from ..config.options import PretrainConfig
from ..errors import InputError, TrainingDivergedError
from . import embed, evaluate

EXIT_FAILURE, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


def _pretrain(config: PretrainConfig) -> str:
    from ..job import run_job
    from .summary import summary

    return summary(run_job(config))


class _Command(NamedTuple):
    options: type[Options]
    run: Callable[[Any], str]  # gives what is printed
    help: str
    description: str
    interrupted: str = "interrupted"


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
        " docs/evaluation.md describes the protocol.",
    ),
    "embed": _Command(
        embed.EmbedOptions,
        embed.run,
        "apply an exported model to another graph with the same features",
        "Writes the representations that an exported model gives the nodes of a graph.",
    ),
}


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
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, one in _COMMANDS.items():
        subparser = subparsers.add_parser(name, help=one.help, description=one.description)
        add_arguments(subparser, one.options, from_file=name == "pretrain")
    # One line per warning; Python's default shows a line of source code that no user asked about.
    warnings.showwarning = _show_warning
    for category in (UserWarning, RuntimeWarning):
        warnings.simplefilter("once", category)
    interrupted = "interrupted"
    with _CtrlC() as ctrl_c:
        try:
            arguments = parser.parse_args(argv)
            command = _COMMANDS[arguments.command]
            options = options_from(arguments, command.options)
            interrupted = command.interrupted
            print(command.run(options))
            return 0
        except InputError as error:
            return _fail(error, EXIT_BAD_INPUT)
        except (TrainingDivergedError, OSError) as error:  # such as a full disk
            return _fail(error, EXIT_FAILURE)
        except (KeyboardInterrupt, Exception) as error:
            if not (ctrl_c.came or isinstance(error, KeyboardInterrupt)):
                raise
            return _fail(interrupted, EXIT_INTERRUPTED)


class _CtrlC:
    """Remembers a Ctrl-C: half-way through an import or a call from C++ it comes out as anything.

    Attributes:
        came: whether there was one.
    """

    def __init__(self) -> None:
        self.came = False
        self._handler: Any = None

    def __enter__(self) -> _CtrlC:
        # Python allows handlers in its main thread alone; elsewhere Ctrl-C does not come anyway.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler and (
            threading.current_thread() is threading.main_thread()
        ):
            self._handler = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt


def _fail(message: object, code: int) -> int:
    print(f"graph-barlow-twins: error: {message}", file=sys.stderr)
    return code


def _show_warning(message, category, filename, lineno, file=None, line=None):
    del category, filename, lineno, line
    print(f"graph-barlow-twins: warning: {message}", file=file or sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
