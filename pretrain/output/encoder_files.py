"""A trained encoder beside its SavedModel: a description and plain arrays, which execute nothing.

``encoder.json`` has the keys ``format`` (1), ``encoder`` (a kind of `ENCODER_WEIGHTS`) and
``weights``, the shape of each array in ``encoder.npz`` by its name; all are float32. For an encoder
of channels also ``channels``, what each of them looks at.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..config.defaults import CHANNELS
from ..encoder.channels.weights import Channel, ChannelWeights
from ..encoder.weights import ENCODER_WEIGHTS, AnyWeights
from ..errors import InputError, shown
from ..files import read_file
from ..graph.array_files import read_npz
from .replace import write_json

DESCRIPTION, _ARRAYS = "encoder.json", "encoder.npz"
TEMPLATE = "template.json"  # of an encoder of TF-GNN, see template.py
_FORMAT = 1
_KEYS, _CHANNELS = {"format", "encoder", "weights"}, "channels"
_MOST_BYTES, _MOST_ARRAYS = 2**20, 4000  # of a description: five hundred channels

Shapes = dict[str, tuple[int, ...]]


def save_encoder(weights: AnyWeights, folder: Path) -> None:
    """Writes description and arrays.

    Args:
        weights: of the encoder.
        folder: which is there.
    """
    (kind,) = (kind for kind, of_kind in ENCODER_WEIGHTS.items() if type(weights) is of_kind)
    parts = weights.to_list()
    arrays: dict[str, Any] = dict(zip(weights.names(len(parts)), parts, strict=True))
    with (folder / _ARRAYS).open("wb") as file:
        np.savez(file, **arrays)
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    description = {"format": _FORMAT, "encoder": kind, "weights": shapes}
    if isinstance(weights, ChannelWeights):
        description[_CHANNELS] = [one.to_dict() for one in weights.channels]
    write_json(folder / DESCRIPTION, description)


def is_template(path: str | Path) -> bool:
    """Whether a folder, or the model/ in it, holds an encoder of TF-GNN."""
    return any((one / TEMPLATE).is_file() for one in (Path(path), Path(path) / "model"))


def read_encoder(folder: Path) -> AnyWeights:
    """Reads what `save_encoder` has written, or what somebody says it has.

    Nothing in the files is executed, and no more memory is taken than the files have bytes.

    Raises:
        InputError: naming the file, what was expected and what came.
    """
    path = folder / DESCRIPTION
    try:
        description = json.loads(read_file(path, _MOST_BYTES))
    except InputError:
        raise
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not a JSON file, or a damaged one") from None
    kind, shapes, channels = _checked(description, path)
    arrays_path = folder / _ARRAYS
    names = tuple(shapes)
    arrays = read_npz(arrays_path, names, required=names, allowed=names, compressed=False)
    for name, shape in shapes.items():
        array = arrays[name]
        if (array.shape, array.dtype) != (shape, np.float32):
            raise InputError(
                f"{arrays_path}: {name}: expected float32 of shape {shape}, got {array.dtype} of"
                f" {array.shape}"
            )
        if not np.isfinite(array).all():
            raise InputError(f"{arrays_path}: {name}: expected finite numbers")
    weights = ENCODER_WEIGHTS[kind]
    in_order = [arrays[name] for name in weights.names(len(shapes))]
    try:
        if weights is ChannelWeights:
            return ChannelWeights.from_list(in_order, [Channel.from_dict(one) for one in channels])
        return weights.from_list(in_order)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _checked(description: Any, path: Path) -> tuple[str, Shapes, list]:
    """The kind, the shapes of its weights, and the channels of an encoder that has some."""
    if not isinstance(description, dict) or set(description) - {_CHANNELS} != _KEYS:
        raise InputError(f"{path}: expected an object with the keys {', '.join(sorted(_KEYS))}")
    version, kind, shapes = (description[key] for key in ("format", "encoder", "weights"))
    if type(version) is not int or version != _FORMAT:
        raise InputError(
            f"{path}: expected format {_FORMAT}, got {shown(version)}; a later version may read it"
        )
    if not isinstance(kind, str) or kind not in ENCODER_WEIGHTS:
        known = ", ".join(ENCODER_WEIGHTS)
        raise InputError(f"{path}: encoder: expected one of {known}, got {shown(kind)}")
    if not isinstance(shapes, dict) or not 0 < len(shapes) <= _MOST_ARRAYS:
        raise InputError(f"{path}: weights: expected 1 to {_MOST_ARRAYS} shapes by name")
    if set(shapes) != set(ENCODER_WEIGHTS[kind].names(len(shapes))):
        raise InputError(f"{path}: weights: the names are not those of the encoder {kind}")
    for name, shape in shapes.items():
        if (
            not isinstance(shape, list)
            or len(shape) not in (1, 2)
            or not all(type(size) is int and 0 < size < 2**31 for size in shape)
        ):
            raise InputError(
                f"{path}: {name}: expected one or two integers in [1, 2**31), got {shown(shape)}"
            )
    channels = description.get(_CHANNELS, [])
    if (_CHANNELS in description) != (kind == CHANNELS) or not isinstance(channels, list):
        raise InputError(f"{path}: expected a list of channels of the encoder {CHANNELS} alone")
    return kind, {name: tuple(shape) for name, shape in shapes.items()}, channels
