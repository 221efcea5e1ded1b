"""kernels/corruption/graph equal to reference/corruption/graph, and what it promises."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.corruption import graph as kernels

from tests.corruption.values import KEY, MODES, as_key, in_mode

SIZES = ([0], [5], [3, 0, 4], [2, 0, 0, 3, 1], [0, 0])


def assert_equal(actual, expected, dtypes):
    for value, wanted, dtype in zip(actual, expected, dtypes, strict=True):
        assert value.dtype == dtype
        np.testing.assert_array_equal(value, wanted)


@pytest.mark.parametrize(
    ("mode", "dtype"), [("eager", tf.int32), ("eager", tf.int64), ("graph", tf.int32)]
)
def test_remove_rows(mode, dtype):
    function = kernels.remove_rows
    if mode == "graph":
        spec = [tf.TensorSpec([None], tf.bool), tf.TensorSpec([None], dtype)]
        function = tf.function(function, input_signature=spec, autograph=False)
    for sizes in SIZES:
        for rate in (0.0, 0.5, 1.0):
            kept = np.random.default_rng(3).random(sum(sizes)) < rate
            actual = function(tf.constant(kept), tf.constant(sizes, dtype))
            assert_equal(actual, reference.remove_rows(kept, np.array(sizes)), (tf.int64, dtype))


@pytest.mark.parametrize(
    ("mode", "dtype"),
    [("eager", tf.int32), ("eager", tf.int64), ("graph", tf.int64), ("xla", tf.int32)],
)
def test_partition_rows(mode, dtype):
    function = kernels.partition_rows
    if mode == "graph":
        spec = [tf.TensorSpec([None], d) for d in (tf.bool, dtype)] + [tf.TensorSpec([], tf.int32)]
        function = tf.function(function, input_signature=spec, autograph=False)
    if mode == "xla":  # which compiles for each shape
        function = tf.function(function, jit_compile=True, autograph=False)
    for sizes in SIZES[3:4] if mode == "xla" else SIZES[:4]:
        kept = np.random.default_rng(4).random(sum(sizes)) < 0.5
        for real in range(len(sizes) + 1):
            expected = reference.partition_rows(kept, np.array(sizes), real)
            assert expected[1].sum() == sum(sizes)
            for given in (tf.constant(real), *([real] if mode == "eager" else [])):
                actual = function(tf.constant(kept), tf.constant(sizes, dtype), given)
                assert_equal(actual, expected, (tf.int32, dtype, tf.int32))


@pytest.mark.parametrize(
    ("mode", "dtype"),
    [("eager", np.int32), ("eager", np.int64), ("graph", np.int64), ("xla", np.int32)],
)
def test_pair_representatives(mode, dtype):
    spec = [tf.TensorSpec([40 if mode == "xla" else None], dtype)] * 2
    function = kernels.pair_representatives
    if mode != "eager":
        function = tf.function(
            function, input_signature=spec, jit_compile=mode == "xla", autograph=False
        )
    for edges in (40,) if mode == "xla" else (0, 1, 40):
        for nodes in (1, 3, 30, 2**31 - 1):
            ends = np.random.default_rng(edges).integers(0, nodes, (2, edges)).astype(dtype)
            first = function(*map(tf.constant, ends))
            assert_equal([first], [reference.pair_representatives(*ends)], [tf.int32])


def test_pair_representatives_by_hand():
    source, target = np.array([4, 1, 2, 1, 3, 3, 2]), np.array([1, 4, 2, 3, 1, 3, 2])
    for first in (
        reference.pair_representatives(source, target),
        kernels.pair_representatives(tf.constant(source), tf.constant(target)),
    ):
        np.testing.assert_array_equal(first, [0, 0, 2, 3, 3, 5, 2])


@pytest.mark.parametrize("mode", MODES)
def test_edge_ids(mode):
    ids = np.array([0, 1, -1, 2**63 - 1, -(2**63), 17], np.int64)
    source, target = (ends.reshape(-1) for ends in np.meshgrid(ids, ids))

    def both(source, target):
        return [kernels.edge_ids(source, target, undirected) for undirected in (False, True)]

    found = in_mode(both, mode, *map(tf.constant, (source, target)))
    expected = [reference.edge_ids(source, target, undirected) for undirected in (False, True)]
    assert_equal(found, expected, [tf.uint64] * 2)
    for actual, undirected in zip(found, (False, True), strict=True):
        backwards = kernels.edge_ids(tf.constant(target), tf.constant(source), undirected)
        same = actual.numpy() == backwards.numpy()
        np.testing.assert_array_equal(same, undirected | (source == target))
        assert len(np.unique(actual)) == (21 if undirected else 36)


@pytest.mark.parametrize("mode", MODES)
def test_dropped_rows(mode):
    keywords = {}, {"ids": np.arange(50)[::-1].copy()}, {"representatives": np.arange(50) // 2 * 2}
    cases = [(0, keywords[0]), (1, keywords[1]), *((0.3, one) for one in keywords)]
    found = in_mode(
        lambda k: [kernels.dropped_rows(k, 50, rate, **one) for rate, one in cases],
        mode,
        as_key(KEY),
    )
    for (rate, one), dropped in zip(cases, found, strict=True):
        assert_equal([dropped], [reference.dropped_rows(KEY, 50, rate, **one)], [tf.bool])
        if rate in (0, 1):
            assert np.all(dropped.numpy() == bool(rate))


def drop_edges_with_kernels(source, target, rate, sizes, undirected, padding):
    """The layers' recipe, as in reference.drop_edges."""
    source, target, sizes = (tf.constant(x) for x in (source, target, sizes))
    count = len(source)
    pairs = kernels.pair_representatives(source, target) if undirected else None
    kept = ~kernels.dropped_rows(as_key(KEY), count, rate, representatives=pairs)
    if padding is None:
        rows, sizes = kernels.remove_rows(kept, sizes)
        return tf.gather(source, rows), tf.gather(target, rows), rows, sizes
    real_components, *nodes = padding
    row = tf.range(count, dtype=sizes.dtype)
    real_edges = tf.reduce_sum(sizes[:real_components])
    order, sizes, kept_real = kernels.partition_rows(
        kept | (row >= real_edges), sizes, real_components
    )
    moved = (row >= tf.cast(kept_real, row.dtype)) & (row < real_edges)
    source, target = (
        tf.where(moved, node, tf.gather(ends, order))
        for ends, node in zip((source, target), nodes, strict=True)
    )
    return source, target, tf.where(moved, 0, order), sizes


@pytest.mark.parametrize("padding", [None, (2, 8, 8)])
@pytest.mark.parametrize("undirected", [False, True])
@pytest.mark.parametrize("rate", [0.0, 0.4, 1.0])
def test_drop_edges(rate, undirected, padding):
    rng = np.random.default_rng(0)
    source, target = np.concatenate(
        [rng.integers(0, 4, (2, 20)), rng.integers(4, 8, (2, 20)), np.full((2, 10), 8)], axis=1
    )
    sizes = np.array([20, 20, 10])
    numbers = np.arange(50)
    *expected, new_sizes = reference.drop_edges(
        source, target, rate, KEY, features={"number": numbers}, sizes=sizes,
        undirected=undirected, padding=padding,
    )  # fmt: skip
    expected[2] = expected[2]["number"]
    actual = drop_edges_with_kernels(source, target, rate, sizes, undirected, padding)
    for value, wanted in zip(actual, (*expected, new_sizes), strict=True):
        np.testing.assert_array_equal(value, wanted)
    new_source, new_target, kept_numbers = expected
    assert new_sizes.sum() == len(new_source) == (50 if padding else len(kept_numbers))
    # Edges stay in their component, with their number.
    ends = np.cumsum(new_sizes)
    for component, nodes in enumerate([range(4), range(4, 8), [8]]):
        part = slice(ends[component] - new_sizes[component], ends[component])
        assert np.isin(new_source[part], nodes).all()
        assert np.isin(new_target[part], nodes).all()
        if component < 2:
            np.testing.assert_array_equal(source[kept_numbers[part]], new_source[part])
            np.testing.assert_array_equal(target[kept_numbers[part]], new_target[part])
