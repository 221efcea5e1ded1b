"""Corruptors as Keras layers: configuration, functional models, saving and loading."""

import copy
import pickle

import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import (
    Corruptor,
    DropEdges,
    DropNodes,
    DropoutFeatures,
    ShuffleFeaturesGlobally,
)

from tests.corruption.graphs import (
    BY_CLASS,
    assert_same_graph,
    changed,
    fingerprint,
    make_corruptors,
    make_graph,
    small_graph,
)


@BY_CLASS
def test_config_and_serialisation_round_trip(number):
    original = make_corruptors(name="view", seed=5, step_feature="step")[number]
    config = original.get_config()
    serialised = tf.keras.utils.serialize_keras_object(original)
    name = tf.keras.utils.get_registered_name(type(original))
    assert name == f"GraphBarlowTwins>{type(original).__name__}"
    expected = original(make_graph(1))
    for restored in (
        type(original).from_config(config),
        tf.keras.utils.deserialize_keras_object(serialised),
    ):
        assert type(restored) is type(original)
        assert restored.get_config() == config
        assert_same_graph(restored(make_graph(1)), expected)


def test_config_keeps_the_auxiliary_patterns():
    original = ShuffleFeaturesGlobally(seed=1, allowed_aux_node_sets_pattern="_readout")
    copy = ShuffleFeaturesGlobally.from_config(original.get_config())
    graph = make_graph()
    assert "node/_readout/label" in changed(graph, copy(graph))


def test_a_corruption_fn_has_no_config():
    with pytest.raises(NotImplementedError, match="cannot be serialised"):
        Corruptor(corruption_fn=lambda value, rate: value, default=1.0).get_config()


def test_config_keeps_every_option():
    options = {"padding": "real", "node_id_feature": "id", "name": "view"}
    for original, expected in (
        (ShuffleFeaturesGlobally(joint=True, **options), {"joint": True}),
        (DropoutFeatures(skip_non_floating=True, **options), {"skip_non_floating": True}),
        (DropEdges({"*": 0.5}, undirected={"cites"}, **options), {"undirected": ["cites"]}),
        (DropNodes(0.5, keep_first_node=False, **options), {"keep_first_node": False}),
        (DropEdges(0.5, padding=None), {"padding": None, "undirected": False}),
    ):
        config = type(original).from_config(original.get_config()).get_config()
        assert config == original.get_config()
        assert expected.items() <= config.items()
        if original.name == "view":
            assert options.items() <= config.items()


# Copies

COPY = {"deepcopy": copy.deepcopy, "pickle": lambda layer: pickle.loads(pickle.dumps(layer))}


@pytest.mark.parametrize(
    ("number", "how"),
    [
        (0, "deepcopy"),
        (3, "pickle"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((5, "deepcopy"), (8, "pickle"))),
    ],
)
def test_copies_go_on_with_the_sequence_by_themselves(number, how):
    graph = make_graph()
    fresh, alone = (make_corruptors(seed=5)[number] for _ in range(2))
    sequence = [fingerprint(alone(graph)) for _ in range(3)]
    assert len(set(sequence)) == 3
    unused = COPY[how](fresh)
    assert fingerprint(fresh(graph)) == sequence[0]
    used = COPY[how](fresh)
    assert [fingerprint(fresh(graph)) for _ in range(2)] == sequence[1:]
    assert [fingerprint(used(graph)) for _ in range(2)] == sequence[1:]
    assert fingerprint(unused(graph)) == sequence[0]


@pytest.mark.parametrize("how", ["deepcopy", pytest.param("pickle", marks=pytest.mark.slow)])
def test_copies_of_a_layer_in_a_functional_model(how):
    graph = small_graph()
    layer = make_corruptors(seed=5)[8]
    inputs = tf.keras.Input(type_spec=graph.spec)
    tf.keras.Model(inputs, layer(inputs))
    copied = COPY[how](layer)
    assert fingerprint(copied(graph)) == fingerprint(layer(graph))


def test_copies_of_a_layer_with_a_corruption_fn():
    layer = Corruptor(corruption_fn=tf.math.scalar_mul, default=1.0)
    for how in COPY.values():
        assert how(layer)._corruption_fn is tf.math.scalar_mul


# Models


@pytest.mark.parametrize(
    ("number", "file_name"),
    [
        (1, "model.h5"),
        (3, "model.h5"),
        # Tracing DropNodes, and SavedModels, take seconds.
        *[
            pytest.param(i, name, marks=pytest.mark.slow)
            for i, name in ((0, "model"), (2, "model.h5"), (7, "model.h5"), (8, "model"))
        ],
    ],
)
@pytest.mark.filterwarnings("ignore:Encoding a StructuredValue:UserWarning")
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5:UserWarning")
def test_in_a_functional_model_saved_and_loaded(number, file_name, tmp_path):
    graph = small_graph()
    options = {"seed": 5, "step_feature": "step"}
    corruptor, alone = (make_corruptors(**options)[number] for _ in range(2))
    inputs = tf.keras.Input(type_spec=graph.spec.relax(num_nodes=True, num_edges=True))
    model = tf.keras.Model(inputs, corruptor(inputs))
    assert_same_graph(model(graph), alone(graph))
    model.save(tmp_path / file_name)
    loaded = tf.keras.models.load_model(tmp_path / file_name)
    for step in (0, 3):
        assert_same_graph(loaded(small_graph(step)), alone(small_graph(step)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Encoding a StructuredValue:UserWarning")
def test_a_saved_sequence_goes_on_where_it_was(tmp_path):
    graph = make_graph()
    corruptor, alone = (ShuffleFeaturesGlobally(seed=5) for _ in range(2))
    inputs = tf.keras.Input(type_spec=graph.spec)
    model = tf.keras.Model(inputs, corruptor(inputs))
    sequence = [fingerprint(alone(graph)) for _ in range(4)]
    assert [fingerprint(model(graph)) for _ in range(2)] == sequence[:2]
    model.save(tmp_path / "model", save_format="tf")
    loaded = tf.keras.models.load_model(tmp_path / "model")
    assert [fingerprint(loaded(graph)) for _ in range(2)] == sequence[2:]
