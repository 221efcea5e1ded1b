"""An exported model read back, from whoever it came, and applied to a graph."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path

import numpy as np

from ..encoder.by_weights import embed_with
from ..encoder.channels.weights import LINKS, ChannelWeights
from ..encoder.weights import AnyWeights, EncoderWeights
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

    @property
    def weights(self) -> AnyWeights | None:
        """Those of our own encoders; None of a SavedModel that does not tell."""
        if not isinstance(self._model, SavedModel):
            return self._model
        with contextlib.suppress(InputError):  # it may be another's
            return read_encoder(self.path)
        return None

    def check(self, data: GraphData) -> None:
        """Compares the schema of the model with that of a graph.

        Raises:
            InputError: if the graph has another number of features, or lacks a relation.
        """
        check_schema(self._model.num_features, self.weights, data, self.path)

    def embed(self, data: GraphData, *, quiet: bool = True) -> np.ndarray:
        """Representations of the nodes, float32 [N, D].

        Raises:
            InputError: if they are not finite, or a SavedModel cannot be applied to the graph.
        """
        if isinstance(self._model, SavedModel):
            return _finite(self._model.embed(data, quiet=quiet), data, self.path)
        return embed_checked(self._model, data, self.path, quiet=quiet)


def check_schema(
    num_features: int, weights: AnyWeights | None, data: GraphData, source: object
) -> None:
    """Compares an encoder with a graph; warns where the graph is too small for it.

    Args:
        num_features: F of the encoder.
        weights: its weights, where they are known.
        data: the graph.
        source: what to call the encoder.

    Raises:
        InputError: if the graph has another number of features, or lacks a relation.
    """
    if data.num_features != num_features:
        raise InputError(
            f"{data.name}: expected {num_features} features, as {source} was trained on, got"
            f" {data.num_features}"
        )
    if isinstance(weights, EncoderWeights) and weights.normalizations and data.num_nodes < 3:
        warnings.warn(
            f"{data.name}: the hidden layers of a gcn are normalised over the nodes of the graph,"
            f" and say next to nothing of a graph of {data.num_nodes}; embed nodes together with"
            " the graph that they belong to",
            stacklevel=3,
        )
    # TensorFlow would take a missing relation for an empty one, or end the process.
    for channel in weights.channels if isinstance(weights, ChannelWeights) else ():
        for step in channel.steps:
            if step[:-1] != LINKS:
                data.relation(step[:-1])


def embed_checked(
    weights: AnyWeights, data: GraphData, source: object, *, quiet: bool = True
) -> np.ndarray:
    """`embed_with`, float32 [N, D].

    Raises:
        InputError: if a representation is not finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # told in one line
        return _finite(embed_with(weights, data, quiet=quiet), data, source)


def _finite(embeddings: np.ndarray, data: GraphData, source: object) -> np.ndarray:
    if not np.isfinite(embeddings).all():
        raise InputError(f"{source}: gives {data.name} representations that are not finite")
    return embeddings
