"""Where an interrupted training is to go on in its data.

`runner.KerasTrainer` backs up weights, optimizer and the number of the epoch, but not the position
in the data: a restarted run reads its dataset from the start.
"""

from __future__ import annotations

import os

import tensorflow as tf

_EPOCH = "ckpt_saved_epoch/.ATTRIBUTES/VARIABLE_VALUE"


def finished_epochs(backup_dir: str) -> int:
    """How many epochs of a run its backup holds; 0 if there is none.

    A run that is started with this backup trains the epochs that are left. A dataset provider skips
    so many epochs of its data, and passes the number of graphs in them on to `number_graphs`.

    Args:
        backup_dir: that of `runner.KerasTrainer`, by default "backup" in its ``model_dir``; with
            several workers the one that all of them share.

    Returns:
        The number; 0 also after a run that came to its end, which removes its backup.
    """
    checkpoint = tf.train.latest_checkpoint(os.path.join(backup_dir, "chief"))
    if checkpoint is None:
        return 0
    return int(tf.train.load_checkpoint(checkpoint).get_tensor(_EPOCH)) + 1
