"""What a training on the host needs to go on: numbers alone, in one file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ....kernels.training.adamw import AdamW
from ...errors import InputError
from ...graph.array_files import read_npz
from ...output.folder import OutputFolder, damaged
from ...output.replace import remove, replacing
from ..curves import Curves, read_history, write_history

_STEPS = "steps"


def write_checkpoint(
    folder: OutputFolder, trained: list[np.ndarray], optimizer: AdamW, history: Curves
) -> None:
    """Writes the curves, and then, whole or not at all, the state."""
    write_history(folder, history)
    folder.backup.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = _by_name(trained, optimizer)
    arrays[_STEPS] = np.array([optimizer.steps])
    with replacing(_file(folder)) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_checkpoint(folder: OutputFolder, trained: list[np.ndarray], optimizer: AdamW) -> Curves:
    """Puts a checkpoint's numbers in the place of these, if there is one.

    Args:
        folder: of the run.
        trained: changed in place.
        optimizer: likewise.

    Returns:
        The curves up to there; without a checkpoint none.

    Raises:
        InputError: if it is damaged, or of another encoder.
    """
    path = _file(folder)
    if not path.exists():
        _forget_training_by_keras(folder)
        return {}
    arrays = _by_name(trained, optimizer)
    names = [*arrays, _STEPS]
    try:
        stored = read_npz(path, names, required=names, allowed=names, compressed=False)
        (steps,) = map(int, stored[_STEPS])
    except (InputError, TypeError, ValueError):
        raise damaged(folder.backup) from None
    for name, ours in arrays.items():
        if (ours.shape, ours.dtype) != (stored[name].shape, stored[name].dtype):
            raise damaged(folder.backup)
    history = read_history(folder, steps)
    for name, ours in arrays.items():
        ours[...] = stored[name]
    optimizer.steps = steps
    return history


def _by_name(trained: list[np.ndarray], optimizer: AdamW) -> dict[str, np.ndarray]:
    parts = {"trained": trained, "first": optimizer.first, "second": optimizer.second}
    return {
        f"{part}_{number}": array for part, of in parts.items() for number, array in enumerate(of)
    }


def _forget_training_by_keras(folder: OutputFolder) -> None:
    """Of an earlier version, which trained full graphs by Keras, or without a compiler."""
    if not folder.backup.exists():
        return
    warnings.warn(
        "--resume: the checkpoint is one of another version, or of NUMBA_DISABLE_JIT; the training"
        " begins anew",
        stacklevel=2,
    )
    for path in (folder.backup, folder.history, folder.tensorboard):
        remove(path)


def _file(folder: OutputFolder) -> Path:
    return folder.backup / "state.npz"
