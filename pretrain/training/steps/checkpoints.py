"""How far an interrupted training has come: Keras' checkpoint, and the curves beside it."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from ....tfgnn_task import finished_epochs
from ...output.folder import OutputFolder, damaged
from ..curves import Curves, read_history

_STEPS = "train_counter/.ATTRIBUTES/VARIABLE_VALUE"


@dataclasses.dataclass(frozen=True)
class Progress:
    """What lies behind a checkpoint.

    Attributes:
        steps: how many training steps.
        epochs: how many of Keras' epochs, which may differ in length.
        history: ``{metric: [one value per step]}``.
    """

    steps: int = 0
    epochs: int = 0
    history: Curves = dataclasses.field(default_factory=dict)


def read_progress(folder: OutputFolder) -> Progress:
    """That of the checkpoint in the folder; without one there is none.

    Raises:
        InputError: if checkpoint or curves cannot be read, or the curves are shorter.
    """
    latest = tf.train.latest_checkpoint(str(folder.backup / "chief"))
    if latest is None:
        return Progress()
    try:
        reader = tf.train.load_checkpoint(latest)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)  # Keras would find out in the middle of its start
        steps, epochs = int(reader.get_tensor(_STEPS)), finished_epochs(str(folder.backup))
    except (tf.errors.OpError, IndexError, KeyError, RuntimeError, ValueError):
        raise damaged(folder.backup) from None
    return Progress(steps, epochs, read_history(folder, steps))
