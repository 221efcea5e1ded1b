"""kernels/sorting: both ways to sort agree with NumPy, for words of any distribution."""

import graph_barlow_twins  # noqa: F401  before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels import sorting

from tests.corruption.values import MODES, in_mode

LARGE = sorting.BUCKET_ROWS + 77
WORDS = {
    "uniform": lambda rng, n: rng.integers(0, 2**32, n),
    "many ties": lambda rng, n: rng.integers(0, 50, n) * 80_000_000,
    "all equal": lambda rng, n: np.full(n, 2**32 - 1),
    "small": lambda rng, n: rng.integers(0, 1000, n),
    "descending": lambda rng, n: np.arange(n)[::-1] * 3,
    "extremes": lambda rng, n: rng.choice([0, 1, 2**31, 2**32 - 1], n),
}


def make_words(kind, rows):
    return WORDS[kind](np.random.default_rng(rows), rows).astype(np.uint32)


def traced(function, mode, rows, *others):
    """The function of words and others in a mode, traced once for all words."""
    if mode == "eager":
        return function
    words = tf.TensorSpec([None if mode == "dynamic graph" else rows], tf.uint32)
    return tf.function(function, input_signature=[words, *others], jit_compile=mode == "xla")


@pytest.mark.parametrize("mode", [*MODES, "dynamic graph"])
@pytest.mark.parametrize("rows", [0, 1, 60, LARGE - 78, LARGE])
def test_argsort(rows, mode):
    function = traced(sorting.stable_argsort, mode, rows)
    for kind in WORDS:
        words = make_words(kind, rows)
        order = function(tf.constant(words))
        assert order.dtype == tf.int32
        np.testing.assert_array_equal(order, np.argsort(words, kind="stable"), err_msg=kind)


@pytest.mark.parametrize("mode", MODES)
def test_argsort_of_64_bits(mode):
    rng = np.random.default_rng(0)
    for words in (rng.integers(0, 2**64, 100, np.uint64), np.uint64([5, 2**64 - 1, 0, 5, 2**63])):
        order = in_mode(sorting.stable_argsort, mode, tf.constant(words))
        np.testing.assert_array_equal(order, np.argsort(words, kind="stable"))


@pytest.mark.parametrize("mode", [*MODES, "dynamic graph"])
@pytest.mark.parametrize("rows", [1, 60, LARGE])
def test_shuffle_order(rows, mode):
    function = traced(sorting.shuffle_order, mode, rows, tf.TensorSpec([], tf.int32))
    for kind in WORDS:
        words = make_words(kind, rows)
        for count in sorted({1, rows // 10, rows // 2, rows - 1, rows} - {0}):
            chosen = np.argsort(words, kind="stable")[:count]
            expected = np.arange(rows)
            expected[np.sort(chosen)] = chosen
            order = function(tf.constant(words), tf.constant(count))
            np.testing.assert_array_equal(order, expected, err_msg=f"{kind} {count}")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rows", [0, 1, 63])
def test_partition_and_inverse(rows, mode):
    for share in (0.0, 0.4, 1.0):
        first = np.random.default_rng(rows).random(rows) < share
        order = in_mode(sorting.stable_partition, mode, tf.constant(first)).numpy()
        expected = np.concatenate([np.flatnonzero(first), np.flatnonzero(~first)])
        np.testing.assert_array_equal(order, expected)
        inverse = in_mode(sorting.inverse_permutation, mode, tf.constant(order))
        np.testing.assert_array_equal(inverse.numpy()[order], np.arange(rows))
