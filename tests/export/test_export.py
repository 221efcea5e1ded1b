"""RepresentationExporter: one clean graph in, its representation out, nothing else in the file."""

import json

import graph_barlow_twins  # noqa: F401 - before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import (
    BarlowTwinsTask,
    Compose,
    DropEdges,
    DropoutFeatures,
    RepresentationExporter,
)
from tensorflow_gnn import runner

from tests.export.runs import EXAMPLES, GRAPHS, make_dropout_encoder, representations, run
from tests.fresh_process import run_python
from tests.task.graphs import NODES, UNITS, dropout, pair

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def by_hand(encoder, readout="first_node", graphs=GRAPHS):
    states = [encoder(graph).node_sets["node"][tfgnn.HIDDEN_STATE].numpy() for graph in graphs]
    return np.concatenate([s[:1] if readout == "first_node" else s for s in states])


def assert_close(value, expected):
    np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-6)


def test_gives_what_the_encoder_makes_of_each_root(trained):
    """Without its dropout, the corruption and the projector."""
    result, folder = trained
    assert_close(representations(folder), by_hand(result.base_model))
    # Batches of any size, the empty one included.
    two = representations(folder, EXAMPLES[3:5])
    assert_close(two, by_hand(result.base_model, graphs=GRAPHS[3:5]))
    assert representations(folder, []).shape == (0, UNITS)


@pytest.mark.slow
@pytest.mark.parametrize(("views", "readout"), [(1, "all_nodes"), (2, "first_node")])
def test_gives_what_the_encoder_makes_of_the_clean_graph(views, readout, tmp_path):
    task = BarlowTwinsTask(
        "node",
        corruptor=dropout() if views == 1 else pair(),
        readout=readout,
        projector_units=[7],
        representations_layer_name="mine",
    )
    exporter = RepresentationExporter("mine", output_name="embeddings")
    result = run(task, tmp_path, [exporter], model_fn=make_dropout_encoder)
    exported = representations(tmp_path / "export", output="embeddings")
    assert len(exported) == len(GRAPHS) * (1 if readout == "first_node" else NODES)
    assert_close(exported, by_hand(result.base_model, readout))
    # Batches of any size, the empty one included.
    two = representations(tmp_path / "export", EXAMPLES[3:5], output="embeddings")
    assert_close(two, by_hand(result.base_model, readout, GRAPHS[3:5]))
    assert representations(tmp_path / "export", [], output="embeddings").shape == (0, UNITS)


@pytest.mark.slow
def test_holds_neither_corruptors_nor_projector_nor_optimiser(tmp_path):
    corruptor = Compose([DropEdges(0.1), DropoutFeatures(default=0.2)], name="my_corruptor")
    task = BarlowTwinsTask("node", corruptor=corruptor, projector_units=[77])
    result = run(task, tmp_path, [RepresentationExporter()])
    variables = tf.train.list_variables(str(tmp_path / "export" / "variables" / "variables"))
    shapes = sorted(shape for name, shape in variables if name != "_CHECKPOINTABLE_OBJECT_GRAPH")
    assert shapes == sorted(weight.shape.as_list() for weight in result.base_model.weights)

    unwanted = [b"my_corruptor", b"Corrupt", b"DropEdges", b"BarlowTwinsLoss", b"StatelessRandom"]
    found = set()
    for folder in ("export", "everything"):
        if folder == "everything":  # so that the words above are the right ones
            runner.KerasModelExporter().save(result, str(tmp_path / folder))
        for file in (tmp_path / folder).glob("*.pb"):
            content = file.read_bytes()
            found |= {(folder, word) for word in unwanted if word in content}
    assert not [word for folder, word in found if folder == "export"]
    assert ("everything", b"my_corruptor") in found


@pytest.mark.slow
def test_loads_without_this_package(tmp_path):
    task = BarlowTwinsTask("node", corruptor=pair())
    result = run(task, tmp_path, [RepresentationExporter()])
    np.save(tmp_path / "examples.npy", np.array(EXAMPLES[:3], object), allow_pickle=True)
    code = f"""
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.modules["graph_barlow_twins"] = None  # importing it raises from here on
import json
import numpy as np
import tensorflow as tf
import tensorflow_gnn
folder = {str(tmp_path / "export")!r}
examples = tf.constant(list(np.load({str(tmp_path / "examples.npy")!r}, allow_pickle=True)))
saved = tf.saved_model.load(folder).signatures["serving_default"]
print(json.dumps(saved(examples=examples)["representations"].numpy().tolist()))
"""
    assert_close(json.loads(run_python(code)), by_hand(result.base_model, graphs=GRAPHS[:3]))


def double(graph):
    def fn(node_set, *, node_set_name):
        return {tfgnn.HIDDEN_STATE: 2.0 * node_set[tfgnn.HIDDEN_STATE]}

    return tfgnn.keras.layers.MapFeatures(node_sets_fn=fn)(graph)


@pytest.mark.slow
def test_includes_the_feature_processors(tmp_path):
    task = BarlowTwinsTask("node", corruptor=dropout())
    exporters = [RepresentationExporter()]
    result = run(task, tmp_path, exporters, feature_processors=[double, double])
    four_times = [double(double(graph)) for graph in GRAPHS]
    assert_close(
        representations(tmp_path / "export"), by_hand(result.base_model, graphs=four_times)
    )


@pytest.mark.slow
def test_several_tasks_at_once(tmp_path):
    tasks = {
        "first": BarlowTwinsTask(
            "node", corruptor=dropout(), representations_layer_name="a", projector_units=[5]
        ),
        "second": BarlowTwinsTask(
            "node", corruptor=dropout(3), representations_layer_name="b", readout="all_nodes"
        ),
    }
    exporters = [RepresentationExporter(name, subdirectory=name) for name in "ab"]
    result = run(tasks, tmp_path, exporters)
    assert_close(representations(tmp_path / "export" / "a"), by_hand(result.base_model))
    assert_close(
        representations(tmp_path / "export" / "b"), by_hand(result.base_model, "all_nodes")
    )


@pytest.mark.slow
def test_weights_of_a_strategy(tmp_path):
    task = BarlowTwinsTask("node", corruptor=dropout())
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    result = run(task, tmp_path, [RepresentationExporter()], strategy)
    assert_close(representations(tmp_path / "export"), by_hand(result.base_model))


@pytest.mark.slow
def test_upstreams_exporters_work_too(tmp_path):
    task = BarlowTwinsTask("node", corruptor=pair())
    exporters = [
        runner.KerasModelExporter(subdirectory="all"),
        runner.SubmoduleExporter(
            "clean_representations",
            output_names="representations",
            include_preprocessing=True,
            subdirectory="part",
        ),
        RepresentationExporter(),
    ]
    result = run(task, tmp_path, exporters)
    expected = by_hand(result.base_model)
    # They survive that the third one replaces what is in the directory above them.
    assert_close(representations(tmp_path / "export" / "part"), expected)
    whole = tf.saved_model.load(str(tmp_path / "export" / "all")).signatures["serving_default"]
    (output,) = whole(examples=tf.constant(EXAMPLES)).values()
    assert output.shape == (len(GRAPHS), 2, UNITS)
    assert_close(representations(tmp_path / "export"), expected)


def test_holds_the_weights_of_the_encoder_alone(trained):
    result, folder = trained
    variables = tf.train.list_variables(str(folder / "variables" / "variables"))
    shapes = sorted(shape for name, shape in variables if name != "_CHECKPOINTABLE_OBJECT_GRAPH")
    assert shapes == sorted(weight.shape.as_list() for weight in result.base_model.weights)


def test_errors_say_what_there_is(result, tmp_path):
    def save(name, result=result):
        RepresentationExporter(name).save(result, str(tmp_path / "other"))

    with pytest.raises(ValueError, match=r"no layer 'dirty'.* it has .*clean_representations"):
        save("dirty")
    several = next(n for n in layer_names(result) if n.startswith("readout_first_node"))
    with pytest.raises(ValueError, match="applied to several views"):
        save(several)
    last = layer_names(result)[-1]
    with pytest.raises(ValueError, match=f"layer '{last}' depends on several views"):
        save(last)
    with pytest.raises(ValueError, match="one tensor as output"):
        save(layer_names(result)[0])
    without = runner.RunResult(None, result.base_model, result.trained_model)
    with pytest.raises(ValueError, match="preprocess_model"):
        save("clean_representations", without)
    assert not (tmp_path / "other").exists()


class SwappedTask(BarlowTwinsTask):
    """Names the corrupted view's representation as if it were the clean one's."""

    def predict(self, *graphs):
        return super().predict(*reversed(graphs))


@pytest.mark.slow
def test_refuses_a_layer_that_sees_a_corrupted_graph(tmp_path):
    task = SwappedTask("node", corruptor=DropoutFeatures(default=0.3, name="harm"))
    with pytest.raises(ValueError, match="does not see the clean graph but what harm made of it"):
        run(task, tmp_path, [RepresentationExporter()])


def layer_names(result):
    return [layer.name for layer in result.trained_model.layers]
