"""A run that takes the place of an earlier one in its folder: at its end, and as a whole.

It is written to a folder in the folder. Once it is complete, the earlier run is removed and the new
one moved in; a process killed meanwhile leaves what `settle` needs to bring that to its end.
"""

from __future__ import annotations

import os

from .folder import OutputFolder
from .replace import remove

# The second name says that the earlier run is gone already: what lies outside is the new one's.
_NAME, _NAME_WHILE_MOVING = ".replacement", ".replacing"


def replacement_of(folder: OutputFolder) -> OutputFolder:
    """Where the run is written that is to replace the one in the folder."""
    return OutputFolder(folder.root / _NAME, replaces=folder)


def finish(folder: OutputFolder) -> OutputFolder:
    """Leaves of a complete run its results alone, in place of the run that it replaces.

    Returns:
        The folder that holds them now.
    """
    remove(folder.checkpoint)
    if folder.replaces is None:
        return folder
    for path in folder.replaces.artefacts():
        remove(path)
    os.rename(folder.root, folder.root.with_name(_NAME_WHILE_MOVING))
    _move_in(folder.replaces)
    return folder.replaces


def settle(folder: OutputFolder) -> None:
    """Brings the replacement of a run to its end where the process was killed that was at it."""
    if replacement_of(folder).is_complete():
        finish(replacement_of(folder))
    _move_in(folder)


def _move_in(folder):
    moving = OutputFolder(folder.root / _NAME_WHILE_MOVING)
    for path in reversed(moving.artefacts()):
        if os.path.lexists(path):
            os.rename(path, folder.root / path.name)
    remove(moving.root)
