"""Files and folders that are replaced whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``, and puts what the block writes there in its place.

    All or nothing: after an error, in the block or in the renaming, what was there is still there.
    A file is exchanged in one step. A folder is renamed aside first; a process that is killed just
    then leaves it as ``.NAME.old``, and the next call puts it back. A symbolic link is replaced
    itself, and what it points to is left alone.
    """
    temporary, old = partial_of(path), path.with_name(f".{path.name}.old")
    if os.path.lexists(old) and not os.path.lexists(path):
        os.rename(old, path)
    remove(temporary)
    remove(old)
    try:
        yield temporary
        if os.path.lexists(path) and (_is_folder(path) or _is_folder(temporary)):
            os.rename(path, old)
        try:
            os.replace(temporary, path)
        except OSError:
            if os.path.lexists(old):
                os.rename(old, path)
            raise
        remove(old)
    finally:
        remove(temporary)


def partial_of(path: Path) -> Path:
    """Where `replacing` collects what will be in the place of ``path``."""
    return path.with_name(f".{path.name}.partial")


def remove(path: Path) -> None:
    """Removes a file, a folder with all that is in it, or a symbolic link itself, if there is one.

    Raises:
        OSError: if it cannot be removed.
    """
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Writes JSON, see `replacing`. NaN and infinity become null: JSON has no word for them."""
    with replacing(path) as temporary:
        text = json.dumps(_finite(content), indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
