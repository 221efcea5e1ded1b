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


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_remove_rows(mode, dtype):
    for sizes in SIZES:
        kept = np.random.default_rng(3).random(sum(sizes)) < 0.5
        for dynamic in (False, True):
            actual = in_mode(
                kernels.remove_rows, mode, tf.constant(kept), tf.constant(sizes, dtype),
                dynamic=dynamic,
            )  # fmt: skip
            expected = reference.remove_rows(kept, np.array(sizes))
            assert_equal(actual, expected, (tf.int64, dtype))


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
@pytest.mark.parametrize("mode", MODES)
def test_partition_rows(mode, dtype):
    function = kernels.partition_rows
    if mode != "eager":
        function = tf.function(function, jit_compile=mode == "xla")
    for sizes in SIZES[:4]:
        kept = np.random.default_rng(4).random(sum(sizes)) < 0.5
        for real in range(len(sizes) + 1):
            expected = reference.partition_rows(kept, np.array(sizes), real)
            assert expected[1].sum() == sum(sizes)
            actual = function(tf.constant(kept), tf.constant(sizes, dtype), tf.constant(real))
            assert_equal(actual, expected, (tf.int32, dtype, tf.int32))
            if mode == "eager":
                actual = function(tf.constant(kept), tf.constant(sizes, dtype), real)
                assert_equal(actual, expected, (tf.int32, dtype, tf.int32))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("nodes", [1, 3, 30, 2**31 - 1])
def test_pair_representatives(nodes, dtype, mode):
    for edges in (0, 1, 40):
        ends = np.random.default_rng(edges).integers(0, nodes, (2, edges)).astype(dtype)
        first = in_mode(kernels.pair_representatives, mode, *map(tf.constant, ends))
        assert_equal([first], [reference.pair_representatives(*ends)], [tf.int32])


def test_pair_representatives_by_hand():
    source, target = np.array([4, 1, 2, 1, 3, 3, 2]), np.array([1, 4, 2, 3, 1, 3, 2])
    for first in (
        reference.pair_representatives(source, target),
        kernels.pair_representatives(tf.constant(source), tf.constant(target)),
    ):
        np.testing.assert_array_equal(first, [0, 0, 2, 3, 3, 5, 2])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("undirected", [False, True])
def test_edge_ids(undirected, mode):
    ids = np.array([0, 1, -1, 2**63 - 1, -(2**63), 17], np.int64)
    source, target = (ends.reshape(-1) for ends in np.meshgrid(ids, ids))
    actual = in_mode(
        lambda s, t: kernels.edge_ids(s, t, undirected), mode, *map(tf.constant, (source, target))
    )
    assert_equal([actual], [reference.edge_ids(source, target, undirected)], [tf.uint64])
    backwards = kernels.edge_ids(tf.constant(target), tf.constant(source), undirected)
    same = actual.numpy() == backwards.numpy()
    np.testing.assert_array_equal(same, undirected | (source == target))
    assert len(np.unique(actual)) == (21 if undirected else 36)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rate", [0, 0.3, 1])
def test_dropped_rows(rate, mode):
    ids = np.arange(50)[::-1].copy()
    shared = np.arange(50) // 2 * 2
    for keywords in ({}, {"ids": ids}, {"representatives": shared}):
        dropped = in_mode(
            lambda k, w=keywords: kernels.dropped_rows(k, 50, rate, **w), mode, as_key(KEY)
        )
        assert_equal([dropped], [reference.dropped_rows(KEY, 50, rate, **keywords)], [tf.bool])
        if rate in (0, 1):
            assert np.all(dropped.numpy() == bool(rate))


@pytest.mark.parametrize("rate", [float("nan"), -0.1, 1.1])
def test_rate_errors(rate):
    with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
        kernels.dropped_rows(as_key(KEY), 3, rate)
    with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
        reference.dropped_rows(KEY, 3, rate)


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
