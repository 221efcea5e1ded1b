"""Seeds: sequences, fresh draws, pure functions of a step, and the keys that Compose hands on."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import (
    Compose,
    CorruptionSpec,
    DropEdges,
    MaskFeatures,
    ShuffleFeaturesGlobally,
)
from graph_barlow_twins.tfgnn_task.corruption.keys import KeySource

from tests.corruption.graphs import (
    FEATURE_CORRUPTORS,
    assert_same_graph,
    fast_by_class,
    features_of,
    fingerprint,
    make_corruptors,
    make_graph,
    numbers,
    small_graph,
    to_list,
)


@fast_by_class(0, 1, 3, 5)
def test_one_seed_one_sequence(number):
    graph = make_graph()
    first, second = (make_corruptors(seed=2**64 - 1)[number] for _ in range(2))
    sequence = [first(graph) for _ in range(2)]
    for graph_of_first in sequence:
        assert_same_graph(graph_of_first, second(graph))
    other = make_corruptors(seed=4)[number](graph)
    fingerprints = [fingerprint(g) for g in (graph, other, *sequence)]
    assert len(set(fingerprints)) == 4


@fast_by_class(0, 8)
def test_without_a_seed_every_draw_is_fresh(number):
    graph = make_graph()
    draws = [c(graph) for c in (make_corruptors()[number], make_corruptors()[number])]
    again = make_corruptors()[number]
    draws += [again(graph), again(graph)]
    assert len({fingerprint(g) for g in draws}) == 4


@fast_by_class(2)
def test_fresh_draws_within_one_graph_function(number):
    graph = small_graph()
    for options in ({}, {"seed": 3}):
        corruptor = make_corruptors(**options)[number]
        function = tf.function(lambda g, c=corruptor: c(g), autograph=False)
        assert len({fingerprint(function(graph)) for _ in range(3)}) == 3


def test_without_a_seed_draws_follow_the_global_seed():
    graph = make_graph()
    draws = []
    for _ in range(2):
        tf.random.set_seed(5)
        draws.append(fingerprint(ShuffleFeaturesGlobally()(graph)))
    assert draws[0] == draws[1]


@fast_by_class(2, 4, 5, 6)
def test_step_feature_makes_a_pure_function(number):
    first, second = (make_corruptors(seed=3, step_feature="step")[number] for _ in range(2))
    expected = {step: fingerprint(first(make_graph(step))) for step in (7, 2**40)}
    assert len(set(expected.values())) == 2
    for step in (2**40, 7):
        assert fingerprint(second(make_graph(step))) == expected[step]
    other = make_corruptors(seed=4, step_feature="step")[number]
    assert fingerprint(other(make_graph(7))) != expected[7]


def test_step_feature_in_a_parallel_pipeline():
    corruptor = ShuffleFeaturesGlobally(
        CorruptionSpec(context_corruption={"step": 0.0}), seed=3, step_feature="step"
    )
    graphs = [small_graph(step) for step in range(6)]
    words = {i: to_list(corruptor(g).node_sets["paper"]["words"]) for i, g in enumerate(graphs)}
    base = small_graph()

    def with_step(step):
        return base.replace_features(context={"step": tf.stack([step, step])})

    dataset = (
        tf.data.Dataset.range(6)
        .map(with_step)
        .map(corruptor, num_parallel_calls=4, deterministic=False)
    )
    for _ in range(2):  # two iterators
        seen = {int(g.context["step"][0]): to_list(g.node_sets["paper"]["words"]) for g in dataset}
        assert seen == words


def test_iterators_of_a_seeded_pipeline_go_on_with_the_sequence():
    graph = small_graph()
    corruptor, counted = (ShuffleFeaturesGlobally(seed=3) for _ in range(2))
    dataset = tf.data.Dataset.from_tensors(graph).repeat(3).map(corruptor)
    drawn = [fingerprint(g) for _ in range(2) for g in dataset]
    assert drawn == [fingerprint(counted(graph)) for _ in range(6)]
    assert len(set(drawn)) == 6


@pytest.mark.parametrize("corruptor_class", FEATURE_CORRUPTORS)
def test_another_feature_does_not_change_a_stream(corruptor_class):
    spec = CorruptionSpec(context_corruption={"step": 0.0})
    plain, extended = (
        features_of(corruptor_class(spec, default=0.5, seed=6)(graph))
        for graph in (make_graph(), make_graph(extra={"a first": numbers(20, 2)}))
    )
    for path, value in plain.items():
        np.testing.assert_array_equal(value, extended[path], err_msg=path)


@pytest.mark.parametrize("seed", [1.5, True, "1", "abc", [1], float("nan"), float("inf")])
def test_a_seed_is_an_integer(seed):
    for make in (KeySource, lambda seed: ShuffleFeaturesGlobally(seed=seed)):
        with pytest.raises(TypeError, match="seed should be an integer or None"):
            make(seed)


def test_step_feature_errors():
    with pytest.raises(ValueError, match='step_feature "time" is not a context feature'):
        DropEdges(0.5, step_feature="time")(make_graph())
    with pytest.raises(ValueError, match=r'"score" should be an integer feature .got float32'):
        DropEdges(0.5, step_feature="score")(make_graph())


# Compose


class _Emptied(DropEdges):
    """A user's corruptor made from one of ours, by the method that is documented for it."""

    def corrupt(self, graph, key):
        return DropEdges(1.0).corrupt(graph, key)


def test_compose_calls_what_a_subclass_defines():
    graph = make_graph()
    kept = Compose([_Emptied(0.0)], seed=1)(graph).edge_sets["cites"].total_size
    assert int(kept) == 0 < int(graph.edge_sets["cites"].total_size)


def test_compose_is_one_corruptor_after_the_other():
    graph, key = make_graph(), 12
    spec = CorruptionSpec(context_corruption={"step": 0.0})
    steps = [DropEdges(0.5), MaskFeatures(spec, default=0.5), ShuffleFeaturesGlobally(spec)]
    expected = graph
    for index, step in enumerate(steps):
        derived = tf.constant(reference.derive_key(key, index), tf.uint64)
        expected = step.corrupt(expected, derived)
    assert_same_graph(Compose(steps).corrupt(graph, tf.constant(key, tf.uint64)), expected)


def test_compose_gives_equal_steps_different_draws():
    graph = make_graph()
    kept = Compose([DropEdges(0.5), DropEdges(0.5)], seed=1)(graph).edge_sets["cites"].total_size
    assert int(kept) < 12  # about 30 / 4; two equal draws would keep 30 / 2


def test_compose_takes_corruptors():
    with pytest.raises(TypeError, match=r"expects corruptors .got Dense"):
        Compose([tf.keras.layers.Dense(3)])


def test_a_source_is_a_module_of_tensorflow():
    assert KeySource(seed=1).name == "key_source"
