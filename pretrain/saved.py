"""A fitted model as a folder: what the command line writes, without its checks of a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .config.options import PretrainConfig
from .errors import InputError
from .files import is_litter, read_file
from .graph.array_files import read_npz
from .graph.objects.columns import Columns
from .output.columns import read_columns, save_columns
from .output.embeddings.write import save_embeddings
from .output.folder import OutputFolder
from .output.model import ExportedModel
from .output.paths import check_writable, without_patterns
from .output.replace import replacing, write_json
from .phases import Fitted
from .quiet import errors_only

_MOST_BYTES = 1 << 28  # of metrics.json


class Stored(NamedTuple):
    """What `read_fitted` finds; the graph is not among it."""

    config: PretrainConfig
    metrics: dict[str, Any]
    weights: Any
    columns: Columns | None
    embeddings: np.ndarray
    node_ids: np.ndarray | None


def save_fitted(
    fitted: Fitted,
    columns: Columns | None,
    metrics: dict[str, Any],
    root: Path,
    *,
    overwrite: bool = False,
) -> Path:
    """Writes configuration, embeddings, model and metrics, all or nothing.

    Args:
        fitted: the model.
        columns: how its table was read.
        metrics: the content of metrics.json.
        root: a folder.
        overwrite: whether to replace a run in it.

    Raises:
        InputError: if there is something else in the folder.
    """
    check_writable(root)
    if root.exists() and not root.is_dir():
        raise InputError(f"{root} is a file; expected a folder")
    if root.exists() and not all(is_litter(one.name) for one in root.iterdir()):
        if not overwrite:
            raise InputError(f"{root} is not empty; give another folder, or overwrite=True")
        if not OutputFolder(root).holds_run():
            raise InputError(f"{root} does not hold a run, and would be removed")
    root.parent.mkdir(parents=True, exist_ok=True)
    with replacing(root) as temporary:
        temporary.mkdir()
        folder = OutputFolder(temporary)
        write_json(folder.config, fitted.config.portable())
        save_embeddings(fitted.embeddings, fitted.data, folder.embeddings)
        with without_patterns(temporary) as place, errors_only("tensorflow"):
            fitted.run.export(fitted.weights, OutputFolder(place))
        if columns is not None:
            save_columns(columns, folder.model)
        write_json(folder.metrics, metrics)
    return root


def read_fitted(path: Path) -> Stored:
    """Reads the folder of a finished run; nothing in it is executed.

    Raises:
        InputError: if it is none, or a damaged one.
    """
    folder = OutputFolder(path)
    try:
        config = folder.read_config()
        metrics = json.loads(read_file(folder.metrics, _MOST_BYTES))
        if not {"curves", "features"} <= metrics.keys():
            raise ValueError(f"{folder.metrics} is damaged")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        why = str(error)
        if isinstance(error, OSError):
            why = f"no {folder.config.name} in it" if path.is_dir() else "no such folder"
        raise InputError(f"{path}: expected the folder of a finished run: {why}") from None
    exported = ExportedModel(folder.root)
    exported.load()
    arrays = read_npz(folder.embeddings, ("embeddings", "node_ids"), required=("embeddings",))
    columns, ids = read_columns(folder.model), arrays.get("node_ids")
    return Stored(config, metrics, exported.weights, columns, arrays["embeddings"], ids)
