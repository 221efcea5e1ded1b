"""kernels/sorting: both ways to sort agree with NumPy, for words of any distribution."""

from functools import cache

import graph_barlow_twins  # noqa: F401  before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels import sorting

LARGE = sorting.BUCKET_ROWS + 77
WORDS = {
    "uniform": lambda rng, n: rng.integers(0, 2**32, n),
    "many ties": lambda rng, n: rng.integers(0, 50, n) * 80_000_000,
    "all equal": lambda rng, n: np.full(n, 2**32 - 1),
    "small": lambda rng, n: rng.integers(0, 1000, n),
    "descending": lambda rng, n: np.arange(n)[::-1] * 3,
    "extremes": lambda rng, n: rng.choice([0, 1, 2**31, 2**32 - 1], n),
}
# XLA has one way to sort, whatever the size; compiling it takes time.
CASES = [
    *(("eager", rows) for rows in (0, 1, 60, LARGE - 78, LARGE)),
    *(("graph", rows) for rows in (60, LARGE)),
    *(("dynamic graph", rows) for rows in (0, 1, 60, LARGE)),
    *(("xla", rows) for rows in (1, 60)),
]


def make_words(kind, rows):
    return WORDS[kind](np.random.default_rng(rows), rows).astype(np.uint32)


@cache
def traced(function, mode, rows, *others):
    """The function of words and others in a mode, traced once for all words."""
    if mode == "eager":
        return function
    spec = tf.TensorSpec([rows], tf.uint32)
    return tf.function(
        function, input_signature=[spec, *others], jit_compile=mode == "xla", autograph=False
    )


def in_mode(function, mode, rows, *others):
    return traced(function, mode, None if mode == "dynamic graph" else rows, *others)


@pytest.mark.parametrize(("mode", "rows"), CASES)
def test_argsort(mode, rows):
    function = in_mode(sorting.stable_argsort, mode, rows)
    for kind in WORDS:
        words = make_words(kind, rows)
        order = function(tf.constant(words))
        assert order.dtype == tf.int32
        np.testing.assert_array_equal(order, np.argsort(words, kind="stable"), err_msg=kind)


@pytest.mark.parametrize("mode", ["eager", "xla"])
def test_argsort_of_64_bits(mode):
    function = tf.function(sorting.stable_argsort, jit_compile=True, autograph=False)
    function = sorting.stable_argsort if mode == "eager" else function
    words = np.r_[np.uint64([5, 2**64 - 1, 0, 5, 2**63, 2**32]), np.arange(9, dtype=np.uint64)]
    np.testing.assert_array_equal(function(tf.constant(words)), np.argsort(words, kind="stable"))


@pytest.mark.parametrize(("mode", "rows"), [case for case in CASES if case[1] in (1, 60, LARGE)])
def test_shuffle_order(mode, rows):
    function = in_mode(sorting.shuffle_order, mode, rows, tf.TensorSpec([], tf.int32))
    for kind in WORDS:
        words = make_words(kind, rows)
        for count in sorted({1, rows // 10, rows // 2, rows - 1, rows} - {0}):
            chosen = np.argsort(words, kind="stable")[:count]
            expected = np.arange(rows)
            expected[np.sort(chosen)] = chosen
            order = function(tf.constant(words), tf.constant(count))
            np.testing.assert_array_equal(order, expected, err_msg=f"{kind} {count}")


def test_a_static_number_of_rows_stays_static():
    for rows in (60, LARGE):
        for function in (sorting.stable_argsort, lambda words: sorting.shuffle_order(words, 7)):
            spec = [tf.TensorSpec([rows], tf.uint32)]
            call = tf.function(function, input_signature=spec, autograph=False)
            assert call.get_concrete_function().output_shapes == [rows]


@pytest.mark.parametrize(("mode", "rows"), [("eager", 0), ("eager", 1), ("eager", 63), ("xla", 9)])
def test_partition_and_inverse(mode, rows):
    def both(first):
        order = sorting.stable_partition(first)
        return order, sorting.inverse_permutation(order)

    function = both if mode == "eager" else tf.function(both, jit_compile=True, autograph=False)
    for share in (0.0, 0.4, 1.0):
        first = np.random.default_rng(rows).random(rows) < share
        order, inverse = function(tf.constant(first))
        expected = np.concatenate([np.flatnonzero(first), np.flatnonzero(~first)])
        np.testing.assert_array_equal(order, expected)
        np.testing.assert_array_equal(inverse.numpy()[order.numpy()], np.arange(rows))
