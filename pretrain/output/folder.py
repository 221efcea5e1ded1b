"""The output folder of a run: what lies where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..config.options import OF_TABLES, PretrainConfig
from ..errors import InputError
from ..files import LONGEST_CONFIG, is_left_by_system, open_file, read_file
from .lock import LOCK

# Somebody else's config.json may have a seed, or nothing at all.
_IN_EVERY_CONFIG = {"dataset", "seed", "overwrite", "resume", "quiet"}


class OutputFolder:
    """Paths of one run; see `prepared`.

    Args:
        root: the folder given by ``--output``, or one in it; see `overwrite`.
        replaces: the run that this one takes the place of at its end.

    Attributes:
        root: the same.
        replaces: the same.
        config: the configuration as given, written first: JSON under the names of the flags, but
            no folders (`PretrainConfig.portable`).
        metrics: the results, written last: a folder with this file holds a complete run.
        embeddings: npz with ``node_ids`` [N] and ``embeddings`` [N, D].
        held_out_edges: npz with the links kept from training and as many non-links; see `links`.
        model: the exported SavedModel.
        report: the report to look at, one HTML file; may be missing.
        tensorboard: TensorBoard's log.
        checkpoint: what a resume needs; removed when the run is complete.
        history: metrics of the steps done so far, for a resume.
        training_state: digest of the graph and the recipe, for a resume.
        backup: weights and optimiser, as Keras' BackupAndRestore or `training.host` writes them.
        trained: there once the training is done, and the rest of the run is not.
    """

    def __init__(self, root: Path, replaces: OutputFolder | None = None):
        self.root = root
        self.replaces = replaces
        self.config = root / "config.json"
        self.metrics = root / "metrics.json"
        self.embeddings = root / "embeddings.npz"
        self.held_out_edges = root / "held_out_edges.npz"
        self.model = root / "model"
        self.report = root / "report.html"
        self.tensorboard = root / "tensorboard"
        self.checkpoint = root / "checkpoint"
        self.history = self.checkpoint / "history.json"
        self.training_state = self.checkpoint / "training.json"
        self.backup = self.checkpoint / "backup"
        self.trained = self.checkpoint / "trained"

    def artefacts(self) -> tuple[Path, ...]:
        """All that a run writes, metrics.json first: without it the run is not complete."""
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

    def is_empty(self) -> bool:
        """Whether nothing lies there but what systems leave, and a kill before there was a file."""
        first = f".{self.config.name}.partial"
        return all(
            path.name in (LOCK, first) or is_left_by_system(path.name)
            for path in self.root.iterdir()
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
        self.config.stat()
        text = read_file(self.config, LONGEST_CONFIG)
        try:
            stored = json.loads(text)
            if not stored.keys() >= _IN_EVERY_CONFIG:
                raise damaged(self.config)
            checked = PretrainConfig.checked(stored, where=str(self.config))
            unknown_here = dict.fromkeys(OF_TABLES)  # the tables are not named
            return PretrainConfig(**(checked | unknown_here | {"output": str(self.root)}))
        except InputError:
            raise
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise damaged(self.config) from None

    def is_complete(self) -> bool:
        """Whether the folder holds a finished run."""
        return self.metrics.exists()


def read_json(path: Path) -> Any:
    """The content of a JSON file of an interrupted run.

    Raises:
        InputError: if it is missing or damaged.
    """
    try:
        with open_file(path) as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError):
        raise damaged(path) from None


def damaged(path: Path) -> InputError:
    """The error for a file of an interrupted run that cannot be read."""
    return InputError(f"--resume: {path} is damaged; start again with --overwrite")
