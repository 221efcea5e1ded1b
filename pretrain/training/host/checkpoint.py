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
    parts = {"trained": trained, "first": optimizer.first, "second": optimizer.second}
    arrays: dict[str, Any] = {
        f"{part}_{number}": array for part, of in parts.items() for number, array in enumerate(of)
    }
    with replacing(_file(folder)) as temporary, temporary.open("wb") as file:
        arrays[_STEPS] = np.array([optimizer.steps])
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
    parts = {"trained": trained, "first": optimizer.first, "second": optimizer.second}
    names = [f"{part}_{number}" for part, of in parts.items() for number in range(len(of))]
    names.append(_STEPS)
    try:
        stored = read_npz(path, names, required=names, allowed=names, compressed=False)
        (steps,) = map(int, stored[_STEPS])
    except (InputError, TypeError, ValueError):
        raise damaged(folder.backup) from None
    found = {
        part: [stored[f"{part}_{number}"] for number in range(len(of))]
        for part, of in parts.items()
    }
    for part, of in parts.items():
        for ours, theirs in zip(of, found[part], strict=True):
            if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
                raise damaged(folder.backup)
    history = read_history(folder, steps)
    for part, of in parts.items():
        for ours, theirs in zip(of, found[part], strict=True):
            ours[...] = theirs
    optimizer.steps = steps
    return history


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
