"""Stacked views, and weights of components, which TF-GNN's runner passes when it pads, as of rows.

The runner's mask has one entry per component of the batch. With ``readout="all_nodes"`` a loss or a
metric has one row per node, so the pseudo-labels say which component each row belongs to.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn


@tf.keras.utils.register_keras_serializable(package="GraphBarlowTwins")
class RowComponents(tf.keras.layers.Layer):
    """Pseudo-labels of all nodes of a node set, int32 ``[rows, 2]``.

    The first column is the index of the row's component, the second their number, which says how
    many weights there are if there is one per component.

    Args:
        node_set_name: the node set.
        **kwargs: passed on to `tf.keras.layers.Layer`.
    """

    def __init__(self, node_set_name: str, **kwargs):
        super().__init__(**kwargs)
        self._node_set_name = node_set_name

    def call(self, graph: tfgnn.GraphTensor) -> tf.Tensor:
        """The labels of a scalar GraphTensor."""
        nodes = graph.node_sets[self._node_set_name]
        ends = tf.cumsum(nodes.sizes)
        # Not tf.repeat: its result has a dynamic shape, which XLA cannot compile for TPUs.
        rows = tf.range(tf.cast(nodes.total_size, ends.dtype))
        component = tf.cast(tf.searchsorted(ends, rows, side="right"), tf.int32)
        labels = tf.stack([component, tf.fill(tf.shape(component), tf.size(ends))], axis=1)
        return tf.ensure_shape(labels, [nodes.spec.total_size, 2])

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`."""
        return {**super().get_config(), "node_set_name": self._node_set_name}


def check_predictions(y_pred: tf.Tensor) -> tf.Tensor:
    """Two stacked views ``[N, 2, D]`` as a tensor.

    Raises:
        ValueError: for another shape, or one that is not known to be this.
    """
    y_pred = tf.convert_to_tensor(y_pred)
    if y_pred.shape.rank != 3 or y_pred.shape[1] != 2:
        raise ValueError(f"expected predictions of shape [N, 2, D] (got {y_pred.shape})")
    return y_pred


@tf.autograph.experimental.do_not_convert
def weights_of_rows(sample_weight, y_true, y_pred: tf.Tensor) -> tf.Tensor | None:
    """One weight per row of the predictions.

    Args:
        sample_weight: one weight per row, or, if the labels are those of `RowComponents`, one per
            component; any shape with as many entries. Where there are as many rows as components
            it is taken to be per component. None stays.
        y_true: the labels.
        y_pred: the predictions, rows first.

    Returns:
        A vector of the weights' dtype, or None.

    Raises:
        tf.errors.InvalidArgumentError: if there are weights neither for all rows nor for all
            components, and the labels are those of `RowComponents` (not under XLA).
    """
    if sample_weight is None:
        return None
    weights = tf.reshape(tf.convert_to_tensor(sample_weight), [-1])
    if not _names_components(y_true):
        return weights
    component = tf.convert_to_tensor(y_true)[:, 0]
    given, rows = tf.size(weights), tf.shape(component)[0]
    components = tf.convert_to_tensor(y_true)[:1, 1]  # empty if there are no rows
    fits = tf.reduce_all(tf.equal(given, components)) | tf.equal(given, rows)
    message = "there should be one weight per row or one per component; weights, rows, components:"
    check = tf.debugging.Assert(fits, [message, given, rows, components])
    per_row = tf.reduce_all(tf.not_equal(given, components))
    with tf.control_dependencies([] if check is None else [check]):
        index = tf.where(per_row, tf.range(rows), component)
    row_weights = tf.gather(weights, index)
    row_weights.set_shape(y_pred.shape[:1])
    return row_weights


def _names_components(y_true) -> bool:
    """Whether the labels are those of `RowComponents`, as far as shape and dtype tell."""
    if not (tf.is_tensor(y_true) or isinstance(y_true, np.ndarray)):
        return False
    shape = tf.TensorShape(y_true.shape)
    return y_true.dtype == tf.int32 and shape.rank == 2 and shape[1] == 2
