"""The command ``graph-barlow-twins``: light itself, so that Ctrl-C finds it there from the start.

Everything else is imported once Ctrl-C is looked after; see `commands`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from . import console
from .ctrl_c import CtrlC

EXIT_FAILURE, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 1, 2, 130


def command() -> None:
    """The console script: `main`, in a process that has nothing else to do, and ends."""
    ctrl_c = CtrlC(at_end=signal.SIG_IGN)  # what is done is done, and Python's own end is short
    code = main(ctrl_c=ctrl_c, prepared=True)
    if code == EXIT_INTERRUPTED:
        # Where Ctrl-C has come through an `exec`, as of a dataclass that is imported, Python would
        # take the signal anew at its own end, and die of it.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main(
    argv: Sequence[str] | None = None, *, ctrl_c: CtrlC | None = None, prepared: bool = False
) -> int:
    """Runs the command line.

    Args:
        argv: arguments without the program's name; default: ``sys.argv[1:]``.
        ctrl_c: what looks after Ctrl-C; the default leaves it as it was.
        prepared: whether the streams are this command's own, and made such that no text and no
            reader who leaves can stop it.

    Returns:
        Exit code: 0, 2 for bad input (one line on stderr), 1 for a run that failed, 130 for Ctrl-C.
    """
    told = ["interrupted"]
    with ctrl_c or CtrlC() as ctrl_c:
        try:
            if prepared:
                console.prepare()
            from .commands import run

            console.print_result(run(argv, told))
            return 0
        except (KeyboardInterrupt, Exception) as error:
            # Half-way through an import or a call from C++ it comes out as anything.
            if ctrl_c.came or isinstance(error, KeyboardInterrupt):
                return _fail(told[-1], EXIT_INTERRUPTED)
            from ..errors import InputError, TrainingDivergedError, WorkersMissingError

            if isinstance(error, InputError):
                return _fail(error, EXIT_BAD_INPUT)
            # An OSError: such as a full disk.
            if isinstance(error, (TrainingDivergedError, WorkersMissingError, OSError)):
                return _fail(error, EXIT_FAILURE)
            raise


def _fail(message: object, code: int) -> int:
    print(f"graph-barlow-twins: error: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    command()
