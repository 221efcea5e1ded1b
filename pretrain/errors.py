"""The one error that a person at the command line may cause."""

import contextlib
import reprlib
from collections.abc import Iterator
from typing import Any

LONGEST_MESSAGE = 300
_HEAD, _GAP = 180, " ... "
_TAIL = LONGEST_MESSAGE - _HEAD - len(_GAP)


class InputError(ValueError):
    """Bad input, told in one clear line.

    The command line prints the message and exits with code 2, without a traceback; everything
    else that is raised is a defect of ours and keeps its traceback. Messages name the file or the
    option, what was expected and what came. Of a message that quotes a foreign file, line breaks
    become spaces, what a terminal would obey is escaped, and the middle of a long one is left out.
    """

    def __init__(self, message: str):
        super().__init__(_one_line(str(message)))


class TrainingDivergedError(RuntimeError):
    """The loss became NaN or infinite, or the embeddings so large that no one can use them."""


class WorkersMissingError(RuntimeError):
    """Not all workers of a cluster have come."""


class WorkerLostError(WorkersMissingError):
    """A worker of the cluster is gone; those that are left may start again and wait for it."""


class OutputError(OSError):
    """The output cannot be written, such as on a full disk: where, why, when, and what is safe."""

    def __init__(self, message: str):
        super().__init__(_one_line(message))


@contextlib.contextmanager
def told_of(source: object) -> Iterator[None]:
    """Puts the name of what is looked at before the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{source}: {error}") from None


def shown(value: Any) -> str:
    """Like ``repr``, but short, and in a short time, whatever the value holds."""
    return _SHORT.repr(value)


def _one_line(text: str) -> str:
    if len(text) > 2 * LONGEST_MESSAGE:
        text = text[:LONGEST_MESSAGE] + text[-LONGEST_MESSAGE:]
    line = " ".join(text.splitlines())
    line = "".join(one if one.isprintable() else repr(one)[1:-1] for one in line)
    return line if len(line) <= LONGEST_MESSAGE else line[:_HEAD] + _GAP + line[-_TAIL:]


class _Short(reprlib.Repr):
    def __init__(self):
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 3, 100, 100

    def repr_int(self, x, level):
        # Python refuses to write more than 4,300 digits, and takes long for fewer.
        return repr(x) if x.bit_length() <= 256 else f"an integer of {x.bit_length():,} bits"


_SHORT = _Short()
