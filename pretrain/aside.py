"""A call in a second process, for what would else wait while one core alone is busy.

joblib's processes are not used: they outlive a parent that is killed, asleep, with all they hold.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

_LENGTH = 8  # bytes
# Not `-m`, which looks for modules in the working folder first: files there are not ours to run.
_SERVE = f"import sys; sys.path[:] = [p for p in sys.path if p]; import {__name__} as a; a.serve()"


class Aside(Generic[Value]):
    """Begins a call in a process of its own, which gives way to this one; a context manager.

    A thread would not do: imports and tracing hold the interpreter's lock. On one core, or where
    the system gives no second process, the call is made when its result is asked for.

    Args:
        function: at the top level of a module; its result must not depend on who calls it.
        *arguments: of the function, copied to the process.
        on_one_core: whether there is a process of its own even there.
        **options: of the function, likewise.
    """

    def __init__(
        self,
        function: Callable[..., Value],
        *arguments: Any,
        on_one_core: bool = False,
        **options: Any,
    ) -> None:
        self._on_one_core = on_one_core
        self._call = functools.partial(function, *arguments, **options)
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> Aside[Value]:
        from joblib import cpu_count  # with scikit-learn; knows of affinity and of containers

        if (cpu_count() == 1 and not self._on_one_core) or not sys.executable:
            return self
        try:
            content = pickle.dumps(self._call)
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            inbox: Any = self._process.stdin
            inbox.write(len(content).to_bytes(_LENGTH, "big"))
            inbox.write(content)
            inbox.flush()  # and left open: the process ends with this one
        except (OSError, MemoryError):  # a limit of processes or of memory
            self._close()
        return self

    def __exit__(self, *exception: object) -> None:
        self._close()

    def result(self) -> Value:
        """What the function gives or raises; its warnings are given here."""
        if self._process is None:
            return self._call()
        outbox: Any = self._process.stdout
        try:
            value, error, told = pickle.load(outbox)
        except Exception:  # killed, perhaps for want of memory; or an error of its own kind
            return self._call()
        if isinstance(error, MemoryError):  # there may be more of it now
            return self._call()
        for category, message in told:
            warnings.warn(message, category, stacklevel=2)
        if error is not None:
            raise error
        return value

    def _close(self) -> None:
        if self._process is not None:
            self._process.kill()
            with contextlib.suppress(OSError), self._process:  # closes the pipes, and waits
                pass
        self._process = None


def serve() -> None:
    """In the other process: makes the call that is handed over, and ends with whoever asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the user sees
    if hasattr(os, "nice"):
        os.nice(5)
    inbox = sys.stdin.buffer
    # Read before anything is imported: the other side waits until all has been taken.
    content = inbox.read(int.from_bytes(inbox.read(_LENGTH), "big"))
    threading.Thread(target=_end_with, args=(inbox,), daemon=True).start()
    # What libraries print would else come between the numbers.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    value = error = None
    with warnings.catch_warnings(record=True) as told:
        try:
            value = pickle.loads(content)()
        except Exception as one:
            error = one
    warned = [(one.category, str(one.message)) for one in told]
    pickle.dump((value, error, warned), answer)
    answer.flush()
    os._exit(0)  # Python's own end would meet the other thread in the middle of its reading


def _end_with(inbox: Any) -> None:
    inbox.read()
    os._exit(1)
