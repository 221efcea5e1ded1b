"""Names of TensorBoard's event files."""

from __future__ import annotations

import re
from pathlib import Path

_NAME = re.compile(r"(events\.out\.tfevents\.\d+)\..+(\.\d+\.\d+\.v2)")


def remove_host_names(log: Path) -> None:
    """Renames the files of a log: TensorFlow puts the machine's host name into their names.

    What is left is time, process and a count, so names stay different, and TensorBoard finds and
    orders them as before. To be called when the files are closed.

    Args:
        log: the folder; that of a resumed run has the files of the interrupted one, too.
    """
    for path in sorted(log.rglob("events.out.tfevents.*")):
        if found := _NAME.fullmatch(path.name):
            path.rename(path.with_name("".join(found.groups())))
