"""The corruptor layers on GraphTensors: conformance with upstream, seeds, structure, Keras."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import (
    Compose,
    CorruptionSpec,
    Corruptor,
    DropEdges,
    DropoutFeatures,
    MaskFeatures,
    ShuffleFeaturesGlobally,
)
from tensorflow_gnn.models.contrastive_losses import layers as upstream

FEATURE_CORRUPTORS = (ShuffleFeaturesGlobally, DropoutFeatures, MaskFeatures)
# Two components: 9 + 11 papers, 8 + 12 authors, 13 + 17 citations, 10 + 10 authorships.
PAPERS, AUTHORS, CITES, WRITES = (9, 11), (8, 12), (13, 17), (10, 10)


def numbers(rows, *columns, start=1.0):
    """Distinct positive floats of shape ``[rows, *columns]``."""
    size = int(np.prod((rows, *columns)))
    return tf.reshape(tf.range(start, start + size, dtype=tf.float32), (rows, *columns))


def indices(sizes, nodes, seed):
    """One node of the edge's own component for each edge."""
    rng = np.random.default_rng([seed, *sizes])
    offsets = np.concatenate([[0], np.cumsum(nodes)])[:-1]
    return np.concatenate(
        [
            offset + rng.integers(0, count, size)
            for offset, count, size in zip(offsets, nodes, sizes, strict=True)
        ]
    ).astype(np.int32)


def make_graph(step=0, *, extra=None, hyper=False):
    """Papers, authors, two edge sets, a context, and an auxiliary node set and edge set."""
    papers = {"words": numbers(20, 4), "year": numbers(20), **(extra or {})}
    context = {"score": numbers(2, 30)}
    if step is not None:
        context["step"] = tf.constant([step, step], tf.int64)
    cites = tfgnn.Adjacency.from_indices(
        ("paper", indices(CITES, PAPERS, 0)), ("paper", indices(CITES, PAPERS, 1))
    )
    if hyper:
        cites = tfgnn.HyperAdjacency.from_indices(
            {
                0: ("paper", indices(CITES, PAPERS, 0)),
                1: ("paper", indices(CITES, PAPERS, 1)),
                2: ("author", indices(CITES, AUTHORS, 2)),
            }
        )
    return tfgnn.GraphTensor.from_pieces(
        context=tfgnn.Context.from_fields(features=context),
        node_sets={
            "paper": tfgnn.NodeSet.from_fields(sizes=PAPERS, features=papers),
            "author": tfgnn.NodeSet.from_fields(
                sizes=AUTHORS, features={"words": numbers(20, 3), "age": numbers(20, 1)}
            ),
            "_readout": tfgnn.NodeSet.from_fields(
                sizes=(9, 11), features={"label": numbers(20, 2)}
            ),
        },
        edge_sets={
            "cites": tfgnn.EdgeSet.from_fields(
                sizes=CITES,
                features={"id": numbers(30, start=0.0), "weight": numbers(30, 2)},
                adjacency=cites,
            ),
            "writes": tfgnn.EdgeSet.from_fields(
                sizes=WRITES,
                features={"weight": numbers(20, 2)},
                adjacency=tfgnn.Adjacency.from_indices(
                    ("author", indices(WRITES, AUTHORS, 0)),
                    ("paper", indices(WRITES, PAPERS, 1)),
                ),
            ),
            "_readout/paper": tfgnn.EdgeSet.from_fields(
                sizes=(9, 11),
                features={"weight": numbers(20, 2)},
                adjacency=tfgnn.Adjacency.from_indices(
                    ("paper", np.arange(20)), ("_readout", np.arange(20))
                ),
            ),
        },
    )


def features_of(graph):
    """All features by path, as NumPy arrays (ragged ones as nested lists)."""
    pieces = {("context",): graph.context}
    pieces |= {("node", name): piece for name, piece in graph.node_sets.items()}
    pieces |= {("edge", name): piece for name, piece in graph.edge_sets.items()}
    return {
        "/".join((*path, name)): value if isinstance(value, tf.RaggedTensor) else value.numpy()
        for path, piece in pieces.items()
        for name, value in piece.features.items()
    }


def to_list(value):
    return value.to_list() if isinstance(value, tf.RaggedTensor) else np.asarray(value).tolist()


def same(first, second):
    """Whether two features are equal, dense or ragged."""
    return to_list(first) == to_list(second)


def changed(graph, corrupted):
    """Paths of the features that the corruption changed."""
    before, after = features_of(graph), features_of(corrupted)
    assert before.keys() == after.keys()
    return {path for path in before if not same(before[path], after[path])}


def assert_same_graph(first, second):
    assert not changed(first, second)
    for name, edge_set in first.edge_sets.items():
        other = second.edge_sets[name]
        np.testing.assert_array_equal(edge_set.sizes, other.sizes)
        for tag, index in edge_set.adjacency.get_indices_dict().items():
            np.testing.assert_array_equal(index[1], other.adjacency[tag])


# Conformance with upstream

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
    "a name that does not exist": {"node_set_corruption": {"venue": {"*": 1.0}}},
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


@pytest.mark.parametrize("name", SPECS)
def test_the_same_features_are_shuffled_as_upstream(name):
    graph = make_graph(step=None)
    ours, theirs = (
        module.ShuffleFeaturesGlobally(module.CorruptionSpec(**SPECS[name]), seed=1)
        for module in (tfgnn_task, upstream)
    )
    assert changed_in_draws(graph, ours) == changed_in_draws(graph, theirs)


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
        changed_in_draws(graph, module.ShuffleFeaturesGlobally(seed=1, **patterns))
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


# What a corruption does


def test_shuffle_permutes_rows_over_all_components():
    graph = make_graph()
    shuffled = ShuffleFeaturesGlobally(seed=1)(graph)
    before, after = (to_list(g.node_sets["paper"]["words"]) for g in (graph, shuffled))
    assert sorted(before) == sorted(after)
    crossed = set(map(tuple, before[:9])) - set(map(tuple, after[:9]))
    assert crossed  # some rows of the first component went to the second
    assert to_list(shuffled.node_sets["author"]["words"]) != to_list(
        graph.node_sets["author"]["words"]
    )


def test_features_are_shuffled_each_by_itself():
    rows = tf.range(20.0)
    shuffled = ShuffleFeaturesGlobally(seed=1)(make_graph(extra={"a": rows, "b": rows}))
    paper = shuffled.node_sets["paper"]
    assert to_list(paper["a"]) != to_list(paper["b"])
    assert sorted(to_list(paper["a"])) == sorted(to_list(paper["b"]))


@pytest.mark.parametrize(
    ("corruptor_class", "kernel"),
    [
        (ShuffleFeaturesGlobally, reference.shuffle_rows),
        (DropoutFeatures, reference.dropout),
        (MaskFeatures, reference.mask_columns),
    ],
)
def test_keys_are_derived_by_name(corruptor_class, kernel):
    """The documented derivation, step by step, in NumPy."""
    graph = make_graph()
    spec = CorruptionSpec(context_corruption={"step": 0.0})
    corrupted = corruptor_class(spec, default=0.5).corrupt(graph, tf.constant(77, tf.uint64))
    for part, piece, path in (
        ("node_set:paper", graph.node_sets["paper"], "node/paper"),
        ("edge_set:cites", graph.edge_sets["cites"], "edge/cites"),
        ("context", graph.context, "context"),
    ):
        for name, value in piece.features.items():
            key = reference.derive_key(reference.derive_key(77, part), name)
            rate = 0.0 if name == "step" else 0.5
            expected = value.numpy() if rate == 0 else kernel(value.numpy(), rate, key)
            np.testing.assert_array_equal(features_of(corrupted)[f"{path}/{name}"], expected)


def test_shuffle_takes_any_dtype():
    extra = {
        "title": tf.strings.as_string(tf.range(20)),
        "half": tf.cast(tf.range(20), tf.bfloat16),
        "code": tf.range(20, dtype=tf.int64),
        "tags": tf.RaggedTensor.from_row_lengths(tf.range(190), tf.range(20)),
    }
    graph = make_graph(extra=extra)
    shuffled = ShuffleFeaturesGlobally(seed=1)(graph)
    for name, value in extra.items():
        after = shuffled.node_sets["paper"][name]
        assert not same(value, after)
        assert sorted(to_list(value)) == sorted(to_list(after))
    assert shuffled.spec == graph.spec


@pytest.mark.parametrize("corruptor_class", [DropoutFeatures, MaskFeatures])
def test_rate_zero_takes_any_dtype(corruptor_class):
    extra = {"title": tf.strings.as_string(tf.range(20)), "code": tf.range(20)}
    extra["tags"] = tf.RaggedTensor.from_row_lengths(tf.range(190), tf.range(20))
    graph = make_graph(extra=extra)
    assert_same_graph(graph, corruptor_class()(graph))


# Seeds


def make_corruptors(**options):
    """One corruptor of every class."""
    spec = CorruptionSpec(context_corruption={"step": 0.0})
    features = [c(spec, default=0.5, **options) for c in FEATURE_CORRUPTORS]
    return [
        *features,
        DropEdges(0.5, **options),
        Compose([DropEdges(0.5), MaskFeatures(spec, default=0.5)], **options),
    ]


BY_CLASS = pytest.mark.parametrize("number", range(5), ids=lambda i: str(i))


@BY_CLASS
def test_one_seed_one_sequence(number):
    graph = make_graph()
    first, second = (make_corruptors(seed=2**64 - 1)[number] for _ in range(2))
    sequence = [first(graph) for _ in range(3)]
    for graph_of_first in sequence:
        assert_same_graph(graph_of_first, second(graph))
    other = make_corruptors(seed=4)[number](graph)
    fingerprints = [_fingerprint(g) for g in (graph, other, *sequence)]
    assert len(set(fingerprints)) == 5


@BY_CLASS
def test_without_a_seed_every_draw_is_fresh(number):
    graph = make_graph()
    draws = [c(graph) for c in (make_corruptors()[number], make_corruptors()[number])]
    again = make_corruptors()[number]
    draws += [again(graph), again(graph)]
    assert len({_fingerprint(g) for g in draws}) == 4


@BY_CLASS
def test_fresh_draws_within_one_graph_function(number):
    graph = make_graph()
    for options in ({}, {"seed": 3}):
        corruptor = make_corruptors(**options)[number]
        function = tf.function(lambda g, c=corruptor: c(g))
        assert len({_fingerprint(function(graph)) for _ in range(3)}) == 3


def test_without_a_seed_draws_follow_the_global_seed():
    graph = make_graph()
    draws = []
    for _ in range(2):
        tf.random.set_seed(5)
        draws.append(_fingerprint(ShuffleFeaturesGlobally()(graph)))
    assert draws[0] == draws[1]


@BY_CLASS
def test_step_feature_makes_a_pure_function(number):
    first, second = (make_corruptors(seed=3, step_feature="step")[number] for _ in range(2))
    expected = {step: _fingerprint(first(make_graph(step))) for step in (0, 7, 2**40)}
    assert len(set(expected.values())) == 3
    for step in (7, 2**40, 0, 7):
        assert _fingerprint(second(make_graph(step))) == expected[step]
    other = make_corruptors(seed=4, step_feature="step")[number]
    assert _fingerprint(other(make_graph(7))) != expected[7]


def test_step_feature_in_a_parallel_pipeline():
    corruptor = ShuffleFeaturesGlobally(
        CorruptionSpec(context_corruption={"step": 0.0}), seed=3, step_feature="step"
    )
    graphs = [make_graph(step) for step in range(12)]
    words = {i: to_list(corruptor(g).node_sets["paper"]["words"]) for i, g in enumerate(graphs)}
    base = make_graph()

    def with_step(step):
        context = {"step": tf.stack([step, step]), "score": base.context["score"]}
        return base.replace_features(context=context)

    dataset = (
        tf.data.Dataset.range(12)
        .map(with_step)
        .map(corruptor, num_parallel_calls=4, deterministic=False)
    )
    for _ in range(2):  # two iterators
        seen = {int(g.context["step"][0]): to_list(g.node_sets["paper"]["words"]) for g in dataset}
        assert seen == words


def test_iterators_of_a_seeded_pipeline_go_on_with_the_sequence():
    graph = make_graph()
    corruptor, counted = (ShuffleFeaturesGlobally(seed=3) for _ in range(2))
    dataset = tf.data.Dataset.from_tensors(graph).repeat(3).map(corruptor)
    drawn = [_fingerprint(g) for _ in range(2) for g in dataset]
    assert drawn == [_fingerprint(counted(graph)) for _ in range(6)]
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


@pytest.mark.parametrize("seed", [1.5, True, "1"])
def test_a_seed_is_an_integer(seed):
    with pytest.raises((TypeError, ValueError)):
        ShuffleFeaturesGlobally(seed=seed)


def test_step_feature_errors():
    with pytest.raises(ValueError, match='step_feature "time" is not a context feature'):
        DropEdges(0.5, step_feature="time")(make_graph())
    with pytest.raises(ValueError, match=r'"score" should be an integer feature .got float32'):
        DropEdges(0.5, step_feature="score")(make_graph())


def _fingerprint(graph):
    features = tuple((path, str(to_list(value))) for path, value in features_of(graph).items())
    sizes = tuple(str(to_list(edge_set.sizes)) for edge_set in graph.edge_sets.values())
    return features, sizes


# DropEdges


@pytest.mark.parametrize("hyper", [False, True])
@pytest.mark.parametrize("rate", [0.3, 1.0])
def test_drop_edges_keeps_an_edge_set_together(rate, hyper):
    graph = make_graph(hyper=hyper)
    dropped = DropEdges({"cites": rate}).corrupt(graph, tf.constant(5, tf.uint64))
    before, after = graph.edge_sets["cites"], dropped.edge_sets["cites"]
    kept = after["id"].numpy().astype(int)

    key = reference.derive_key(5, "edge_set:cites")
    edges = np.arange(30)
    expected, _, _, sizes = reference.drop_edges(edges, edges, rate, key, sizes=np.array(CITES))
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_array_equal(after.sizes, sizes)
    assert len(kept) < 30
    np.testing.assert_array_equal(after["weight"], before["weight"].numpy()[kept])

    assert type(after.adjacency) is type(before.adjacency)
    tags = before.adjacency.get_indices_dict()
    assert after.adjacency.get_indices_dict().keys() == tags.keys()
    for tag, (node_set, index) in tags.items():
        assert after.adjacency.node_set_name(tag) == node_set
        np.testing.assert_array_equal(after.adjacency[tag], index.numpy()[kept])

    untouched = [path for path in features_of(graph) if not path.startswith("edge/cites")]
    for path in untouched:
        np.testing.assert_array_equal(features_of(dropped)[path], features_of(graph)[path])
    assert dropped.spec.relax(num_edges=True) == graph.spec.relax(num_edges=True)


def test_drop_edges_of_batched_components():
    tfgnn.enable_graph_tensor_validation_at_runtime()
    try:
        dataset = tf.data.Dataset.from_tensors(make_graph()).repeat(2).batch(2)
        dataset = dataset.map(tfgnn.GraphTensor.merge_batch_to_components)
        dropped = next(iter(dataset.map(DropEdges(0.5, seed=1))))
    finally:
        tfgnn.disable_graph_tensor_validation_at_runtime()
    cites = dropped.edge_sets["cites"]
    ids = cites["id"].numpy()
    bounds = np.cumsum(cites.sizes.numpy())
    assert len(bounds) == 4
    assert bounds[-1] == len(ids) < 60
    for component, part in enumerate(np.split(ids, bounds[:-1])):
        first = component % 2 == 0
        assert np.all((part < CITES[0]) == first)
        nodes = np.cumsum([0, *PAPERS, *PAPERS])
        in_component = cites.adjacency.source.numpy()[bounds[component] - len(part) :][: len(part)]
        assert np.all(in_component >= nodes[component])
        assert np.all(in_component < nodes[component + 1])


def test_drop_edges_wildcard():
    graph = make_graph()
    counts = {}
    for name, rate in {
        "number": 1.0,
        "wildcard": {"*": 1.0},
        "but one": {"*": 1.0, "writes": 0.0},
        "one": {"writes": 1.0},
        "none": 0.0,
    }.items():
        dropped = DropEdges(rate, seed=1)(graph)
        counts[name] = {n: int(e.total_size) for n, e in dropped.edge_sets.items()}
    aux = {"_readout/paper": 20}
    assert counts["number"] == counts["wildcard"] == {"cites": 0, "writes": 0, **aux}
    assert counts["but one"] == {"cites": 0, "writes": 20, **aux}
    assert counts["one"] == {"cites": 30, "writes": 0, **aux}
    assert counts["none"] == {"cites": 30, "writes": 20, **aux}


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_drop_edges_errors_name_the_edge_set(rate):
    with pytest.raises(ValueError, match=r'"cites": rate should be in \[0, 1\]'):
        DropEdges({"cites": rate})
    with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
        DropEdges(rate)
    with pytest.raises(ValueError, match=r"does not have: \['sites'\].*'cites'"):
        DropEdges({"sites": 0.1})(make_graph())


# Compose


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


# Configuration


@BY_CLASS
@pytest.mark.parametrize("options", [{"seed": 5}, {"seed": 5, "step_feature": "step"}])
def test_config_round_trip(number, options):
    original = make_corruptors(name="view", **options)[number]
    config = original.get_config()
    copy = type(original).from_config(config)
    assert copy.get_config() == config
    assert copy.name == "view"
    for step in range(2):
        assert_same_graph(original(make_graph(step)), copy(make_graph(step)))


@BY_CLASS
def test_serialisation_by_registered_name(number):
    original = make_corruptors(seed=5)[number]
    copy = tf.keras.utils.deserialize_keras_object(tf.keras.utils.serialize_keras_object(original))
    assert type(copy) is type(original)
    assert_same_graph(original(make_graph()), copy(make_graph()))


def test_config_keeps_the_auxiliary_patterns():
    original = ShuffleFeaturesGlobally(seed=1, allowed_aux_node_sets_pattern="_readout")
    copy = ShuffleFeaturesGlobally.from_config(original.get_config())
    graph = make_graph()
    assert "node/_readout/label" in changed(graph, copy(graph))


def test_a_corruption_fn_has_no_config():
    with pytest.raises(NotImplementedError, match="cannot be serialised"):
        Corruptor(corruption_fn=lambda value, rate: value, default=1.0).get_config()


# Errors


@pytest.mark.parametrize(
    ("corruptor", "error", "message"),
    [
        (
            DropoutFeatures(CorruptionSpec({"paper": {"code": 0.5}})),
            TypeError,
            'Feature "code" of node set "paper": dropout expects a floating dtype .got int32',
        ),
        (
            DropoutFeatures(CorruptionSpec({"paper": {"title": 0.5}})),
            TypeError,
            'Feature "title" of node set "paper": .*got string',
        ),
        (
            MaskFeatures(CorruptionSpec({"paper": {"tags": 0.5}})),
            TypeError,
            'Feature "tags" of node set "paper": .*no columns',
        ),
        (
            MaskFeatures(CorruptionSpec({}, {"cites": {"weight": 1.5}})),
            ValueError,
            r'Feature "weight" of edge set "cites": rate should be in \[0, 1\] .got 1.5',
        ),
        (
            ShuffleFeaturesGlobally(CorruptionSpec({}, {}, {"score": -0.5})),
            ValueError,
            'Feature "score" of the context: rate should be in',
        ),
        (
            DropoutFeatures(CorruptionSpec({"paper": {"words": float("nan")}})),
            ValueError,
            'Feature "words" of node set "paper": rate should be in',
        ),
    ],
)
def test_errors_name_the_feature(corruptor, error, message):
    extra = {
        "code": tf.range(20),
        "title": tf.strings.as_string(tf.range(20)),
        "tags": tf.RaggedTensor.from_row_lengths(tf.range(190.0), tf.range(20)),
    }
    with pytest.raises(error, match=message):
        corruptor(make_graph(extra=extra))


def test_a_feature_without_an_entry():
    corruptor = Corruptor(
        CorruptionSpec({"paper": {"words": 1.0}}), corruption_fn=lambda value, rate: value
    )
    with pytest.raises(ValueError, match=r'no entry for feature "[a-z]+" of '):
        corruptor(make_graph())


def test_input_should_be_a_graph():
    for corruptor in make_corruptors():
        with pytest.raises(ValueError, match=r"Expected a `GraphTensor` input \(got"):
            corruptor(tf.ones([2, 2]))


# Keras


@pytest.mark.parametrize("number", [0, 4])
@pytest.mark.filterwarnings("ignore:Encoding a StructuredValue:UserWarning")
def test_in_a_functional_model_saved_and_loaded(number, tmp_path):
    graph = make_graph()
    options = {"seed": 5, "step_feature": "step"}
    corruptor, alone = (make_corruptors(**options)[number] for _ in range(2))
    inputs = tf.keras.Input(type_spec=graph.spec.relax(num_edges=True))
    model = tf.keras.Model(inputs, corruptor(inputs))
    assert_same_graph(model(graph), alone(graph))
    model.save(tmp_path / "model", save_format="tf")
    loaded = tf.keras.models.load_model(tmp_path / "model")
    for step in (0, 3):
        assert_same_graph(loaded(make_graph(step)), alone(make_graph(step)))


@pytest.mark.filterwarnings("ignore:Encoding a StructuredValue:UserWarning")
def test_a_saved_sequence_goes_on_where_it_was(tmp_path):
    graph = make_graph()
    corruptor, alone = (ShuffleFeaturesGlobally(seed=5) for _ in range(2))
    inputs = tf.keras.Input(type_spec=graph.spec)
    model = tf.keras.Model(inputs, corruptor(inputs))
    sequence = [_fingerprint(alone(graph)) for _ in range(4)]
    assert [_fingerprint(model(graph)) for _ in range(2)] == sequence[:2]
    model.save(tmp_path / "model", save_format="tf")
    loaded = tf.keras.models.load_model(tmp_path / "model")
    assert [_fingerprint(loaded(graph)) for _ in range(2)] == sequence[2:]
