"""The graph, the encoder and the corruptors that the tests of the task use."""

import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn

COMPONENTS, NODES, FEATURES, UNITS = 12, 5, 4, 3


def make_graph(components=COMPONENTS, dtype="float32", seed=0):
    """Components of five nodes on a ring, with random features as hidden state."""
    rng = np.random.default_rng(seed)
    nodes = np.arange(components * NODES)
    ring = nodes // NODES * NODES + (nodes + 1) % NODES
    return tfgnn.GraphTensor.from_pieces(
        node_sets={
            "node": tfgnn.NodeSet.from_fields(
                sizes=[NODES] * components,
                features={
                    tfgnn.HIDDEN_STATE: tf.cast(rng.normal(size=(len(nodes), FEATURES)), dtype)
                },
            )
        },
        edge_sets={
            "edge": tfgnn.EdgeSet.from_fields(
                sizes=[NODES] * components,
                adjacency=tfgnn.Adjacency.from_indices(
                    ("node", nodes.astype(np.int32)), ("node", ring.astype(np.int32))
                ),
            )
        },
    )


def make_encoder(spec):
    """One step of message passing on edges, whatever the number of nodes."""
    inputs = tf.keras.Input(type_spec=spec)
    graph = tfgnn.keras.layers.GraphUpdate(
        node_sets={
            "node": tfgnn.keras.layers.NodeSetUpdate(
                {
                    "edge": tfgnn.keras.layers.SimpleConv(
                        tf.keras.layers.Dense(UNITS), "mean", receiver_tag=tfgnn.TARGET
                    )
                },
                tfgnn.keras.layers.NextStateFromConcat(tf.keras.layers.Dense(UNITS)),
            )
        }
    )(inputs)
    return tf.keras.Model(inputs, graph)


def relaxed(graph):
    return graph.spec.relax(num_components=True, num_nodes=True, num_edges=True)


def dropout(seed=1):
    return tfgnn_task.DropoutFeatures(default=0.3, seed=seed)


def first_nodes(graph):
    return graph.node_sets["node"][tfgnn.HIDDEN_STATE].numpy()[::NODES]


def pair():
    return tfgnn_task.DropEdges(0.3, seed=1), dropout(seed=2)
