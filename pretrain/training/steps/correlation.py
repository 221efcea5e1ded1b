"""The cross-correlation of two views of a graph, which the loss drives to the identity."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

from ....kernels.linalg import cross_correlation
from ...encoder.apply import embed
from ...graph.tensor import with_step


def view_correlation(encoder, task, graph: tfgnn.GraphTensor, step: int = 0) -> np.ndarray:
    """The cross-correlation C of the encoder's representations of two corrupted views.

    Args:
        encoder: graph to graph.
        task: of `build.make_task`, with a pair of corruptors.
        graph: the full graph.
        step: whose draws the views use; two encoders see the same views at the same step.

    Returns:
        C, float32 [D, D]; row i belongs to feature i of the first view. Of the representations:
        a projector, if the task has one, is not applied.
    """
    (_, *views), _ = task.preprocess(with_step(graph, tf.constant(step, tf.int64)))
    states = []
    for view in views:
        # The encoder's graphs have no step.
        features = {name: view.context[name] for name in graph.context.features}
        plain = tfgnn.GraphTensor.from_pieces(
            context=tfgnn.Context.from_fields(features=features),
            node_sets=dict(view.node_sets),
            edge_sets=dict(view.edge_sets),
        )
        states.append(embed(encoder, plain))
    return cross_correlation(*states).astype(np.float32)
