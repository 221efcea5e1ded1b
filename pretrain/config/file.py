"""Options from a TOML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import LONGEST_CONFIG, read_file
from .base import Options

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def load_toml(path: str | Path, kind: type[Options]) -> dict[str, Any]:
    """Reads the options of one command.

    Returns:
        Field names of `kind` with checked values, only those that the file sets.

    Raises:
        InputError: missing or malformed file, unknown key, or a value that the option refuses.
    """
    text = read_file(path, LONGEST_CONFIG)
    try:
        content = tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # ValueError: of the TOML or the UTF-8
        raise InputError(f"{path}: not a TOML file: {error}") from None
    return kind.checked(content, where=str(path))
