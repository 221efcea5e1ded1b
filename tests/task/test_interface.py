"""BarlowTwinsTask takes, exports, returns and refuses what upstream's class does."""

import inspect

import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import BarlowTwinsLoss, BarlowTwinsTask
from tensorflow_gnn import runner
from tensorflow_gnn.models.contrastive_losses import tasks as upstream

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


@pytest.mark.parametrize(
    "name", ["BarlowTwinsTask", "ContrastiveLossTask", "CorruptionSpec", "AllSvdMetrics"]
)
def test_constructor_takes_what_upstream_takes(name):
    from tensorflow_gnn.models import contrastive_losses

    ours, theirs = (
        inspect.signature(getattr(module, name)).parameters
        for module in (tfgnn_task, contrastive_losses)
    )
    for parameter in theirs.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        assert parameter.name in ours, parameter.name
        assert ours[parameter.name].kind == parameter.kind
        if name != "CorruptionSpec":  # whose defaults are factories
            assert ours[parameter.name].default == parameter.default


def test_new_arguments_are_keywords_with_defaults():
    for cls in (tfgnn_task.BarlowTwinsTask, tfgnn_task.ContrastiveLossTask, BarlowTwinsLoss):
        for parameter in inspect.signature(cls).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY:
                assert parameter.default is not parameter.empty, parameter.name


def test_exports_what_upstream_exports_for_barlow_twins():
    from tensorflow_gnn.models import contrastive_losses

    others = {
        "AllSvdMetrics", "BarlowTwinsTask", "ContrastiveLossTask", "CorruptionSpec", "Corruptor",
        "DropoutFeatures", "ShuffleFeaturesGlobally", "coherence", "numerical_rank",
        "pseudo_condition_number", "rankme", "self_clustering",
    }  # fmt: skip
    assert {name for name in others if hasattr(contrastive_losses, name)} <= set(dir(tfgnn_task))
    assert others <= set(tfgnn_task.__all__)


def test_is_a_runner_task_but_not_upstreams_class():
    task = BarlowTwinsTask("node")
    assert isinstance(task, runner.Task)
    assert isinstance(task, tfgnn_task.ContrastiveLossTask)
    assert not isinstance(task, upstream.ContrastiveLossTask)


@pytest.mark.parametrize("module", [tfgnn_task, upstream])
def test_preprocess(module):
    graph = make_graph()
    (clean, corrupted), labels = module.BarlowTwinsTask("node", seed=1).preprocess(graph)
    assert clean is graph
    assert corrupted.spec == graph.spec
    assert np.any(first_nodes(corrupted) != first_nodes(graph))
    assert labels.dtype == tf.int32
    assert labels.shape == (COMPONENTS, 0)


@pytest.mark.parametrize("module", [tfgnn_task, upstream])
def test_seed_of_the_default_corruptor(module):
    tf.random.set_seed(1)  # upstream's seeds are relative to the global one
    draws = [
        first_nodes(module.BarlowTwinsTask("node", seed=seed).preprocess(make_graph())[0][1])
        for seed in (1, 2)
    ]
    assert np.any(draws[0] != draws[1])


@pytest.mark.parametrize(("name", "projector_units"), [(None, None), ("embedding", [6, 2])])
@pytest.mark.parametrize("module", [tfgnn_task, upstream])
def test_layers_and_shapes(module, projector_units, name):
    graph = make_graph()
    task = module.BarlowTwinsTask(
        "node", representations_layer_name=name, projector_units=projector_units, seed=1
    )
    encoder = make_encoder(relaxed(graph))
    inputs = [tf.keras.Input(type_spec=relaxed(graph)) for _ in range(2)]
    model = tf.keras.Model(inputs, task.predict(*[encoder(i) for i in inputs]))
    graphs, _ = task.preprocess(graph)
    assert model(graphs).shape == (COMPONENTS, 2, (projector_units or [UNITS])[-1])
    layer = model.get_layer(name or "clean_representations")
    assert len([other for other in model.layers if other.name == layer.name]) == 1
    representations = tf.keras.Model(model.input, layer.output)(graphs)
    np.testing.assert_allclose(representations, first_nodes(encoder(graph)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("module", [tfgnn_task, upstream])
def test_reads_another_feature(module):
    graph = make_graph().replace_features(
        node_sets={"node": {"other": tf.ones([COMPONENTS * NODES, 2])}}
    )
    task = module.BarlowTwinsTask("node", feature_name="other", seed=1)
    assert task.predict(*task.preprocess(graph)[0]).shape == (COMPONENTS, 2, 2)


@pytest.mark.parametrize("wrong", [0, 1])
@pytest.mark.parametrize("module", [tfgnn_task, upstream])
def test_input_should_be_graphs(module, wrong):
    graphs = [make_graph(), make_graph()]
    graphs[wrong] = tf.range(8)
    with pytest.raises(ValueError, match=r"Expected a `GraphTensor` input \(got .*\)"):
        module.BarlowTwinsTask("node").predict(*graphs)


def test_constructor_errors():
    with pytest.raises(ValueError, match=r"first_node, all_nodes \(got 'mean'\)"):
        BarlowTwinsTask("node", readout="mean")
    for corruptors in ([], [dropout()], [dropout()] * 3):
        with pytest.raises(ValueError, match=rf"or a pair \(got {len(corruptors)}"):
            BarlowTwinsTask("node", corruptor=corruptors)
    with pytest.raises(ValueError, match=r"Expected 3 graphs.*\(got 2\)"):
        BarlowTwinsTask("node", corruptor=pair()).predict(make_graph(), make_graph())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epsilon": -1.0}, ValueError, "epsilon should be positive"),
        ({"backend": "fast"}, ValueError, "backend should be one of"),
        ({"lambda_": "a"}, TypeError, "lambda_ should be a number"),
        ({"corruptor": "ab"}, TypeError, "corruptor should be one corruptor or a pair"),
        ({"projector_units": 8}, TypeError, "projector_units should be a sequence"),
        ({"projector_units": "8-8"}, TypeError, "projector_units should be a sequence"),
        ({"projector_units": [8, 0]}, ValueError, "projector_units should be sizes"),
        ({"projector_units": [2.5]}, ValueError, "projector_units should be sizes"),
        ({"projector_units": ["a"]}, ValueError, "projector_units should be sizes"),
        ({"seed": "abc"}, TypeError, "seed should be an integer or None"),
        ({"epsilon": float("nan")}, ValueError, "epsilon should be positive"),
        ({"lambda_": 1j}, TypeError, "lambda_ should be a number"),
        ({"path": "short"}, ValueError, "path should be one of"),
        ({"on_nonfinite": "stop"}, ValueError, "on_nonfinite should be one of raise, skip, ig"),
        ({"metrics_every_n_steps": 0}, ValueError, "every_n_steps should be a positive integer"),
        ({"metrics_every_n_steps": 1.5}, ValueError, "every_n_steps should be a positive int"),
    ],
)
def test_bad_options_are_refused_at_once(options, error, message):
    with pytest.raises(error, match=message) as raised:
        tfgnn_task.BarlowTwinsTask("node", **options)
    assert raised.type is error


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tfgnn_task.DropNodes(0.1, step_feature=3), TypeError, "step_feature should be"),
        (lambda: tfgnn_task.DropNodes(0.1, padding=3), TypeError, "padding should be a string"),
        (lambda: tfgnn_task.DropEdges(None), TypeError, r'Edge set "\*": rate should be a number'),
        (lambda: tfgnn_task.DropNodes(2), ValueError, r'Node set "\*": rate should be in \[0, 1\]'),
        (lambda: tfgnn_task.Compose([abs]), TypeError, "Compose expects corruptors"),
        (lambda: tfgnn_task.Corruptor(), ValueError, "At least one of `corruption_spec` or"),
        (lambda: BarlowTwinsLoss(epsilon="a"), TypeError, ""),
        (lambda: tfgnn_task.CrossCorrelationMetrics(epsilon=0), ValueError, "epsilon should be"),
        (lambda: tfgnn_task.AlignmentUniformityMetrics(t=0), ValueError, "t should be positive"),
        (lambda: tfgnn_task.AlignmentUniformityMetrics(alpha=-1), ValueError, "alpha should be"),
        (lambda: tfgnn_task.AllSvdMetrics(every_n_steps=0), ValueError, "positive integer"),
    ],
)
def test_constructors_raise_what_they_document(make, error, message):
    with pytest.raises(error, match=message) as raised:
        make()
    assert raised.type is error
