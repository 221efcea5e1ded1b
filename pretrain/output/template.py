"""Encoders of TF-GNN's model library in a model/ folder: SavedModel, description, plain arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..config.defaults import TEMPLATES
from ..encoder.template.model import Applier, Template
from ..errors import InputError
from ..files import read_file
from ..graph.array_files import read_npz
from .encoder_files import TEMPLATE
from .folder import OutputFolder
from .replace import replacing, write_json

_ARRAYS = "template.npz"
_FORMAT, _MOST_BYTES = 1, 2**28
_MOST_WEIGHTS, _MOST_UNITS, _MOST_ROUNDS = 100_000, 65_536, 1000  # the last two as of options


def export_template(applier: Applier, folder: OutputFolder) -> None:
    """Writes a SavedModel that needs TensorFlow alone, and what `read_template` reads.

    Its signature "serving_default" maps ``examples``, serialised tf.train.Examples of subgraphs as
    string [B], to ``ids`` of their roots, string [B], and ``representations``, float32 [B, D].

    Args:
        applier: the encoder with its weights.
        folder: where it goes.
    """
    import tensorflow as tf

    # Not the Keras model itself, whose every layer Keras would trace once more.
    module = tf.Module()
    module.variables_of_model, module.tables = applier.model.variables, applier.tables

    def serve(examples):
        ids, found = applier.apply_to_examples(examples)
        return {"ids": ids, "representations": found}

    signature = tf.function(
        serve, input_signature=[tf.TensorSpec([None], tf.string, "examples")], autograph=False
    )
    with replacing(folder.model) as temporary:
        tf.saved_model.save(module, str(temporary), signatures=signature)
        weights = applier.weights
        arrays: dict[str, Any] = {f"w{place}": one for place, one in enumerate(weights)}
        with (temporary / _ARRAYS).open("wb") as file:
            np.savez(file, **arrays)
        content = {"format": _FORMAT, "weights": len(weights), **applier.template.to_dict()}
        write_json(temporary / TEMPLATE, content)


def read_template(folder: Path) -> Applier:
    """Reads what `export_template` has written; nothing in it is executed.

    Args:
        folder: model/, or the run's with it inside.

    Raises:
        InputError: if it is none, or a damaged one.
    """
    folder = folder if (folder / TEMPLATE).is_file() else folder / "model"
    path = folder / TEMPLATE
    try:
        content = json.loads(read_file(path, _MOST_BYTES))
        if content.pop("format") != _FORMAT or content["encoder"] not in TEMPLATES:
            raise ValueError("another format")
        count = content.pop("weights")
        for number, most in (
            (count, _MOST_WEIGHTS),
            (content["units"], _MOST_UNITS),
            (content["rounds"], _MOST_ROUNDS),
        ):
            if type(number) is not int or not 0 <= number <= most:
                raise ValueError("a number that no run writes")
        template = Template.from_dict(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(f"{path}: expected what a run has written, or it is damaged") from None
    names = tuple(f"w{place}" for place in range(count))
    arrays = read_npz(folder / _ARRAYS, names, required=names, allowed=names, compressed=False)
    weights = [arrays[name] for name in names]
    try:
        return Applier(template, weights)
    except ValueError:
        raise InputError(f"{folder / _ARRAYS}: the weights are not those of {path}") from None
