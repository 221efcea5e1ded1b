"""Files that nobody vouches for: opened without waiting, read up to a bound."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from .errors import InputError

# In bytes; that of a run has 2,000. The time that a TOML file may take grows as its square.
LONGEST_CONFIG = 1 << 14
_FREE_LENGTH, _UNFOLDED_PER_BYTE = 1 << 28, 80
_LEFT_BEHIND = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"}
_HIDDEN = {".ds_store", ".localized", ".directory", ".ipynb_checkpoints"}
_HIDDEN_STARTS = ("._", ".nfs", ".~lock.", ".fuse_hidden", "~$")


def is_litter(name: str) -> bool:
    """Whether a reader of a folder passes over such a file, as ``.DS_Store`` or ``~$a.csv``.

    All that begins with a point is hidden, and no data.
    """
    hidden = name.startswith((".", "~$")) or name.endswith("~")
    return hidden or name.lower() in _LEFT_BEHIND


def is_left_by_system(name: str) -> bool:
    """Whether a system or program has left such a file by itself: a folder of these is empty.

    ``.git`` and other hidden files are somebody's.
    """
    lower = name.lower()
    return lower in _LEFT_BEHIND | _HIDDEN or lower.startswith(_HIDDEN_STARTS)


def open_file(path: str | Path) -> BinaryIO:
    """Opens a file for reading.

    Raises:
        InputError: no such file, or something else: a folder, a pipe on which the reader would
            wait, a device that never ends.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:  # ValueError: NUL or a half surrogate in the name
        raise cannot_read(path, error) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"cannot read {path}: not a regular file")
    return os.fdopen(descriptor, "rb")


def read_file(path: str | Path, most: int) -> bytes:
    """The content of a file of at most ``most`` bytes.

    Raises:
        InputError: as `open_file`, or a longer file.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise InputError(f"{path}: expected at most {most:,} bytes, got {size:,}")
        try:
            return file.read(size)
        except OSError as error:
            raise cannot_read(path, error) from None


def most_unfolded(size: int) -> int:
    """Bytes that a packed file of this size may unfold to: a quarter of a GB, or 80 times it."""
    return max(_FREE_LENGTH, _UNFOLDED_PER_BYTE * size)


def cannot_read(path: object, error: Exception) -> InputError:
    """The error of a file that the system does not give."""
    return InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}")
