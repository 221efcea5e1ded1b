"""A thousand random cases: eager, graph with dynamic shapes, and XLA agree bit for bit with NumPy.

Rates are part of a traced program, so a case draws one of a few programs and everything else anew;
a program is traced once (`functools.lru_cache`).
"""

import functools

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import tensorflow as tf
from graph_barlow_twins.kernels.corruption import features as kernels
from graph_barlow_twins.kernels.corruption import graph as corruption_graph
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corruption.values import ALL_DTYPES, FLOATS, as_key, as_reference, assert_same_bits

RATES = (0.03, 0.35, 0.5, 0.9, 1.0)
VARIANTS = ("plain", "padded", "ids", "padded ids")
ROWS = (7, 12)  # XLA wants static shapes: two of them
# operation, dtype, rate, variant: every dtype meets several rates and variants, not all pairs.
DENSE = [
    ("shuffle_rows", dtype, RATES[(2 * i + j) % 5], VARIANTS[(i + j) % 4])
    for i, dtype in enumerate(ALL_DTYPES)
    for j in range(2)
]
DENSE += [
    ("dropout", dtype, RATES[(i + 2 * j) % 5], variant)
    for i, dtype in enumerate(FLOATS)
    for j, variant in enumerate(("plain", "ids"))
]
DENSE += [("mask_columns", dtype, RATES[i + 1], "plain") for i, dtype in enumerate(FLOATS)]
RAGGED = [case for case in DENSE if case[0] != "mask_columns"]

keys = st.integers(0, 2**64 - 1)
id_kinds = st.sampled_from(["distinct", "few", "huge", "negative"])


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


def optional(variant, real_rows, ids):
    """The keyword arguments that a variant passes on."""
    keywords = {}
    if "padded" in variant:
        keywords["real_rows"] = real_rows
    if "ids" in variant:
        keywords["ids"] = ids
    return keywords


@functools.lru_cache(None)
def feature_program(operation, rate, variant, spec, jit_compile):
    ours = getattr(kernels, operation)
    return tf.function(
        lambda value, key, real, ids: ours(value, rate, key, **optional(variant, real, ids)),
        input_signature=[
            spec,
            tf.TensorSpec([], tf.uint64),
            tf.TensorSpec([], tf.int32),
            tf.TensorSpec([spec.shape[0]], tf.int64),
        ],
        jit_compile=jit_compile,
    )


def check_feature(case, value, dynamic_spec, key, real_rows, ids):
    operation, _, rate, variant = case
    keywords = optional(variant, real_rows, ids)
    expected = getattr(reference, operation)(as_reference(value), rate, key, **keywords)
    arguments = value, as_key(key), tf.constant(real_rows), tf.constant(ids, tf.int64)
    keywords = optional(variant, *arguments[2:])
    assert_same_bits(getattr(kernels, operation)(value, rate, as_key(key), **keywords), expected)
    graph = feature_program(operation, rate, variant, dynamic_spec, None)
    assert_same_bits(graph(*arguments), expected)
    if not isinstance(value, tf.RaggedTensor) and value.dtype != tf.string:
        spec = tf.TensorSpec(value.shape, value.dtype)
        xla = feature_program(operation, rate, variant, spec, True)
        assert_same_bits(xla(*arguments), expected)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(
    case=st.sampled_from(DENSE),
    rows=st.sampled_from(ROWS),
    seed=st.integers(0, 10**6),
    key=keys,
    share=st.floats(0, 1),
    kind=id_kinds,
)
def test_dense_features(case, rows, seed, key, share, kind):
    value = make_entries((rows, 3), case[1], seed)
    spec = tf.TensorSpec([None, 3], value.dtype)
    check_feature(case, value, spec, key, round(share * rows), make_ids(kind, rows, seed))


@settings(derandomize=True, deadline=None, max_examples=250)
@given(
    case=st.sampled_from(RAGGED),
    lengths=st.lists(st.integers(0, 4), max_size=12),
    rank=st.sampled_from([1, 2]),
    inner=st.sampled_from([(), (2,)]),
    seed=st.integers(0, 10**6),
    key=keys,
    share=st.floats(0, 1),
    kind=id_kinds,
)
def test_ragged_features(case, lengths, rank, inner, seed, key, share, kind):
    rng = np.random.default_rng(seed)
    all_lengths = [np.array(lengths, np.int64)]
    for _ in range(rank - 1):
        all_lengths.append(rng.integers(0, 3, all_lengths[-1].sum()))
    value = make_entries((all_lengths[-1].sum(), *inner), case[1], seed)
    value = tf.RaggedTensor.from_nested_row_lengths(value, all_lengths)
    spec = tf.RaggedTensorSpec([None] * (rank + 1) + list(inner), value.dtype, rank)
    rows = len(lengths)
    check_feature(case, value, spec, key, round(share * rows), make_ids(kind, rows, seed))


EDGES, NODES = 12, 6  # of three components; the sizes are drawn


@functools.lru_cache(None)
def structure_program(rate, undirected, with_ids, static, mode):
    """All that the layers do to drop edges: draw, then remove (dynamic) or move (static)."""

    def draw(source, target, sizes, real_components, ids, key):
        pairs = corruption_graph.pair_representatives(source, target) if undirected else None
        names = (
            corruption_graph.edge_ids(ids, ids + tf.cast(target, tf.int64), undirected)
            if with_ids
            else None
        )
        dropped = corruption_graph.dropped_rows(
            key, tf.size(source), rate, ids=names, representatives=pairs
        )
        if static:
            return corruption_graph.partition_rows(tf.logical_not(dropped), sizes, real_components)
        return corruption_graph.remove_rows(tf.logical_not(dropped), sizes)

    if mode == "eager":
        return draw
    edges = tf.TensorSpec([EDGES if mode == "xla" else None], tf.int32)
    ids = tf.TensorSpec(edges.shape, tf.int64)
    sizes = tf.TensorSpec([3 if mode == "xla" else None], tf.int32)
    signature = [
        edges,
        edges,
        sizes,
        tf.TensorSpec([], tf.int32),
        ids,
        tf.TensorSpec([], tf.uint64),
    ]
    return tf.function(draw, input_signature=signature, jit_compile=mode == "xla")


@settings(derandomize=True, deadline=None, max_examples=250)
@given(
    rate=st.sampled_from((0.0, 0.4, 1.0)),
    undirected=st.booleans(),
    with_ids=st.booleans(),
    static=st.booleans(),
    ends=st.tuples(st.integers(0, EDGES), st.integers(0, EDGES)).map(sorted),
    real_components=st.integers(0, 3),
    seed=st.integers(0, 10**6),
    kind=id_kinds,
    key=keys,
)
def test_structure(rate, undirected, with_ids, static, ends, real_components, seed, kind, key):
    source, target = np.random.default_rng(seed).integers(0, NODES, (2, EDGES), dtype=np.int32)
    ids = make_ids(kind, EDGES, seed)
    sizes = np.diff([0, *ends, EDGES]).astype(np.int32)
    pairs = reference.pair_representatives(source, target) if undirected else None
    names = reference.edge_ids(ids, ids + target, undirected) if with_ids else None
    kept = ~reference.dropped_rows(key, EDGES, rate, ids=names, representatives=pairs)
    if static:
        expected = reference.partition_rows(kept, sizes, real_components)
    else:
        expected = reference.remove_rows(kept, sizes)
    arguments = [tf.constant(x) for x in (source, target, sizes, real_components, ids)]
    # XLA has no result of a size that chance decides.
    for mode in ("eager", "graph", "xla")[: 3 if static else 2]:
        program = structure_program(rate, undirected, with_ids, static, mode)
        for actual, wanted in zip(program(*arguments, as_key(key)), expected, strict=True):
            np.testing.assert_array_equal(actual, wanted, err_msg=mode)
