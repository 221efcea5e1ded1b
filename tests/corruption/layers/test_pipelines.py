"""Corruptors in `tf.data` pipelines and in the preprocessing of `runner.run`, with padding."""

import collections

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.reference.random import derive_key
from graph_barlow_twins.tfgnn_task import (
    BarlowTwinsTask,
    Compose,
    CorruptionSpec,
    DropEdges,
    DropNodes,
    DropoutFeatures,
    MaskFeatures,
    ShuffleFeaturesGlobally,
    number_graphs,
)
from graph_barlow_twins.tfgnn_task.corruption.keys import KeySource
from tensorflow_gnn import runner

from tests.corruption.graphs import (
    assert_consistent,
    assert_same_graph,
    features_of,
    fingerprint,
    numbers,
    padded,
    real_part,
)
from tests.corruption.graphs import small_graph as one_graph

KEEP_STEP = CorruptionSpec(context_corruption={"step": 0.0})


def small_graph(number, ragged=True):
    """One component of two node sets and two edge sets, of another size for each number."""
    users, items = 2 + number % 3, 3 + number % 4
    user, item = np.arange(users), np.arange(items)
    user_features = {tfgnn.HIDDEN_STATE: numbers(users, 5, start=1.0 + number)}
    if ragged:
        user_features["tags"] = tf.RaggedTensor.from_row_lengths(
            tf.range(1.0, 1.0 + users * (users - 1) / 2), user
        )
    both = user.repeat(2), np.stack([user % items, (user + 1) % items], 1).reshape(-1)
    return tfgnn.GraphTensor.from_pieces(
        context=tfgnn.Context.from_fields(features={"step": tf.constant([number], tf.int64)}),
        node_sets={
            "user": tfgnn.NodeSet.from_fields(sizes=[users], features=user_features),
            "item": tfgnn.NodeSet.from_fields(
                sizes=[items], features={tfgnn.HIDDEN_STATE: numbers(items, 4, start=3.0 + number)}
            ),
        },
        edge_sets={
            "buys": tfgnn.EdgeSet.from_fields(
                sizes=[2 * users],
                features={"price": numbers(2 * users, start=7.0 + number)},
                adjacency=tfgnn.Adjacency.from_indices(("user", both[0]), ("item", both[1])),
            ),
            "like": tfgnn.EdgeSet.from_fields(
                sizes=[items],
                adjacency=tfgnn.Adjacency.from_indices(("item", item), ("item", item[::-1].copy())),
            ),
        },
    )


class Provider(runner.DatasetProvider):
    """Graphs of different sizes."""

    def __init__(self, ragged=True, count=12):
        self._graphs = [small_graph(number, ragged) for number in range(count)]
        self.spec = self._graphs[0].spec.relax(num_nodes=True, num_edges=True)

    def get_dataset(self, context):
        return tf.data.Dataset.from_generator(
            lambda: iter(self._graphs), output_signature=self.spec
        )


def batches(provider):
    dataset = provider.get_dataset(tf.distribute.InputContext()).batch(4)
    return dataset.map(tfgnn.GraphTensor.merge_batch_to_components)


def pair(ragged=True):
    options = {"step_feature": "step"}
    floats = {"default": 0.4, "skip_non_floating": True}
    no_tags = CorruptionSpec({"user": {"tags": 0.0}} if ragged else {})
    return (
        Compose([DropEdges(0.4), DropoutFeatures(**floats)], seed=1, **options),
        Compose(
            [
                DropNodes({"item": 0.4}),
                DropEdges({"like": 0.3}, undirected=["like"]),
                MaskFeatures(no_tags, **floats),
                ShuffleFeaturesGlobally(KEEP_STEP, default=0.5),
            ],
            seed=2,
            **options,
        ),
    )


@pytest.mark.slow
@pytest.mark.parametrize("padding_class", [runner.FitOrSkipPadding, runner.TightPadding])
def test_preprocessing_as_the_runner_does_it(padding_class):
    """A Keras model made for any sizes, applied to padded batches in a parallel map."""
    provider = Provider()
    constraints = padding_class(provider.spec, provider).get_size_constraints(4)
    spec = provider.spec.relax(num_components=True)
    inputs = tf.keras.Input(type_spec=spec)
    preprocess = tf.keras.Model(
        inputs, BarlowTwinsTask("user", corruptor=pair()).preprocess(inputs)
    )
    inputs = tf.keras.Input(type_spec=spec)
    graph, mask = tfgnn.keras.layers.PadToTotalSizes(constraints)(inputs)
    padding_model = tf.keras.Model(inputs, (*preprocess(graph), mask))
    dataset = batches(provider).map(padding_model, num_parallel_calls=4, deterministic=False)
    seen = {int(views[0].context["step"][0]): (views, mask) for views, _, mask in dataset}
    assert set(seen) == {0, 4, 8}
    task = BarlowTwinsTask("user", corruptor=pair())
    for plain in batches(provider):
        views, mask = seen[int(plain.context["step"][0])]
        np.testing.assert_array_equal(mask, [True] * 4 + [False] * (len(mask) - 4))
        for view, expected in zip(views, task.preprocess(plain)[0], strict=True):
            assert_consistent(view)
            assert_same_graph(real_part(view, 4), expected)
            for name, size in constraints.total_num_nodes.items():
                assert int(view.node_sets[name].total_size) == size
            for name, size in constraints.total_num_edges.items():
                assert int(view.edge_sets[name].total_size) == size


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_runner_trains_with_padding(tmp_path):
    provider = Provider(ragged=False)

    def encoder(spec):
        inputs = tf.keras.Input(type_spec=spec)
        updates = {
            name: tfgnn.keras.layers.NodeSetUpdate(
                {
                    edges: tfgnn.keras.layers.SimpleConv(
                        tf.keras.layers.Dense(3), "mean", receiver_tag=tag
                    )
                },
                tfgnn.keras.layers.NextStateFromConcat(tf.keras.layers.Dense(3)),
            )
            for name, edges, tag in (
                ("user", "buys", tfgnn.SOURCE),
                ("item", "like", tfgnn.TARGET),
            )
        }
        return tf.keras.Model(inputs, tfgnn.keras.layers.GraphUpdate(node_sets=updates)(inputs))

    trainer = runner.KerasTrainer(
        tf.distribute.get_strategy(),
        model_dir=str(tmp_path),
        verbose=0,
        summarize_every_n_steps="never",
        checkpoint_every_n_steps="never",
        backup_and_restore=False,
    )
    losses = []
    trainer._callbacks = [
        tf.keras.callbacks.LambdaCallback(on_epoch_end=lambda _, logs: losses.append(logs["loss"]))
    ]
    runner.run(
        train_ds_provider=provider,
        model_fn=encoder,
        optimizer_fn=lambda: tf.keras.optimizers.Adam(0.02),
        trainer=trainer,
        task=BarlowTwinsTask("user", corruptor=pair(ragged=False)),
        gtspec=provider.spec,
        global_batch_size=4,
        epochs=2,
        train_padding=runner.TightPadding(provider.spec, provider),
        model_exporters=[],
    )
    assert len(losses) == 2
    assert np.all(np.isfinite(losses))


@pytest.mark.slow
def test_two_views_of_a_padded_graph_compile():
    """The whole preprocessing of a two-view task, with static sizes, and bit for bit as eagerly."""
    graph = padded(next(iter(batches(Provider(ragged=False)))))
    task = BarlowTwinsTask("user", corruptor=pair(ragged=False))
    preprocess = tf.function(task.preprocess, jit_compile=True)
    views, labels = preprocess(graph)
    expected, expected_labels = BarlowTwinsTask("user", corruptor=pair(ragged=False)).preprocess(
        graph
    )
    assert labels.shape == expected_labels.shape == (5, 0)
    for view, other in zip(views, expected, strict=True):
        assert view.spec == graph.spec
        assert_same_graph(view, other)
        assert_consistent(view)
    assert len({fingerprint(view) for view in views}) == 3


# The sequence of draws


def drawn(corruptor, epochs=2, number=True, **options):
    """What a pipeline yields in each epoch."""
    dataset = tf.data.Dataset.from_tensors(one_graph()).repeat(3)
    dataset = number_graphs(dataset) if number else dataset
    dataset = dataset.map(corruptor, **options)
    return [[fingerprint(graph) for graph in dataset] for _ in range(epochs)]


def by_step():
    return ShuffleFeaturesGlobally(seed=3, step_feature="step")


@pytest.fixture(scope="module")
def numbered():
    """Two epochs of a sequential pipeline of numbered graphs."""
    epochs = drawn(by_step())
    assert len({graph for epoch in epochs for graph in epoch}) == 6
    return epochs


@pytest.mark.slow
def test_numbered_graphs_give_the_same_sequence_in_every_run(numbered):
    assert drawn(by_step(), num_parallel_calls=4, deterministic=True) == numbered


def test_numbered_graphs_in_any_order(numbered):
    seen = drawn(by_step(), num_parallel_calls=4, deterministic=False)
    assert [set(epoch) for epoch in seen] == [set(epoch) for epoch in numbered]


def test_numbers_go_on_where_a_run_stopped(numbered):
    dataset = tf.data.Dataset.from_tensors(one_graph()).repeat(3)
    resumed = number_graphs(dataset, first=3).map(by_step())
    assert [fingerprint(graph) for graph in resumed] == numbered[1]
    context = next(iter(number_graphs(dataset, "count", first=7))).context
    assert context["count"].numpy().tolist() == [7, 7]
    assert context["step"].numpy().tolist() == [0, 0]


@pytest.mark.slow
def test_a_counted_sequence_is_the_same_in_the_next_run():
    """Without a step: in a sequential map, over epochs."""
    first, second = (
        drawn(ShuffleFeaturesGlobally(KEEP_STEP, seed=3), number=False) for _ in range(2)
    )
    assert first == second
    assert len({graph for epoch in first for graph in epoch}) == 6


@pytest.mark.slow
def test_a_parallel_map_hands_out_the_keys_of_the_sequence():
    """To which element is not said, so it is the same element here."""
    graph = padded(next(iter(batches(Provider()))))
    make = lambda: DropoutFeatures(default=0.5, skip_non_floating=True, seed=3)  # noqa: E731
    source = tf.data.Dataset.from_tensors(graph).repeat(8)
    sequence = [fingerprint(g) for g in source.map(make())]
    parallel = [fingerprint(g) for g in source.map(make(), num_parallel_calls=4)]
    assert sorted(parallel) == sorted(sequence)
    assert len(set(sequence)) == 8


@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_no_number_is_handed_out_twice(count):
    """Calls that overlap read and count in one step: no number twice, none left out."""
    keys, graph = KeySource(seed=3), one_graph()
    source = tf.data.Dataset.range(count)
    drawn = source.map(lambda _: keys.next_key(graph), num_parallel_calls=8)
    expected = {int(derive_key(3, number)) for number in range(count)}
    assert collections.Counter(int(key) for key in drawn) == collections.Counter(expected)


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}], ids=["graph", "jit"])
def test_numbers_are_consecutive_in_compiled_functions(options):
    keys, graph = KeySource(seed=3), one_graph()
    draw = tf.function(lambda: keys.next_key(graph), **options)
    drawn = [int(draw()), int(draw()), int(keys.next_key(graph)), int(draw())]
    assert drawn == [int(derive_key(3, number)) for number in range(4)]


@pytest.mark.slow
def test_a_pipeline_equals_eager_calls_on_padded_batches():
    constraints = runner.TightPadding(Provider().spec, Provider()).get_size_constraints(4)
    pad = tfgnn.keras.layers.PadToTotalSizes(constraints)
    for number in range(2):
        corruptor, eager = (pair()[number] for _ in range(2))
        dataset = batches(Provider()).map(lambda graph: pad(graph)[0])
        for graph, view in zip(dataset, dataset.map(corruptor), strict=True):
            assert_same_graph(view, eager(graph))
            assert features_of(view).keys() == features_of(graph).keys()
