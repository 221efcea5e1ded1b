"""A trained encoder beside its SavedModel: a description and plain arrays, which execute nothing.

``encoder.json`` has the keys ``format`` (1), ``encoder`` (a kind of `ENCODER_WEIGHTS`) and
``weights``, the shape of each array in ``encoder.npz`` by its name; all are float32.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..encoder.weights import ENCODER_WEIGHTS, EncoderWeights, LinearWeights
from ..errors import InputError
from ..graph.array_files import cannot_read, read_npz
from .replace import write_json

DESCRIPTION, _ARRAYS = "encoder.json", "encoder.npz"
_FORMAT = 1
_KEYS = {"format", "encoder", "weights"}
_MOST_BYTES, _MOST_ARRAYS = 2**16, 400  # of a description: a hundred layers
_HEADER = 512  # most bytes before the numbers of an npy file

Shapes = dict[str, tuple[int, ...]]


def save_encoder(kind: str, weights: Sequence[np.ndarray], folder: Path) -> None:
    """Writes description and arrays.

    Args:
        kind: a key of `ENCODER_WEIGHTS`.
        weights: in the order of the encoder's ``get_weights()``.
        folder: which is there.
    """
    names = ENCODER_WEIGHTS[kind].names(len(weights))
    arrays: dict[str, Any] = dict(zip(names, weights, strict=True))
    with (folder / _ARRAYS).open("wb") as file:
        np.savez(file, **arrays)
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    write_json(folder / DESCRIPTION, {"format": _FORMAT, "encoder": kind, "weights": shapes})


def read_encoder(folder: Path) -> EncoderWeights | LinearWeights:
    """Reads what `save_encoder` has written, or what somebody says it has.

    Nothing in the files is executed, and no more memory is taken than the files have bytes.

    Raises:
        InputError: naming the file, what was expected and what came.
    """
    path = folder / DESCRIPTION
    kind, shapes = _checked(_description(path), path)
    arrays_path = folder / _ARRAYS
    _check_sizes(arrays_path, shapes)
    arrays = read_npz(arrays_path, shapes, required=tuple(shapes))
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
    try:
        return weights.from_list([arrays[name] for name in weights.names(len(shapes))])
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _description(path: Path) -> Any:
    try:
        if not os.path.isfile(path):
            raise InputError(f"no file {path}")
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise InputError(f"{path}: expected at most {_MOST_BYTES} bytes")
        return json.loads(text)
    except InputError:
        raise
    except OSError as error:
        raise cannot_read(path, error) from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not a JSON file, or a damaged one") from None


def _checked(description: Any, path: Path) -> tuple[str, Shapes]:
    """The kind, and the shapes of its weights."""
    if not isinstance(description, dict) or set(description) != _KEYS:
        raise InputError(f"{path}: expected an object with the keys {', '.join(sorted(_KEYS))}")
    version, kind, shapes = (description[key] for key in ("format", "encoder", "weights"))
    if type(version) is not int or version != _FORMAT:
        raise InputError(
            f"{path}: expected format {_FORMAT}, got {version!r:.40}; a later version may read it"
        )
    if not isinstance(kind, str) or kind not in ENCODER_WEIGHTS:
        known = ", ".join(ENCODER_WEIGHTS)
        raise InputError(f"{path}: encoder: expected one of {known}, got {kind!r:.40}")
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
                f"{path}: {name}: expected one or two integers in [1, 2**31), got {shape!r:.40}"
            )
    return kind, {name: tuple(shape) for name, shape in shapes.items()}


def _check_sizes(path: Path, shapes: Shapes) -> None:
    """Before anything of it is read: the arrays of the description, and no compressed ones."""
    if not os.path.isfile(path):
        raise InputError(f"no file {path}")
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except OSError as error:
        raise cannot_read(path, error) from None
    except Exception as error:  # zipfile has several for damaged files, struct.error among them
        raise InputError(f"{path}: not an npz file, or a truncated one ({error})") from None
    if sorted(one.filename for one in members) != sorted(f"{name}.npy" for name in shapes):
        raise InputError(f"{path}: expected the arrays that {DESCRIPTION} names, and no others")
    expected = {f"{name}.npy": 4 * math.prod(shape) for name, shape in shapes.items()}
    for one in members:
        numbers = expected[one.filename]
        stored = one.compress_type == zipfile.ZIP_STORED and one.compress_size == one.file_size
        if not stored or not numbers <= one.file_size <= numbers + _HEADER:
            raise InputError(
                f"{path}: {one.filename}: expected {numbers} bytes of numbers, not compressed"
            )
    if sum(expected.values()) > size:
        raise InputError(f"{path}: expected the arrays one after the other")
