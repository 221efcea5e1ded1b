"""Encoders without trained layers as Keras models, for export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from .layers import HiddenState


class Weights(Protocol):
    """The numbers of an encoder."""

    def names(self, count: int, /) -> list[str]:
        """What so many arrays are called."""

    def to_list(self) -> list[np.ndarray]:
        """The arrays, in that order."""


# A graph and the arrays of `to_list` as tensors, to [N, D].
Formula: TypeAlias = Callable[[tfgnn.GraphTensor, Sequence[tf.Tensor]], tf.Tensor]


@tf.autograph.experimental.do_not_convert  # as `training.steps.fit`
def frozen_encoder(
    spec: tfgnn.GraphTensorSpec, weights: Weights, formula: Formula
) -> tf.keras.Model:
    """A model of graphs as `graph_tensor.plain_spec` describes them, with these weights.

    Returns:
        A model to graphs whose nodes have the feature `tfgnn.HIDDEN_STATE` [N, D]. Its weights are
        those of ``weights.to_list()``.
    """
    graph = tf.keras.Input(type_spec=spec)
    state = _Frozen(weights, formula)(graph)
    model = tf.keras.Model(graph, HiddenState()([graph, state]), name="encoder")
    model.set_weights(weights.to_list())
    return model


class _Frozen(tf.keras.layers.Layer):
    """Graph to [N, D]; nothing of it is trained."""

    def __init__(self, weights: Weights, formula: Formula, **kwargs):
        super().__init__(**kwargs)
        self._formula = formula
        arrays = weights.to_list()
        self._arrays = [
            self.add_weight(name, array.shape, trainable=False)
            for name, array in zip(weights.names(len(arrays)), arrays, strict=True)
        ]

    def build(self, input_shape):
        """Has its weights already: their shapes do not depend on the graph's."""
        self.built = True

    def call(self, graph: tfgnn.GraphTensor):
        """Graph to [N, D]."""
        return self._formula(graph, [tf.convert_to_tensor(one) for one in self._arrays])
