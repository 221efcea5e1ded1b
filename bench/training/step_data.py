"""Cora as sampled subgraphs, in memory, for `runner.run`."""

from __future__ import annotations

import os
from pathlib import Path

import graph_barlow_twins  # noqa: F401 - selects Keras 2 before TensorFlow is loaded
import numpy as np
import scipy.sparse
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from tensorflow_gnn import runner

from ..machine import ROOT

HOPS, FAN_OUT, ROOTS = 2, 10, 256
ID, FEATURE = "id", "features"


def sample_subgraph(neighbours, root, rng, *, hops=HOPS, fan_out=FAN_OUT):
    """The neighbourhood of a root: up to ``fan_out`` neighbours of each node, ``hops`` times.

    Args:
        neighbours: CSR matrix; the columns of row v are the neighbours of v.
        root: node to start from.
        rng: NumPy generator.
        hops: how often neighbours are sampled.
        fan_out: of each node, at most so many, without replacement.

    Returns:
        ``(nodes, source, target)``: node ids, the root first and none twice; edges from each
        sampled neighbour to the node it was sampled for, as positions in ``nodes``.
    """
    position, frontier = {int(root): 0}, [int(root)]
    source, target = [], []
    for _ in range(hops):
        found = []
        for node in frontier:
            near = neighbours.indices[neighbours.indptr[node] : neighbours.indptr[node + 1]]
            if len(near) > fan_out:
                near = rng.choice(near, fan_out, replace=False)
            for other in near.tolist():
                if other not in position:
                    position[other] = len(position)
                    found.append(other)
                source.append(position[other])
                target.append(position[node])
        frontier = found
    return list(position), source, target


def as_graphs(subgraphs) -> tfgnn.GraphTensor:
    """Stacks subgraphs.

    Args:
        subgraphs: what `sample_subgraph` returns, some times.

    Returns:
        GraphTensor ``[subgraphs]``: node set "nodes" with int64 "id", edge set "edges".
    """
    columns = zip(*subgraphs, strict=True)
    nodes, source, target = (tf.ragged.constant(rows, tf.int64) for rows in columns)
    source, target = tf.cast(source, tf.int32), tf.cast(target, tf.int32)
    return tfgnn.GraphTensor.from_pieces(
        node_sets={
            tfgnn.NODES: tfgnn.NodeSet.from_fields(sizes=_sizes(nodes), features={ID: nodes})
        },
        edge_sets={
            tfgnn.EDGES: tfgnn.EdgeSet.from_fields(
                sizes=_sizes(source),
                adjacency=tfgnn.Adjacency.from_indices(
                    (tfgnn.NODES, source), (tfgnn.NODES, target)
                ),
            )
        },
    )


def _sizes(rows):
    return tf.cast(rows.row_lengths(), tf.int32)[:, tf.newaxis]


class CoraProvider(runner.DatasetProvider):
    """One sampled subgraph per node of Cora, in random order, over and over.

    The subgraphs hold node ids; `look_up_features`, a feature processor, puts in the words. So a
    batch costs a gather of rows rather than the parsing of 24 MB, and the time of a step is that of
    the training.
    """

    def __init__(self, seed: int = 0):
        """Reads Cora from GBT_DATA_DIR, or from the folder beside the repository, and samples."""
        folder = os.environ.get("GBT_DATA_DIR") or ROOT.parent / "shared" / "data" / "planetoid"
        data = load_dataset("planetoid:cora", str(Path(folder)))
        ones = np.ones(data.num_edges, np.int8)
        neighbours = scipy.sparse.csr_matrix((ones, data.edge_index), [data.num_nodes] * 2)
        rng = np.random.default_rng(seed)
        roots = rng.permutation(data.num_nodes)
        self._graphs = as_graphs([sample_subgraph(neighbours, root, rng) for root in roots])
        self._features = tf.constant(data.features.toarray(), tf.float32)

    @property
    def spec(self) -> tfgnn.GraphTensorSpec:
        """Spec of one subgraph."""
        return tf.data.Dataset.from_tensor_slices(self._graphs).element_spec

    def get_dataset(self, context: tf.distribute.InputContext) -> tf.data.Dataset:
        """See `runner.DatasetProvider`. Endless."""
        del context  # one replica
        return tf.data.Dataset.from_tensor_slices(self._graphs).repeat()

    def look_up_features(self, graph: tfgnn.GraphTensor) -> tfgnn.GraphTensor:
        """Replaces the ids by "features" [nodes, 1433]."""

        def features(node_set, *, node_set_name):
            del node_set_name
            return {FEATURE: tf.gather(self._features, node_set[ID])}

        return tfgnn.keras.layers.MapFeatures(node_sets_fn=features)(graph)
