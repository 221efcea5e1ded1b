"""From `GraphData` to what TF-GNN trains on: GraphTensors, their spec, a dataset of steps."""

from __future__ import annotations

import numpy as np
import scipy.sparse
import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn import runner

from .graph_data import GraphData

NODE_SET = tfgnn.NODES
EDGE_SET = tfgnn.EDGES
FEATURE = "features"
STEP = "step"


def graph_tensor_from_data(data: GraphData) -> tfgnn.GraphTensor:
    """The whole graph as one component.

    Returns:
        Scalar GraphTensor: node set "nodes" with float32 ``features`` [N, F], edge set "edges".
    """
    features = data.features
    if scipy.sparse.issparse(features):
        features = features.toarray()
    source, target = data.edge_index
    return tfgnn.homogeneous(
        source=tf.constant(source, tf.int64),
        target=tf.constant(target, tf.int64),
        node_features={FEATURE: tf.constant(np.asarray(features, np.float32))},
        node_set_sizes=tf.constant([data.num_nodes], tf.int64),
        edge_set_sizes=tf.constant([data.num_edges], tf.int64),
    )


def relaxed_spec(graph: tfgnn.GraphTensor) -> tfgnn.GraphTensorSpec:
    """The graph's spec with any number of nodes and edges: views have fewer edges."""
    return graph.spec.relax(num_nodes=True, num_edges=True)


class StepsProvider(runner.DatasetProvider):
    """The same graph once per training step, numbered in the context feature "step".

    The corruptors key their draws by that number, so step t draws the same views in every run and
    after a resume.
    """

    def __init__(self, graph: tfgnn.GraphTensor, *, first_step: int, steps: int):
        """Args: the full graph, the number of the first step, and of the step after the last."""
        self._graph = graph
        self._range = (first_step, steps)

    @property
    def spec(self) -> tfgnn.GraphTensorSpec:
        """Spec of the dataset's elements."""
        return relaxed_spec(with_step(self._graph, tf.constant(0, tf.int64)))

    def get_dataset(self, context: tf.distribute.InputContext) -> tf.data.Dataset:
        """See `runner.DatasetProvider`."""
        del context  # one full graph cannot be sharded
        graph = self._graph
        return tf.data.Dataset.range(*self._range).map(lambda step: with_step(graph, step))


def with_step(graph: tfgnn.GraphTensor, step: tf.Tensor) -> tfgnn.GraphTensor:
    """The graph with its context feature "step" set, int64 [1]."""
    context = tfgnn.Context.from_fields(features={STEP: tf.reshape(step, [1])})
    return tfgnn.GraphTensor.from_pieces(
        context=context, node_sets=dict(graph.node_sets), edge_sets=dict(graph.edge_sets)
    )
