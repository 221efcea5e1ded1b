"""An exported model read back, from whoever it came, and applied to a graph."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from ..encoder.by_weights import embed_with
from ..encoder.channels.weights import LINKS, ChannelWeights
from ..encoder.weights import AnyWeights
from ..errors import InputError
from ..graph.data import GraphData
from .encoder_files import DESCRIPTION, read_encoder
from .saved_model import SavedModel

_SAVED_MODEL = "saved_model.pb"


class ExportedModel:
    """What `export.export_model` has written.

    By default the weights beside the SavedModel are read and our own encoder is applied, without
    TensorFlow: a SavedModel is a program, and applying one runs it.

    Args:
        path: the folder of a run, or the model/ in it.
        trust: load and execute the SavedModel, with all the rights of this process.

    Raises:
        InputError: if there is no model, or none that can be read without trust.
    """

    def __init__(self, path: str | Path, *, trust: bool = False):
        folders = (Path(path), Path(path) / "model")
        self._trust = trust
        for self.path in folders:
            if (self.path / (_SAVED_MODEL if trust else DESCRIPTION)).is_file():
                return
        if not trust and any((one / _SAVED_MODEL).is_file() for one in folders):
            raise InputError(
                f"only with --trust-model: without {DESCRIPTION}, as of version 0.1.0 or of others,"
                f" a SavedModel has to be executed, and may do anything; {path}"
            )
        raise InputError(
            f"{path}: expected the folder of a finished run, or its model/; there is no"
            f" {_SAVED_MODEL} in it"
        )

    def load(self) -> None:
        """Reads the model.

        Raises:
            InputError: if it is damaged, or another one than ours.
        """
        self._model: SavedModel | AnyWeights
        self._model = SavedModel(self.path) if self._trust else read_encoder(self.path)

    def check(self, data: GraphData) -> None:
        """Compares the schema of the model with that of a graph.

        Raises:
            InputError: if the graph has another number of features, or lacks a relation.
        """
        if data.num_features != self._model.num_features:
            raise InputError(
                f"{data.name}: expected {self._model.num_features} features, as {self.path} was"
                f" trained on, got {data.num_features}"
            )
        weights: Any = self._model
        if self._trust:  # the SavedModel does not tell, and may be another's
            with contextlib.suppress(InputError):
                weights = read_encoder(self.path)
        # TensorFlow would take a missing relation for an empty one, or end the process.
        for channel in weights.channels if isinstance(weights, ChannelWeights) else ():
            for step in channel.steps:
                if step[:-1] != LINKS:
                    data.relation(step[:-1])

    def embed(self, data: GraphData, *, quiet: bool = True) -> np.ndarray:
        """Representations of the nodes, float32 [N, D].

        Raises:
            InputError: if they are not finite, or a SavedModel cannot be applied to the graph.
        """
        if isinstance(self._model, SavedModel):
            embeddings = self._model.embed(data, quiet=quiet)
        else:
            with np.errstate(over="ignore", invalid="ignore"):  # told below, in one line
                embeddings = embed_with(self._model, data, quiet=quiet)
        if not np.isfinite(embeddings).all():
            raise InputError(f"{self.path}: gives {data.name} representations that are not finite")
        return embeddings
