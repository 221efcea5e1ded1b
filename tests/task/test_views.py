"""What upstream lacks: a readout of all nodes, and a pair of corrupted views."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask

from tests.task.graphs import (
    COMPONENTS,
    NODES,
    UNITS,
    dropout,
    first_nodes,
    make_encoder,
    make_graph,
    pair,
    relaxed,
)
from tests.tolerances import tolerance


def test_readout_of_all_nodes():
    graph = make_graph()
    task = BarlowTwinsTask("node", readout="all_nodes", corruptor=dropout())
    graphs, labels = task.preprocess(graph)
    assert graphs[0] is graph
    assert labels.shape == (COMPONENTS * NODES, 2)
    outputs = task.predict(*graphs)
    for view, view_graph in enumerate(graphs):
        states = view_graph.node_sets["node"][tfgnn.HIDDEN_STATE]
        np.testing.assert_array_equal(outputs[:, view], states)


@pytest.mark.parametrize("projector_units", [None, [6]])
@pytest.mark.parametrize("readout", ["first_node", "all_nodes"])
def test_pair_of_corruptors(readout, projector_units):
    graph = make_graph()
    task = BarlowTwinsTask(
        "node", corruptor=pair(), readout=readout, projector_units=projector_units
    )
    graphs, labels = task.preprocess(graph)
    assert len(graphs) == 3
    assert graphs[0] is graph
    rows = COMPONENTS if readout == "first_node" else COMPONENTS * NODES
    assert labels.dtype == tf.int32
    assert labels.shape == (rows, 0 if readout == "first_node" else 2)
    assert int(graphs[1].edge_sets["edge"].total_size) < COMPONENTS * NODES
    assert np.any(first_nodes(graphs[2]) == 0)

    encoder = make_encoder(relaxed(graph))
    inputs = [tf.keras.Input(type_spec=relaxed(graph)) for _ in range(3)]
    model = tf.keras.Model(inputs, task.predict(*[encoder(i) for i in inputs]))
    stride = NODES if readout == "first_node" else 1
    by_hand = [encoder(g).node_sets["node"][tfgnn.HIDDEN_STATE].numpy()[::stride] for g in graphs]
    layer = model.get_layer("clean_representations")
    clean = tf.keras.Model(model.input, layer.output)(graphs)
    np.testing.assert_allclose(clean, by_hand[0], rtol=1e-6, atol=1e-6)

    outputs = model(graphs)
    assert outputs.shape == (rows, 2, 6 if projector_units else UNITS)
    if not projector_units:
        expected = np.stack(by_hand[1:], axis=1)
        np.testing.assert_allclose(outputs, expected, rtol=1e-6, atol=1e-6)
        loss = task.losses()(labels, outputs)
        np.testing.assert_allclose(
            loss, reference.barlow_twins_loss(*by_hand[1:]), rtol=tolerance("float32").loss
        )


def test_pair_trains_every_weight():
    graph = make_graph()
    task = BarlowTwinsTask("node", corruptor=pair(), projector_units=[6])
    encoder = make_encoder(relaxed(graph))
    inputs = [tf.keras.Input(type_spec=relaxed(graph)) for _ in range(3)]
    model = tf.keras.Model(inputs, task.predict(*[encoder(i) for i in inputs]))
    graphs, labels = task.preprocess(graph)
    with tf.GradientTape() as tape:
        loss = task.losses()(labels, model(graphs))
    gradients = tape.gradient(loss, model.trainable_variables)
    assert len(gradients) >= 6
    assert all(gradient is not None for gradient in gradients)
    assert np.any(gradients[0])
