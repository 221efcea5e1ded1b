"""Ctrl-C at any moment."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from types import FrameType
from typing import Any

_AGAIN = 0.01  # seconds


class CtrlC:
    """Remembers a Ctrl-C, and sees to it that it is not lost.

    Args:
        at_end: what SIGINT does after the block; default: what it did before.

    Attributes:
        came: whether there was one.
    """

    def __init__(self, at_end: Any = None) -> None:
        self.came = False
        self._at_end = at_end
        self._handler: Any = None

    def __enter__(self) -> CtrlC:
        # Python allows handlers in its main thread alone; elsewhere Ctrl-C does not come anyway.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler and (
            threading.current_thread() is threading.main_thread()
        ):
            self._handler = signal.signal(signal.SIGINT, self._handle)
            self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        return self

    def __exit__(self, *exception: object) -> None:
        if self._handler is not None:
            at_end = self._handler if self._at_end is None else self._at_end
            signal.signal(signal.SIGINT, at_end)
            sys.unraisablehook = self._hook

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        raise KeyboardInterrupt

    def _unraisable(self, what: Any) -> None:
        """In a destructor or a callback Python drops exceptions: Ctrl-C comes once more."""
        if not issubclass(what.exc_type, KeyboardInterrupt):
            self._hook(what)
            return
        again = threading.Timer(_AGAIN, _thread.interrupt_main)
        again.daemon = True
        again.start()
