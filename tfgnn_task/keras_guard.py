"""TF-GNN needs Keras 2: a clear error where Keras 3 has been loaded before this package."""

from __future__ import annotations

import importlib.util


def require_keras_2() -> None:
    """Returns if ``tf.keras`` is Keras 2.

    Raises:
        ImportError: if it is Keras 3, or tf-keras is missing; the message says what to do.
    """
    import tensorflow as tf

    try:
        module = tf.keras.layers.Layer.__module__
    except (ImportError, AttributeError):  # the variable is set, but tf-keras is not installed
        module = ""
    if module.startswith("tf_keras."):
        return
    if importlib.util.find_spec("tf_keras") is None:
        raise ImportError(
            "graph_barlow_twins.tfgnn_task needs Keras 2: run `pip install tf-keras`, in the"
            " release of your TensorFlow, and start Python again."
        )
    raise ImportError(
        "graph_barlow_twins.tfgnn_task needs Keras 2, but TensorFlow has loaded Keras 3."
        " Set the environment variable TF_USE_LEGACY_KERAS=1 before TensorFlow is first imported,"
        " or import graph_barlow_twins before tensorflow (it sets the variable for you), and start"
        " Python again."
    )
