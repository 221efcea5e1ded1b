"""Which features a corruptor changes, and at which rates: those that upstream's would."""

import graph_barlow_twins.tfgnn_task as tfgnn_task
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import CorruptionSpec
from tensorflow_gnn.models.contrastive_losses import layers as upstream

from tests.corruption.graphs import assert_same_graph, changed, make_graph, to_list

SPECS = {
    "nothing": {},
    "everything": {
        "node_set_corruption": {"*": {"*": 1.0}},
        "edge_set_corruption": {"*": {"*": 1.0}},
        "context_corruption": {"*": 1.0},
    },
    "one node feature on": {"node_set_corruption": {"paper": {"words": 1.0}}},
    "one node feature off": {"node_set_corruption": {"paper": {"words": 0.0}}},
    "others of a node set": {"node_set_corruption": {"paper": {"words": 0.0, "*": 1.0}}},
    "other node sets": {"node_set_corruption": {"paper": {"*": 0.0}, "*": {"words": 1.0}}},
    "feature of any node set": {"node_set_corruption": {"*": {"words": 1.0, "*": 0.0}}},
    "feature of any edge set": {"edge_set_corruption": {"*": {"weight": 0.0}}},
    "one edge set": {"edge_set_corruption": {"cites": {"*": 1.0}, "*": {"*": 0.0}}},
    "context off": {"context_corruption": {"score": 0.0}},
    "context on": {"context_corruption": {"score": 1.0}},
    "auxiliary by name": {"node_set_corruption": {"_readout": {"label": 1.0}}},
}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("default", [0.0, 1.0])
def test_with_default_like_upstream(name, default):
    ours = CorruptionSpec(**SPECS[name]).with_default(default)
    theirs = upstream.CorruptionSpec(**SPECS[name]).with_default(default)
    assert vars(ours) == vars(theirs)


def changed_in_draws(graph, corruptor, draws=8):
    """Paths that change in some draw: one shuffle of two rows may leave them where they are."""
    tf.random.set_seed(0)  # upstream's draws depend on it even where they have a seed
    return set().union(*(changed(graph, corruptor(graph)) for _ in range(draws)))


def scaled(spec, factor):
    """The nested dicts with all rates multiplied."""
    if isinstance(spec, dict):
        return {name: scaled(value, factor) for name, value in spec.items()}
    return spec * factor


def add(value, parameter):
    return value + tf.cast(parameter, value.dtype)


@pytest.mark.parametrize("name", SPECS)
def test_every_feature_gets_the_parameter_of_upstream(name):
    spec, graph = scaled(SPECS[name], 0.5), make_graph(step=None)
    ours, theirs = (
        module.Corruptor(module.CorruptionSpec(**spec), corruption_fn=add, default=0.25)
        for module in (tfgnn_task, upstream)
    )
    assert_same_graph(ours(graph), theirs(graph))


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_the_same_features_are_shuffled_as_upstream(name):
    graph = make_graph(step=None)
    ours, theirs = (
        module.ShuffleFeaturesGlobally(module.CorruptionSpec(**SPECS[name]), seed=1)
        for module in (tfgnn_task, upstream)
    )
    assert changed_in_draws(graph, ours) == changed_in_draws(graph, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_the_same_features_are_dropped_as_upstream(name):
    graph = make_graph(step=None)
    spec = scaled(SPECS[name], 1 - 1e-9)  # upstream has no dropout of rate 1
    ours, theirs = (
        module.DropoutFeatures(module.CorruptionSpec(**spec), seed=1)
        for module in (tfgnn_task, upstream)
    )
    assert changed(graph, ours(graph)) == changed(graph, theirs(graph))


@pytest.mark.parametrize("class_name", ["ShuffleFeaturesGlobally", "DropoutFeatures"])
def test_default_rates_like_upstream(class_name):
    graph = make_graph(step=None)
    ours, theirs = (
        changed_in_draws(graph, getattr(module, class_name)(seed=1))
        for module in (tfgnn_task, upstream)
    )
    assert ours == theirs
    assert (ours != set()) == (class_name == "ShuffleFeaturesGlobally")


@pytest.mark.parametrize(
    "patterns",
    [
        {},
        {"allowed_aux_node_sets_pattern": "_readout"},
        {"allowed_aux_node_sets_pattern": "_read"},
        {"allowed_aux_edge_sets_pattern": "_readout/.*"},
        {"allowed_aux_node_sets_pattern": ".*", "allowed_aux_edge_sets_pattern": ".*"},
    ],
    ids=str,
)
def test_auxiliary_sets_like_upstream(patterns):
    graph = make_graph()
    ours, theirs = (
        changed(graph, module.Corruptor(corruption_fn=add, default=1.0, **patterns)(graph))
        for module in (tfgnn_task, upstream)
    )
    assert ours == theirs
    if not patterns:
        assert not any("_readout" in path for path in ours)


def test_corruption_fn_gets_the_parameters_of_upstream():
    graph = make_graph()
    spec = {
        "node_set_corruption": {"paper": {"words": 2.0, "*": 3.0}, "*": {"*": 5.0}},
        "edge_set_corruption": {"cites": {"weight": 7.0}},
    }
    results = []
    for module in (tfgnn_task, upstream):
        corruptor = module.Corruptor(
            module.CorruptionSpec(**spec),
            corruption_fn=lambda value, factor: value * tf.cast(factor, value.dtype),
            default=11.0,
        )
        results.append(corruptor(graph))
    assert_same_graph(*results)
    assert to_list(results[0].node_sets["paper"]["words"][0]) == [2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("module", [tfgnn_task, upstream])
def test_spec_or_default_is_needed(module):
    with pytest.raises(ValueError, match="At least one of `corruption_spec` or `default`"):
        module.Corruptor(corruption_fn=lambda value, rate: value)


# What upstream ignores: names that the graph does not have


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"node_set_corruption": {"venue": {"*": 1.0}}}, r"node sets .*\['venue'\].*'paper'"),
        ({"node_set_corruption": {"venue": {}}}, r"node sets .*\['venue'\]"),
        ({"edge_set_corruption": {"sites": {"*": 0.0}}}, r"edge sets .*\['sites'\].*'cites'"),
        (
            {"node_set_corruption": {"paper": {"wards": 1.0}}},
            r'features that node set "paper" does not have: \[\'wards\'\].*\[\'words\', \'year\'\]',
        ),
        (
            {"edge_set_corruption": {"cites": {"age": 1.0, "id": 1.0}}},
            r'features that edge set "cites" does not have: \[\'age\'\].*\[\'id\', \'weight\'\]',
        ),
        (
            {"context_corruption": {"scores": 1.0}},
            r"features that the context does not have: \['scores'\].*\['score'\]",
        ),
        (
            {"node_set_corruption": {"paper": {}, "*": {"year": 1.0}}},
            r"features that any other node set does not have: \['year'\]",
        ),
    ],
    ids=str,
)
def test_a_spec_can_only_name_what_exists(spec, message):
    corruptor = tfgnn_task.ShuffleFeaturesGlobally(CorruptionSpec(**spec))
    with pytest.raises(ValueError, match=message):
        corruptor(make_graph(step=None))
