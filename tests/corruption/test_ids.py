"""Draws by the ids of rows do not depend on positions; padding rows take no part."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels import sorting
from graph_barlow_twins.kernels.corruption import features as kernels

from tests.corruption.values import (
    ALL_DTYPES,
    FLOATS,
    KEY,
    MODES,
    as_key,
    as_reference,
    assert_same_bits,
    make_ragged,
    make_value,
)

IDS = np.array([2**40, 5, -1, 0, 77, 78, 79, 2**62, 3, 4], np.int64)
LARGE = sorting.BUCKET_ROWS + 5


PADDED = [(rate, with_ids) for rate in (0.3, 1.0) for with_ids in (False, True)]


def shuffled_rows(rows, key, real_rows, ids):
    """The kernels' indices at every rate, with and without ids."""
    return [
        kernels.shuffled_row_indices(
            rows, rate, key, real_rows=real_rows, ids=ids if with_ids else None
        )
        for rate, with_ids in PADDED
    ]


def assert_padded_shuffles(found, rows, real_rows, ids):
    for (rate, with_ids), indices in zip(PADDED, found, strict=True):
        expected = reference.shuffled_row_indices(
            rows, rate, KEY, real_rows=real_rows, ids=ids if with_ids else None
        )
        assert indices.shape == (rows,)
        np.testing.assert_array_equal(indices, expected, err_msg=f"{rate} {with_ids} {real_rows}")
        np.testing.assert_array_equal(indices[real_rows:], np.arange(real_rows, rows))


@pytest.mark.parametrize("mode", MODES)
def test_padding_rows_stay(mode):
    spec = [tf.TensorSpec([], dtype) for dtype in (tf.uint64, tf.int32)]
    function = lambda key, real: shuffled_rows(10, key, real, IDS)  # noqa: E731
    if mode != "eager":
        function = tf.function(
            function, input_signature=spec, jit_compile=mode == "xla", autograph=False
        )
    for real_rows in (0, 6) if mode == "eager" else (0, 1, 6, 10):
        found = function(as_key(KEY), tf.constant(real_rows))
        assert_padded_shuffles(found, 10, real_rows, IDS)
    if mode == "eager":
        assert_padded_shuffles(shuffled_rows(10, as_key(KEY), 6, IDS), 10, 6, IDS)


def test_padded_features():
    for value in (make_value((10, 3), "float32"), make_ragged("string", 2)):
        for keywords in ({}, {"ids": IDS[: value.shape[0]]}):
            keywords["real_rows"] = 4
            expected = reference.shuffle_rows(as_reference(value), 0.6, KEY, **keywords)
            found = kernels.shuffle_rows(value, 0.6, as_key(KEY), **keywords)
            assert_same_bits(found, expected)


@pytest.mark.parametrize("with_ids", [False, True])
def test_real_rows_do_not_see_how_many_rows_of_padding_follow(with_ids):
    value = np.arange(60)
    ids = np.arange(60) * 7 if with_ids else None
    short = reference.shuffle_rows(value[:50], 0.7, KEY, real_rows=40, ids=ids)
    long = reference.shuffle_rows(value, 0.7, KEY, real_rows=40, ids=ids)
    np.testing.assert_array_equal(long[:50], short)
    assert np.any(long != value)


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_large_padded_features(mode):
    """From this size on another way to sort, but under XLA."""
    ids = np.random.default_rng(0).permutation(LARGE)
    function = lambda key, real: shuffled_rows(LARGE, key, real, ids)  # noqa: E731
    function = function if mode == "eager" else tf.function(function, autograph=False)
    for real_rows in (100, LARGE - 3)[mode == "eager" :]:
        assert_padded_shuffles(function(as_key(KEY), tf.constant(real_rows)), LARGE, real_rows, ids)


@pytest.mark.parametrize(
    ("dtype", "id_dtype"),
    [*((dtype, "int64") for dtype in ALL_DTYPES)]
    + [("float32", id_dtype) for id_dtype in ("int32", "uint8", "uint64")],
)
def test_dtypes(dtype, id_dtype):
    ids = np.array([7, 3, 255, 0, 8], np.uint8).astype(id_dtype)
    if id_dtype.startswith("int"):
        ids[1] = -5
    for value in (make_value((5, 2), dtype), make_ragged(dtype, 1)[:5], make_ragged(dtype, 2)):
        operations = ["shuffle_rows", *(["dropout"] if dtype in FLOATS else [])]
        for operation in operations:
            expected = getattr(reference, operation)(as_reference(value), 0.6, KEY, ids=ids)
            actual = getattr(kernels, operation)(value, 0.6, as_key(KEY), ids=tf.constant(ids))
            assert_same_bits(actual, expected)


@pytest.mark.parametrize("rate", [0.4, 1.0])
def test_permuting_the_rows_permutes_the_result(rate):
    value = np.random.default_rng(0).normal(size=(10, 4))
    ragged = reference.Ragged(np.arange(26.0), np.array([0, 2, 2, 5, 6, 9, 13, 14, 20, 21, 26]))
    order = np.random.default_rng(1).permutation(10)
    for operation in (reference.shuffle_rows, reference.dropout):
        result = operation(value, rate, KEY, ids=IDS)
        moved = operation(value[order], rate, KEY, ids=IDS[order])
        np.testing.assert_array_equal(moved, result[order])
        result = reference.take_rows(operation(ragged, rate, KEY, ids=IDS), order)
        moved = operation(reference.take_rows(ragged, order), rate, KEY, ids=IDS[order])
        np.testing.assert_array_equal(moved.values, result.values)
        np.testing.assert_array_equal(moved.row_splits, result.row_splits)


def test_a_node_keeps_its_draws_in_another_batch():
    """Dropout and drops by id: alone, among others, at another position."""
    value = np.ones((10, 6))
    together = reference.dropout(value, 0.5, KEY, ids=IDS)
    dropped = reference.dropped_rows(KEY, 10, 0.5, ids=IDS)
    for i in range(10):
        alone = reference.dropout(value[:1], 0.5, KEY, ids=IDS[i : i + 1])
        np.testing.assert_array_equal(alone[0], together[i])
        assert reference.dropped_rows(KEY, 1, 0.5, ids=IDS[i : i + 1])[0] == dropped[i]


def test_partial_shuffle_moves_the_smallest_words_only():
    words = reference.row_words(KEY, IDS, 1)[:, 0]
    rows = reference.shuffled_row_indices(10, 0.4, KEY, ids=IDS)
    chosen = np.argsort(words, kind="stable")[:4]
    rest = np.setdiff1d(np.arange(10), chosen)
    np.testing.assert_array_equal(rows[rest], rest)
    np.testing.assert_array_equal(np.sort(rows[chosen]), np.sort(chosen))
    by_id = chosen[np.argsort(IDS[chosen].astype(np.uint64))]
    np.testing.assert_array_equal(rows[by_id], chosen)  # ascending ids get ascending words


def test_joint_shuffle_keeps_rows_together():
    rows = kernels.shuffled_row_indices(10, 0.7, as_key(KEY))
    left, right = tf.range(10), tf.range(10) * 3
    np.testing.assert_array_equal(tf.gather(right, rows), 3 * tf.gather(left, rows).numpy())


@pytest.mark.parametrize("ids", [np.zeros(3), np.array(["a", "b", "c"]), np.zeros(3, bool)])
def test_ids_are_integers(ids):
    for operation in (kernels.shuffle_rows, kernels.dropout):
        with pytest.raises(TypeError, match="ids should be integers"):
            operation(tf.ones([3, 2]), 0.5, as_key(KEY), ids=tf.constant(ids))
    for operation in (reference.shuffle_rows, reference.dropout):
        with pytest.raises(TypeError, match="ids should be integers"):
            operation(np.ones((3, 2)), 0.5, KEY, ids=ids)
