"""The output folder of a run: what lies where, and how nothing half-written is left in it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..config.options import PretrainConfig, values_from_mapping
from ..errors import InputError

# Options that say how to run, not what to compute: they may differ when a run is resumed.
_RUN_OPTIONS = ("output", "overwrite", "resume", "quiet", "data_dir")
# Version 0.1.0 wrote null for the defaults of these, which are the same still.
_ONCE_OPEN = ("batch_size", "epochs")


@dataclasses.dataclass(frozen=True)
class OutputFolder:
    """Paths of one run; see `prepare`.

    Attributes:
        root: the folder given by ``--output``.
    """

    root: Path

    @property
    def config(self) -> Path:
        """The configuration, written first: JSON under the names of the flags."""
        return self.root / "config.json"

    @property
    def metrics(self) -> Path:
        """The results, written last: a folder with this file holds a complete run."""
        return self.root / "metrics.json"

    @property
    def embeddings(self) -> Path:
        """Npz with ``node_ids`` [N] and ``embeddings`` [N, D]."""
        return self.root / "embeddings.npz"

    @property
    def held_out_edges(self) -> Path:
        """Npz with the links kept from training and as many non-links; see link_prediction.py."""
        return self.root / "held_out_edges.npz"

    @property
    def model(self) -> Path:
        """The exported SavedModel."""
        return self.root / "model"

    @property
    def report(self) -> Path:
        """The report to look at, one HTML file; written after metrics.json, may be missing."""
        return self.root / "report.html"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's log."""
        return self.root / "tensorboard"

    @property
    def checkpoint(self) -> Path:
        """What a resume needs; removed when the run is complete."""
        return self.root / "checkpoint"

    @property
    def history(self) -> Path:
        """Metrics of the steps done so far, for a resume."""
        return self.checkpoint / "history.json"

    @property
    def training_state(self) -> Path:
        """Digest of the graph and the options with their defaults filled in, for a resume."""
        return self.checkpoint / "training.json"

    @property
    def backup(self) -> Path:
        """Keras' BackupAndRestore."""
        return self.checkpoint / "backup"

    def artefacts(self) -> tuple[Path, ...]:
        """All that a run writes."""
        # metrics.json first: once it is gone the folder does not pass for a complete run.
        return (
            self.metrics,
            self.embeddings,
            self.held_out_edges,
            self.model,
            self.report,
            self.tensorboard,
            self.checkpoint,
            self.config,
        )

    def holds_run(self) -> bool:
        """Whether the folder's config.json is one of ours."""
        try:
            self.read_config()
        except (OSError, InputError):
            return False
        return True

    def read_config(self) -> PretrainConfig:
        """The configuration of the run in the folder.

        Raises:
            OSError: if there is none.
            InputError: if it is damaged, or not ours.
        """
        text = self.config.read_bytes()
        try:
            stored = json.loads(text)
            return PretrainConfig(**values_from_mapping(stored, where=str(self.config)))
        except InputError:
            raise
        except (ValueError, TypeError, AttributeError):
            raise damaged(self.config) from None

    def is_complete(self) -> bool:
        """Whether the folder holds a finished run."""
        return self.metrics.exists()

    def remove_artefacts(self) -> None:
        """Removes what a run writes, and nothing else."""
        for path in self.artefacts():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def prepare(config: PretrainConfig) -> OutputFolder:
    """Checks the output folder against the configuration; writes nothing.

    Returns:
        The folder.

    Raises:
        InputError: if the folder is not empty and neither ``--overwrite`` nor ``--resume`` is
            given, if it is not writable, or if a resumed run's configuration differs.
    """
    folder = OutputFolder(Path(config.output))
    root = folder.root
    if root.exists() and not root.is_dir():
        raise InputError(f"--output {root} is a file, not a folder")
    _check_writable(root)
    if not root.exists() or not any(root.iterdir()):
        return folder
    if config.resume:
        _check_resumed(folder, config)
        return folder
    if config.overwrite:
        _check_overwritten(folder, config)
    else:
        raise InputError(
            f"--output {root} is not empty; give another folder, --overwrite to replace the run in"
            " it, or --resume to continue it"
        )
    return folder


def damaged(path: Path) -> InputError:
    """The error for a file of an interrupted run that cannot be read."""
    return InputError(f"--resume: {path} is damaged; start again with --overwrite")


def training_state(digest: str, recipe: dict[str, Any]) -> dict[str, Any]:
    """What has to be the same when a training goes on: the content of ``training_state``.

    Args:
        digest: `GraphData.digest`.
        recipe: `Recipe.to_dict`.
    """
    return {"sha256": digest, "options": recipe}


def check_same_training(folder: OutputFolder, state: dict[str, Any]) -> None:
    """Refuses to continue on another graph, or with other defaults, than the run began with.

    Args:
        folder: of the interrupted run.
        state: see `training_state`.

    Raises:
        InputError: if the state in the folder is another one.
    """
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
        if theirs is None and name in _ONCE_OPEN:
            continue
        if ours != theirs:
            raise InputError(
                f"--resume: the default of {name} for this graph is {ours!r} now, but"
                f" the interrupted run had {theirs!r}; start again with --overwrite"
            )


def _check_overwritten(folder: OutputFolder, config: PretrainConfig) -> None:
    """What --overwrite removes has to be a run, and must not be the input."""
    taken = [path for path in folder.artefacts() if path.exists()]
    if taken and not folder.holds_run():
        raise InputError(
            f"--overwrite: {folder.root} does not hold a run, but its {taken[0].name} would be"
            " removed; give another folder"
        )
    inputs = [config.dataset.partition(":")[2], config.data_dir or ""]
    for path in filter(None, inputs):
        resolved = Path(path).resolve()
        if any(resolved.is_relative_to(artefact.resolve()) for artefact in taken):
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


def _check_writable(root: Path) -> None:
    """Tries to make a file in the folder, or in the nearest folder above it that exists."""
    try:
        if root.is_symlink() and not root.exists():
            raise InputError(f"--output {root} is a link that leads nowhere")
        existing = root
        while not existing.exists():
            existing = existing.parent
        if len(os.fsencode(root.name)) > os.pathconf(existing, "PC_NAME_MAX"):
            raise InputError(f"--output {root}: the name is too long")
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise InputError(f"--output {root} is not writable: {error.strerror or error}") from None


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` and renames it on success: all or nothing."""
    temporary = path.with_name(f".{path.name}.partial")
    _remove(temporary)
    try:
        yield temporary
        if path.is_dir():  # a folder cannot be renamed onto one that is not empty
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def write_json(path: Path, content: Any) -> None:
    """Writes JSON, all or nothing. NaN and infinity become null: JSON has no word for them."""
    with replacing(path) as temporary:
        text = json.dumps(_finite(content), indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The content of a JSON file of an interrupted run.

    Raises:
        InputError: if it is missing or damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise damaged(path) from None


def _finite(content):
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not abs(content) < float("inf"):
        return None
    return content


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
