"""Before a run: may it use its output folder, and does a resumed one continue what it began?"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..config.options import OF_TABLES, PretrainConfig
from ..errors import InputError, TrainingDivergedError
from .folder import OutputFolder, damaged, read_json
from .lock import locked
from .overwrite import finish, replacement_of, settle
from .paths import check_writable, inputs_asked_for, place
from .replace import remove, write_json

# Options that say how to run, not what to compute: they may differ when a run is resumed. Whether
# the data set is the same, wherever it lies, is told by its digest.
_RUN_OPTIONS = (
    "output",
    "overwrite",
    "resume",
    "quiet",
    "workers",  # any number of them trains the same weights
    "worker_index",
    "worker_timeout",
    "data_dir",
    "dataset",
    "nodes",
    "edges",
    *OF_TABLES,
)
# Version 0.1.0 wrote null for the defaults of these, or nothing; they are the same still.
_ONCE_OPEN = (
    "batch_size",
    "epochs",
    "training",
    "measured",
    "channels",
    "drop_channels",
    "scale_features",
)


@contextlib.contextmanager
def prepared(config: PretrainConfig) -> Iterator[OutputFolder]:
    """Locks the output folder, checks it against the configuration, and gives the run's folder.

    That is the output folder; a folder in it where the run overwrites another one; or, with
    ``is_complete()``, the folder of a run that a resume finds at its end. Nothing is left in the
    output folder by a block that writes nothing.

    Raises:
        InputError: if the folder is not writable, or another run writes to it, if it is not empty
            and neither ``--overwrite`` nor ``--resume`` is given, if the input would be
            overwritten, or if a resumed run has another configuration.
    """
    with held(Path(config.output)):
        folder = _folder_of_run(config)
        try:
            yield folder
        except (InputError, TrainingDivergedError):
            if config.overwrite and folder.replaces:
                remove(folder.root)  # what nobody will resume
            raise


@contextlib.contextmanager
def held(root: Path, named: str = "--output ") -> Iterator[None]:
    """Makes an output folder, if there is none, and locks it; one that stays empty is removed.

    Args:
        root: of the output.
        named: what stands before it in messages.

    Raises:
        InputError: if it is not writable, or no folder, or another run writes to it.
    """
    if os.path.exists(root) and not root.is_dir():
        raise InputError(f"{named}{root} is a file, not a folder")
    check_writable(root, named)
    missing = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    try:
        with locked(root, named):
            yield
    finally:
        with contextlib.suppress(OSError):  # what is not empty stays
            for path in missing:
                path.rmdir()


def _folder_of_run(config: PretrainConfig) -> OutputFolder:
    folder = OutputFolder(Path(config.output))
    settle(folder)
    replacement = replacement_of(folder)
    if folder.is_empty():
        return folder
    if config.resume:
        begun = replacement if replacement.config.exists() else folder
        _check_resumed(begun, config)
        return finish(begun) if begun.is_complete() else begun
    if not config.overwrite:
        raise InputError(
            f"--output {folder.root} is not empty; give another folder, --overwrite to replace the"
            " run in it, or --resume to continue it"
        )
    taken = [path for path in folder.artefacts() if os.path.lexists(path)]
    _check_overwritten(folder, taken, config)
    remove(replacement.root)
    if not taken:
        return folder
    replacement.root.mkdir()
    try:
        write_json(replacement.config, config.portable())  # now it can be resumed
    except OSError:
        remove(replacement.root)
        raise
    return replacement


def begin(folder: OutputFolder, config: PretrainConfig, digest: str, recipe: Any) -> None:
    """Begins the run in the folder, or goes on with it: writes what a later resume compares.

    Args:
        folder: see `prepared`.
        config: as given.
        digest: `GraphData.digest`.
        recipe: what the configuration means for this graph, with a ``to_dict``.

    Raises:
        InputError: if a resumed run began with another graph or other defaults; nothing has been
            written then.
    """
    state = {"sha256": digest, "options": recipe.to_dict()}
    if config.resume:
        _check_same_training(folder, state)
    write_json(folder.config, config.portable())
    folder.checkpoint.mkdir(exist_ok=True)
    write_json(folder.training_state, state)


def _check_overwritten(folder: OutputFolder, taken: list[Path], config: PretrainConfig) -> None:
    """What --overwrite removes in the end has to be a run, and must not be the input."""
    if taken and not folder.holds_run():
        raise InputError(
            f"--overwrite: {folder.root} does not hold a run, but its {taken[0].name} would be"
            " removed; give another folder"
        )
    for path in inputs_asked_for(config):
        if any(path.resolve().is_relative_to(place(artefact)) for artefact in taken):
            raise InputError(f"--overwrite: {path} is the input, and would be removed")


def _check_resumed(folder: OutputFolder, config: PretrainConfig) -> None:
    try:
        before = folder.read_config()
    except OSError:
        raise InputError(
            f"--resume: {folder.root} holds no interrupted run (no {folder.config.name})"
        ) from None
    for field in dataclasses.fields(config):
        ours, theirs = getattr(config, field.name), getattr(before, field.name)
        if field.name not in _RUN_OPTIONS and ours != theirs:
            raise InputError(
                f"--resume: {field.name.rstrip('_')} is {ours!r} now, but the interrupted run had"
                f" {theirs!r}; repeat its options, or start again with --overwrite"
            )


def _check_same_training(folder: OutputFolder, state: dict[str, Any]) -> None:
    """Refuses to continue on another graph, or with other defaults, than the run began with."""
    if not folder.training_state.exists():
        if folder.backup.exists():
            raise damaged(folder.checkpoint)
        return  # the run had not come as far as that
    before = read_json(folder.training_state)
    try:
        same_graph, options = before["sha256"] == state["sha256"], dict(before["options"])
    except (KeyError, TypeError, ValueError):
        raise damaged(folder.training_state) from None
    if not same_graph:
        raise InputError(
            "--resume: the data set is not the one that the interrupted run was trained on; start"
            " again with --overwrite"
        )
    for name, ours in state["options"].items():
        theirs = options.get(name)
        if ours != theirs and not (theirs is None and name in _ONCE_OPEN):
            raise InputError(
                f"--resume: the default of {name} for this graph is {ours!r} now, but"
                f" the interrupted run had {theirs!r}; start again with --overwrite"
            )
