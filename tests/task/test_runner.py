"""BarlowTwinsTask in `runner.run`: training, and the export of the clean representations."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import BarlowTwinsTask
from tensorflow_gnn import runner

from tests.task.graphs import dropout, first_nodes, make_encoder, make_graph, pair, relaxed
from tests.task.production_runs import run


@pytest.mark.slow
@pytest.mark.parametrize("corruptors", [1, 2], ids=["one corruptor", "pair"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_runner_trains_and_exports_clean_representations(corruptors, tmp_path):
    task = BarlowTwinsTask("node", corruptor=dropout() if corruptors == 1 else pair())
    exporter = runner.SubmoduleExporter(
        "clean_representations", output_names="embeddings", include_preprocessing=False
    )
    result = run(
        task,
        tmp_path,
        optimizer_fn=lambda: tf.keras.optimizers.Adam(0.02),
        global_batch_size=8,
        epochs=4,
        model_exporters=[exporter],
        export_dirs=[str(tmp_path / "export")],
    )
    graph = make_graph(8)
    tf.keras.utils.set_random_seed(1)
    encoders = make_encoder(relaxed(graph)), result.base_model
    losses = []
    # One draw of eight rows may go the other way, and how far the pipeline has drawn ahead decides
    # which one comes next.
    for _ in range(20):
        graphs, labels = task.preprocess(graph)
        predictions = [task.predict(*[encoder(one) for one in graphs]) for encoder in encoders]
        losses.append([float(task.losses()(labels, one)) for one in predictions])
    before, after = np.mean(losses, axis=0)
    assert after < before - 0.1

    expected = first_nodes(result.base_model(graph))
    model = result.trained_model
    clean = tf.keras.Model(model.input, model.get_layer("clean_representations").output)
    np.testing.assert_allclose(clean(graphs), expected, rtol=1e-6, atol=1e-6)

    loaded = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    graph = make_graph(1)  # the runner exports for the spec it was given: single components
    flat = {
        f"flat_args_{i}" + (f"_{j}" if j else ""): tensor
        for i, view in enumerate(task.preprocess(graph)[0])
        for j, tensor in enumerate(tf.nest.flatten(view, expand_composites=True))
    }
    expected = first_nodes(result.base_model(graph))
    np.testing.assert_allclose(loaded(**flat)["embeddings"], expected, rtol=1e-6, atol=1e-6)
