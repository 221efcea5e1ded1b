"""How a model's features were made of a table, beside the model."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..errors import InputError
from ..files import read_file
from ..graph.objects.columns import Columns
from .replace import write_json

_FILE, _MOST_BYTES = "columns.json", 1 << 24


def save_columns(columns: Columns, model: Path) -> None:
    """Writes them into the model's folder."""
    write_json(model / _FILE, columns.to_list())


def read_columns(model: Path) -> Columns | None:
    """What `save_columns` has written; None if there is nothing.

    Raises:
        InputError: of a damaged file.
    """
    path = model / _FILE
    if not os.path.lexists(path):
        return None
    try:
        return Columns.from_list(json.loads(read_file(path, _MOST_BYTES)))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise InputError(f"{path}: {error}") from None
        raise InputError(f"{path}: not a JSON file, or a damaged one") from None
