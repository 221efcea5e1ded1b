"""Who writes to an output, so that nobody else does."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import InputError

LOCK = ".lock"
_HOLDER = "process "  # how our note in the lock file begins


@contextlib.contextmanager
def locked(output: Path, named: str = "--output ") -> Iterator[None]:
    """Holds an output folder, which exists, or an output file, as long as the process lives.

    The lock is a file in the folder, or beside the file, and gone afterwards.

    Args:
        output: as given by ``--output``, or by a caller.
        named: what stands before it in messages.

    Raises:
        InputError: if somebody else holds it, with the process, its host and its start.
        OSError: if there is no place for a lock.
    """
    path = output / LOCK if output.is_dir() else output.with_name(f".{output.name}{LOCK}")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = _read(path)
        raise InputError(
            f"{named}{output} is being written by {holder or 'another process'}; wait for it, or"
            " give another output"
        ) from None
    try:
        if not (note := _read(path)) or note.startswith(_HOLDER):  # else it is filelock's own
            start = time.strftime("%Y-%m-%d %H:%M:%S")
            with contextlib.suppress(OSError):  # a full disk can still be locked
                note = f"{_HOLDER}{os.getpid()} on {socket.gethostname()}, since {start}"
                path.write_text(note, encoding="utf-8")
        yield
    finally:
        # Before it is released: whoever has opened the file by then notices, and opens a new one.
        # Windows removes nothing that is open; there it goes when it is released.
        with contextlib.suppress(PermissionError):
            path.unlink(missing_ok=True)
        lock.release()


def _read(path):
    with contextlib.suppress(OSError, ValueError):
        return " ".join(path.read_text(encoding="utf-8").split())
    return ""
