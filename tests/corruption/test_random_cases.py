"""Random cases: eager, graph with dynamic shapes, and XLA agree bit for bit with NumPy.

All that can happen to a feature of one dtype is one program, traced once; a case draws its values,
rows, padding, ids and key. (`pytest -m slow` for every dtype under XLA, and many more cases.)
"""

import functools
import itertools

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.corruption import features as feature_kernels
from graph_barlow_twins.kernels.corruption import graph as graph_kernels
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corruption.values import ALL_DTYPES, FLOATS, as_key, as_reference, assert_same_bits
from tests.sweeps import FULL_SWEEP

ROWS = 9  # of a program under XLA, which wants static shapes
SHUFFLES = [
    ("shuffle_rows", 0.35, ()),
    ("shuffle_rows", 0.9, ("real_rows",)),
    ("shuffle_rows", 0.5, ("real_rows", "ids")),
    ("shuffle_rows", 1.0, ("ids",)),
]
DROPS = [("dropout", 0.03, ()), ("dropout", 0.5, ("ids",)), ("dropout", 0.9, ())]
MASKS = [("mask_columns", 0.35, ()), ("mask_columns", 0.9, ())]

keys = st.integers(0, 2**64 - 1)
seeds = st.integers(0, 10**6)
id_kinds = st.sampled_from(["distinct", "few", "huge", "negative"])


def any_case(examples):
    return settings(derandomize=True, deadline=None, max_examples=examples)


def make_ids(kind, rows, seed):
    rng = np.random.default_rng(seed)
    return {
        "distinct": lambda: rng.permutation(rows) + 1000,
        "few": lambda: rng.integers(0, 3, rows),
        "huge": lambda: rng.integers(-(2**63), 2**63 - 1, rows),
        "negative": lambda: -rng.permutation(rows),
    }[kind]().astype(np.int64)


def make_entries(shape, dtype, seed):
    rng = np.random.default_rng([seed, 1])
    if dtype == "string":
        return tf.constant(rng.integers(0, 1000, shape).astype(str), tf.string, shape)
    return tf.cast(rng.normal(size=shape) * 1000, dtype)


def steps_of(spec):
    """What has a meaning for such a feature."""
    floating = spec.dtype.is_floating
    ragged = isinstance(spec, tf.RaggedTensorSpec)
    return SHUFFLES + DROPS * floating + MASKS * (floating and not ragged)


@functools.cache
def program(spec, mode):
    """All steps, as a function of the feature and what the steps need."""

    def run(value, key, real_rows, ids):
        given = {"real_rows": real_rows, "ids": ids}
        return [
            getattr(feature_kernels, step)(
                value, rate, key, **{name: given[name] for name in names}
            )
            for step, rate, names in steps_of(spec)
        ]

    if mode == "eager":
        return run
    rest = [tf.TensorSpec([], tf.uint64), tf.TensorSpec([], tf.int32)]
    signature = [spec, *rest, tf.TensorSpec([spec.shape[0]], tf.int64)]
    return traced(run, signature, mode)


def traced(function, signature, mode):
    return tf.function(
        function, input_signature=signature, jit_compile=mode == "xla", autograph=False
    )


def check(value, spec, modes, key, share, kind, seed):
    rows = value.shape[0]
    real_rows, ids = round(share * rows), make_ids(kind, rows, seed)
    given = {"real_rows": real_rows, "ids": ids}
    expected = [
        getattr(reference, step)(
            as_reference(value), rate, key, **{name: given[name] for name in names}
        )
        for step, rate, names in steps_of(spec)
    ]
    for mode in modes:
        run = program(tf.type_spec_from_value(value) if mode == "xla" else spec, mode)
        found = run(value, as_key(key), tf.constant(real_rows), tf.constant(ids))
        for actual, wanted in zip(found, expected, strict=True):
            assert_same_bits(actual, wanted)


def check_dense(dtype, modes, rows, seed, **case):
    value = make_entries((rows, 3), dtype, seed)
    check(value, tf.TensorSpec([None, 3], value.dtype), modes, seed=seed, **case)


def check_ragged(dtype, rank, inner, modes, lengths, seed, **case):
    all_lengths = [np.array(lengths, np.int64)]
    rng = np.random.default_rng(seed)
    for _ in range(rank - 1):
        all_lengths.append(rng.integers(0, 3, all_lengths[-1].sum()))
    value = make_entries((all_lengths[-1].sum(), *inner), dtype, seed)
    value = tf.RaggedTensor.from_nested_row_lengths(value, all_lengths)
    spec = tf.RaggedTensorSpec([None] * (rank + 1) + list(inner), value.dtype, rank)
    check(value, spec, modes, seed=seed, **case)


drawn = {"seed": seeds, "key": keys, "share": st.floats(0, 1), "kind": id_kinds}
row_lengths = st.lists(st.integers(0, 4), max_size=12)
MORE_RAGGED = [("float16", 1, (2,)), ("float64", 2, ()), ("bfloat16", 1, ()), ("int32", 2, (2,))]


@any_case(10)
@given(dtype=st.sampled_from(["float32", "string"]), rows=st.integers(0, 12), **drawn)
def test_dense_features_in_a_graph(dtype, rows, **case):
    check_dense(dtype, ("eager", "graph"), rows, **case)


@any_case(20)
@given(**drawn)
def test_dense_features_under_xla(**case):
    check_dense("float32", ("xla",), ROWS, **case)


@any_case(10)
@given(
    ragged=st.sampled_from([("float32", 2, (2,)), ("string", 1, ())]), lengths=row_lengths, **drawn
)
def test_ragged_features_in_a_graph(ragged, **case):
    check_ragged(*ragged, ("eager", "graph"), **case)


@pytest.mark.slow  # a dozen programs to compile
@any_case(400 if FULL_SWEEP else 200)
@given(dtype=st.sampled_from(ALL_DTYPES), **drawn)
def test_any_dtype_in_any_mode(dtype, **case):
    modes = ("eager", "graph", "xla") if dtype in (*FLOATS, "int64") else ("eager", "graph")
    check_dense(dtype, modes, ROWS, **case)


@pytest.mark.slow
@any_case(200)
@given(ragged=st.sampled_from(MORE_RAGGED), lengths=row_lengths, **drawn)
def test_more_ragged_features(ragged, **case):
    check_ragged(*ragged, ("eager", "graph"), **case)


EDGES, NODES = 12, 6  # of three components; the sizes are drawn
# undirected, with ids, static: the last moves dropped edges into the padding.
STRUCTURES = list(itertools.product((False, True), repeat=3))
RATE = 0.4


def structures_in(mode):
    """XLA has no result of a size that chance decides."""
    return [case for case in STRUCTURES if case[2] or mode != "xla"]


@functools.cache
def structure_program(mode):
    """All that the layers do to drop edges: draw, then remove (dynamic) or move (static)."""

    def drop(source, target, sizes, real_components, ids, key):
        found = []
        for undirected, with_ids, static in structures_in(mode):
            pairs = graph_kernels.pair_representatives(source, target) if undirected else None
            far = ids + tf.cast(target, tf.int64)
            names = graph_kernels.edge_ids(ids, far, undirected) if with_ids else None
            kept = tf.logical_not(
                graph_kernels.dropped_rows(
                    key, tf.size(source), RATE, ids=names, representatives=pairs
                )
            )
            if static:
                found.append(graph_kernels.partition_rows(kept, sizes, real_components))
            else:
                found.append(graph_kernels.remove_rows(kept, sizes))
        return found

    if mode == "eager":
        return drop
    edges = EDGES if mode == "xla" else None
    signature = [
        *[tf.TensorSpec([edges], tf.int32)] * 2,
        tf.TensorSpec([3 if mode == "xla" else None], tf.int32),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([edges], tf.int64),
        tf.TensorSpec([], tf.uint64),
    ]
    return traced(drop, signature, mode)


def check_structure(modes, ends, real_components, seed, kind, key):
    source, target = np.random.default_rng(seed).integers(0, NODES, (2, EDGES), dtype=np.int32)
    ids = make_ids(kind, EDGES, seed)
    sizes = np.diff([0, *ends, EDGES]).astype(np.int32)
    expected = {}
    for undirected, with_ids, static in STRUCTURES:
        pairs = reference.pair_representatives(source, target) if undirected else None
        names = reference.edge_ids(ids, ids + target, undirected) if with_ids else None
        kept = ~reference.dropped_rows(key, EDGES, RATE, ids=names, representatives=pairs)
        if static:
            result = reference.partition_rows(kept, sizes, real_components)
        else:
            result = reference.remove_rows(kept, sizes)
        expected[undirected, with_ids, static] = result
    arguments = [tf.constant(x) for x in (source, target, sizes, real_components, ids)]
    for mode in modes:
        found = structure_program(mode)(*arguments, as_key(key))
        for case, actual in zip(structures_in(mode), found, strict=True):
            for value, wanted in zip(actual, expected[case], strict=True):
                np.testing.assert_array_equal(value, wanted, err_msg=f"{mode} {case}")


structure = {
    "ends": st.tuples(st.integers(0, EDGES), st.integers(0, EDGES)).map(sorted),
    "real_components": st.integers(0, 3),
    "seed": seeds,
    "kind": id_kinds,
    "key": keys,
}


@any_case(15)
@given(**structure)
def test_structure(**case):
    check_structure(("graph",), **case)


@pytest.mark.slow
@any_case(100)
@given(**structure)
def test_structure_in_any_mode(**case):
    check_structure(("eager", "graph", "xla"), **case)
