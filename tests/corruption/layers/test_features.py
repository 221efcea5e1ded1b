"""What a corruptor does to a feature, of which dtype, and the errors that name the feature."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.tfgnn_task import (
    CorruptionSpec,
    Corruptor,
    DropoutFeatures,
    MaskFeatures,
    ShuffleFeaturesGlobally,
)

from tests.corruption.graphs import (
    assert_same_graph,
    changed,
    features_of,
    make_corruptors,
    make_graph,
    same,
    small_graph,
    to_list,
)


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


# Errors

MIXED = {
    "code": tf.range(20),
    "title": tf.strings.as_string(tf.range(20)),
    "tags": tf.RaggedTensor.from_row_lengths(tf.range(190.0), tf.range(20)),
}
SKIPPED = ("code", "title", "step")


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
            DropoutFeatures(default=0.5),
            TypeError,
            'Feature "code" of node set "paper": .*got int32',
        ),
        (
            MaskFeatures(CorruptionSpec({"paper": {"tags": 0.5}})),
            TypeError,
            'Feature "tags" of node set "paper": .*no columns',
        ),
    ],
)
def test_errors_name_the_feature(corruptor, error, message):
    graph = make_graph(step=None, extra=MIXED)
    with pytest.raises(error, match=message):
        corruptor(graph)


class UnscalableError(ValueError):
    """An error that is made from other arguments than a message."""

    def __init__(self, factor, reason):
        super().__init__(f"{factor}: {reason}")
        self.factor = factor


def test_an_error_of_a_users_own_type_stays_what_it_is():
    raised = UnscalableError(3.0, "too much")

    def corrupt(value, factor):
        raise raised

    corruptor = Corruptor(corruption_fn=corrupt, default=3.0)
    with pytest.raises(UnscalableError) as caught:
        corruptor.corrupt(make_graph(), tf.constant(1, tf.uint64))
    assert caught.value is raised
    if hasattr(raised, "add_note"):  # Python 3.11
        assert raised.__notes__ == ['Feature "score" of the context']
    # A ValueError of five arguments.
    decode = Corruptor(corruption_fn=lambda value, _: b"\xff".decode(), default=1.0)
    with pytest.raises(UnicodeDecodeError):
        decode.corrupt(make_graph(), tf.constant(1, tf.uint64))


@pytest.mark.parametrize(
    "corruptor_class", [DropoutFeatures, MaskFeatures, ShuffleFeaturesGlobally]
)
@pytest.mark.parametrize(
    ("spec", "where"),
    [
        (({"paper": {"words": None}},), 'Feature "words" of node set "paper"'),
        (({}, {"cites": {"weight": None}}), 'Feature "weight" of edge set "cites"'),
        (({}, {}, {"score": None}), 'Feature "score" of the context'),
        (({"*": {"*": None}},), 'Feature "[*]" of node set "[*]"'),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("rate", "error", "message"),
    [
        (1.5, ValueError, r"rate should be in \[0, 1\] .got 1.5"),
        (-0.5, ValueError, r"rate should be in \[0, 1\] .got -0.5"),
        (float("nan"), ValueError, r"rate should be in \[0, 1\] .got nan"),
        (True, TypeError, "rate should be a number .got True"),
        ("0.5", TypeError, "rate should be a number .got '0.5'"),
        (None, TypeError, "rate should be a number .got None"),
    ],
)
def test_rates_are_checked_at_construction(corruptor_class, spec, where, rate, error, message):
    spec = [
        {name: {f: rate for f in v} if isinstance(v, dict) else rate for name, v in part.items()}
        for part in spec
    ]
    with pytest.raises(error, match=f"{where}: {message}"):
        corruptor_class(CorruptionSpec(*spec))


def test_a_default_rate_is_checked_at_construction():
    with pytest.raises(ValueError, match=r'Feature "[*]" of the context: rate should be in'):
        DropoutFeatures(default=1.5)


def test_skip_non_floating():
    graph = make_graph(step=3, extra=MIXED)
    corrupted = DropoutFeatures(default=1.0, skip_non_floating=True)(graph)
    expected = {path for path, v in features_of(graph).items() if not path.endswith(SKIPPED)}
    # auxiliary sets are left alone
    assert changed(graph, corrupted) == {p for p in expected if "_readout" not in p}
    with pytest.raises(TypeError, match='Feature "code" of node set "paper"'):
        DropoutFeatures(CorruptionSpec({"*": {"code": 1.0}}), skip_non_floating=True)(graph)


# Joint shuffles


def test_a_joint_shuffle_keeps_a_rows_features_together():
    ragged = tf.RaggedTensor.from_row_lengths(tf.range(190), tf.range(20))
    graph = make_graph(extra={"row": tf.range(20), "twin": tf.range(20), "tags": ragged})
    spec = CorruptionSpec({"paper": {"year": 0.0}}, context_corruption={"step": 0.0})
    for rate in (1.0, 0.5):
        shuffle = ShuffleFeaturesGlobally(
            spec.with_default(rate), joint=True, default=rate, padding=None
        )
        before = graph.node_sets["paper"]
        after = shuffle.corrupt(graph, tf.constant(9, tf.uint64)).node_sets["paper"]
        rows = after["row"]
        key = reference.derive_key(reference.derive_key(9, "node_set:paper"), "*")
        np.testing.assert_array_equal(rows, reference.shuffle_rows(np.arange(20), rate, key))
        for name in ("words", "twin", "tags"):
            assert same(after[name], tf.gather(before[name], rows))
        assert same(after["year"], before["year"])


def test_a_joint_shuffle_needs_one_rate():
    spec = CorruptionSpec({"paper": {"words": 0.5}})
    with pytest.raises(ValueError, match=r'joint=True needs one rate .* node set "paper"'):
        ShuffleFeaturesGlobally(spec, joint=True)(make_graph())


# XLA


@pytest.mark.slow
@pytest.mark.parametrize("joint", [False, True])
def test_a_ragged_feature_where_xla_needs_dense(joint):
    tags = tf.RaggedTensor.from_row_lengths(tf.range(190), tf.range(20))
    graph = small_graph().replace_features(node_sets={"paper": {"tags": tags}})
    corrupt = tf.function(
        ShuffleFeaturesGlobally(seed=1, joint=joint), jit_compile=True, autograph=False
    )
    with pytest.raises(ValueError, match='"tags" of node set "paper": XLA needs a dense feature'):
        corrupt(graph)


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
