"""Trouble with the disk, whoever reports it."""

from __future__ import annotations

import errno
import os

_TROUBLE = ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "ENOENT", "EIO", "ESTALE")


def disk_error(error: Exception) -> OSError | None:
    """The system's error behind an exception, None if there is none.

    TensorFlow's own exceptions are no OSErrors; they quote the system's words.
    """
    if isinstance(error, OSError):
        return error
    if type(error).__module__.startswith("tensorflow."):
        for code in (getattr(errno, name) for name in _TROUBLE if hasattr(errno, name)):
            if os.strerror(code) in str(error):
                return OSError(code, os.strerror(code))
    return None
