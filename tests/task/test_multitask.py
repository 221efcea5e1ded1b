"""The task beside a supervised one, in one `runner.run`."""

import graph_barlow_twins  # noqa: F401  (before TensorFlow: it selects Keras 2)
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask, MaskFeatures, RepresentationExporter
from tensorflow_gnn import runner

from tests.task.graphs import UNITS, dropout, make_encoder, make_graph, relaxed
from tests.task.production_runs import KeepEpochs, Provider, run

CLASSES = 2


def labelled(seed):
    """A graph whose class, on its readout node set, is the sign of its root's first feature."""
    graph = make_graph(1, seed=seed)
    label = int(graph.node_sets["node"][tfgnn.HIDDEN_STATE][0, 0] > 0)
    graph = tfgnn.GraphTensor.from_pieces(
        context=tfgnn.Context.from_fields(features={"label": tf.constant([label], tf.int64)}),
        node_sets=graph.node_sets,
        edge_sets=graph.edge_sets,
    )
    return tfgnn.experimental.context_readout_into_feature(
        graph, feature_name="label", remove_input_feature=True
    )


LABELLED = [labelled(seed) for seed in range(24)]
LABELLED_SPEC = LABELLED[0].spec.relax(num_nodes=True, num_edges=True)


def corruptors(count):
    views = [dropout(seed=1), MaskFeatures(default=0.3, seed=2)]
    return views[0] if count == 1 else views


def test_losses_of_two_tasks_in_one_model():
    """As the runner puts them together: named after their layers, weighted, summed."""
    tasks = [
        BarlowTwinsTask("node", corruptor=dropout(seed), representations_layer_name=f"clean_{seed}")
        for seed in (1, 2)
    ]
    graph = make_graph()
    clean = tf.keras.Input(type_spec=relaxed(graph))
    views = [tf.keras.Input(type_spec=relaxed(graph)) for _ in tasks]
    encoder = make_encoder(relaxed(graph))
    state = encoder(clean)
    outputs = [task.predict(state, encoder(view)) for task, view in zip(tasks, views, strict=True)]
    model = tf.keras.Model([clean, *views], outputs)
    losses = [task.losses() for task in tasks]
    model.compile("sgd", loss=losses, loss_weights=[0.5, 2.0], run_eagerly=True)
    corrupted = [task.preprocess(graph)[0][1] for task in tasks]
    labels = [task.preprocess(graph)[1] for task in tasks]
    graphs = [graph, *corrupted]
    expected = [float(loss(None, rows)) for loss, rows in zip(losses, model(graphs), strict=True)]
    data = tf.data.Dataset.from_tensors((tuple(graphs), tuple(labels)))
    logs = model.evaluate(data, return_dict=True, verbose=0)
    first, second = (logs[name] for name in logs if name.startswith("layer") and "loss" in name)
    assert [first, second] == pytest.approx(expected, rel=1e-5)
    assert expected[0] != expected[1]
    assert logs["loss"] == pytest.approx(0.5 * first + 2.0 * second, rel=1e-5)
    for seed in (1, 2):
        assert model.get_layer(f"clean_{seed}").output.shape[-1] == UNITS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "padding"), [(1, False), (2, True)], ids=["one corruptor", "pair, padded"]
)
def test_beside_a_supervised_task(count, padding, tmp_path):
    tasks = {
        "twins": BarlowTwinsTask("node", corruptor=corruptors(count), projector="8-6"),
        "classes": runner.RootNodeMulticlassClassification(
            "node", num_classes=CLASSES, label_feature_name="label"
        ),
    }
    keep = KeepEpochs()
    options = {}
    if padding:
        options["train_padding"] = runner.TightPadding(LABELLED_SPEC, Provider(LABELLED))
    result = run(
        tasks,
        tmp_path,
        graphs=LABELLED,
        spec=LABELLED_SPEC,
        epochs=15,
        optimizer_fn=lambda: tf.keras.optimizers.Adam(0.05),
        loss_weights={"twins": 0.5, "classes": 2.0},
        callbacks=[keep],
        model_exporters=[RepresentationExporter()],
        export_dirs=[str(tmp_path / "export")],
        **options,
    )
    model = result.trained_model
    # The clean graph is shared: it goes through the encoder once.
    assert len(model.inputs) == 1 + count
    first, last = keep.logs[0], keep.logs[-1]
    twins = next(name for name in first if name.startswith("layer"))  # "layer_loss", "layer_1_loss"
    classes = "classification_logits_loss"
    for name in (twins, classes):
        assert last[name] < first[name], name
    total = 0.5 * last[twins] + 2.0 * last[classes]
    assert last["loss"] == pytest.approx(total, rel=1e-5)
    assert 1 <= last["rankme"] <= 6  # of the projections
    loaded = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    examples = tf.constant([tfgnn.write_example(g).SerializeToString() for g in LABELLED[:4]])
    rows = loaded(examples=examples)["representations"]
    by_hand = [
        result.base_model(graph).node_sets["node"][tfgnn.HIDDEN_STATE][0] for graph in LABELLED[:4]
    ]
    np.testing.assert_allclose(rows, tf.stack(by_hand), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_two_contrastive_tasks_with_names_of_their_own(tmp_path):
    tasks = {
        "first": BarlowTwinsTask(
            "node", corruptor=dropout(seed=1), representations_layer_name="first"
        ),
        "second": BarlowTwinsTask(
            "node", corruptor=corruptors(2), representations_layer_name="second"
        ),
    }
    keep = KeepEpochs()
    result = run(tasks, tmp_path, callbacks=[keep])
    assert len(result.trained_model.inputs) == 1 + 1 + 2
    assert keep.logs[-1]["loss"] < keep.logs[0]["loss"]
    for name in tasks:
        assert result.trained_model.get_layer(name).output.shape[-1] == UNITS
