"""A fitted model as a folder: what the command line writes, without its checks of a command."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .config.options import PretrainConfig
from .errors import InputError
from .files import read_file
from .graph.array_files import read_npz
from .graph.objects.columns import Columns
from .output.columns import read_columns, save_columns
from .output.embeddings.write import save_embeddings
from .output.folder import OutputFolder
from .output.model import ExportedModel
from .output.overwrite import finish, replacement_of, settle
from .output.paths import without_patterns
from .output.prepare import held
from .output.replace import remove, write_json
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
        root: a folder. Of a run in it what a run writes is replaced; other files stay.
        overwrite: whether to replace a run in it.

    Raises:
        InputError: if there is something else in the folder.
    """
    with held(root, named=""):
        whole = OutputFolder(root)
        settle(whole)
        folder = replacement_of(whole)
        if not whole.is_empty():
            if not overwrite:
                raise InputError(f"{root} is not empty; give another folder, or overwrite=True")
            taken = any(os.path.lexists(path) for path in whole.artefacts())
            if not (whole.holds_run() or (folder.holds_run() and not taken)):
                raise InputError(f"{root} does not hold a run; give another folder")
        remove(folder.root)
        try:
            folder.root.mkdir()
            write_json(folder.config, fitted.config.portable())
            save_embeddings(fitted.embeddings, fitted.data, folder.embeddings)
            with without_patterns(folder.root) as place, errors_only("tensorflow"):
                fitted.run.export(fitted.weights, OutputFolder(place))
            if columns is not None:
                save_columns(columns, folder.model)
            write_json(folder.metrics, metrics)
            finish(folder)
        except BaseException:
            if not folder.is_complete():  # else the next command ends the exchange
                remove(folder.root)
            raise
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
