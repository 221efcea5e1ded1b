"""How many epochs a backup holds, as Keras writes it."""

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import finished_epochs


class Interrupt(tf.keras.callbacks.Callback):
    """Ends the training, as a killed process would, before an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self._epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self._epoch:
            raise InterruptedError


def test_counts_the_epochs_of_a_backup(tmp_path):
    model = tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(1)])
    model.compile("sgd", loss="mse", run_eagerly=True)
    backup = str(tmp_path / "backup")
    assert finished_epochs(backup) == 0
    data = np.ones([4, 2]), np.ones([4, 1])
    callbacks = [tf.keras.callbacks.BackupAndRestore(backup), Interrupt(2)]
    with pytest.raises(InterruptedError):
        model.fit(*data, epochs=3, verbose=0, callbacks=callbacks)
    assert finished_epochs(backup) == 2
    model.fit(*data, epochs=3, verbose=0, callbacks=callbacks[:1])  # the epoch that is left
    assert finished_epochs(backup) == 0
