"""Streams that cannot stop a run: whatever they can print, and whether anybody reads them."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any


def prepare() -> None:
    """Makes the process' own streams such.

    Characters that a console does not have are escaped. A descriptor that is closed leads nowhere:
    the next file that is opened would take its number, and get our messages. What nobody reads on
    stderr is lost; on stdout see `print_result`.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the whole process
            setattr(sys, name, nowhere)
        else:
            stream.reconfigure(errors="backslashreplace")
    sys.stderr = _Lossy(sys.stderr)


def print_result(text: str) -> None:
    """To stdout; whoever has closed it, such as ``head``, has read enough.

    Raises:
        OSError: a disk that is full, for example.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        # What is left in the buffer would fail again at the end of the process.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


class _Lossy:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._close()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._close()

    def _close(self) -> None:
        """From now on, and at the end of the process, to nowhere."""
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
