"""kernels/random bit for bit equal to reference/random."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels import random as kernels
from graph_barlow_twins.reference import random as reference_random
from hypothesis import given, settings
from hypothesis import strategies as st

MODES = ("eager", "graph", "xla")
COUNTS = (0, 1, 3, 4, 5, 63, 1000)
WORDS = (0, 1, 0xFFFFFFFF, 2**32, 2**63, 0x0123456789ABCDEF, 2**64 - 1)


def in_mode(function, mode, *arguments):
    """Calls the function eagerly, as a graph, or compiled by XLA."""
    if mode == "eager":
        return function(*arguments)
    return tf.function(function, jit_compile=mode == "xla")(*arguments)


def as_key(key):
    return tf.constant(key, tf.uint64)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", COUNTS)
def test_counts(count, mode):
    key = 0x299F31D0A4093822
    bits = in_mode(lambda k: kernels.random_bits(k, count), mode, as_key(key))
    assert bits.dtype == tf.uint32
    assert bits.shape == (count,)
    np.testing.assert_array_equal(bits, reference.random_bits(key, count))


@pytest.mark.parametrize("mode", MODES)
def test_keys_and_streams(mode):
    function = lambda k, s: kernels.random_bits(k, 6, stream=s)  # noqa: E731
    if mode != "eager":
        function = tf.function(function, jit_compile=mode == "xla")
    for key in WORDS:
        for stream in WORDS:
            bits = function(as_key(key), as_key(stream))
            expected = reference.random_bits(key, 6, stream)
            np.testing.assert_array_equal(bits, expected, err_msg=f"{key=}, {stream=}")


@pytest.mark.parametrize("stream", WORDS)
def test_a_stream_may_be_a_python_int(stream):
    bits = kernels.random_bits(as_key(7), 5, stream=stream)
    np.testing.assert_array_equal(bits, reference.random_bits(7, 5, stream))


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_dynamic_count(mode):
    function = lambda n: kernels.random_bits(as_key(3), n)  # noqa: E731
    for count in (0, 5, 63):
        bits = in_mode(function, mode, tf.constant(count))
        np.testing.assert_array_equal(bits, reference.random_bits(3, count))


@pytest.mark.parametrize("mode", MODES)
def test_words_of_64_bits_are_pairs_low_half_first(mode):
    bits = in_mode(lambda k: kernels.random_bits(k, 5, dtype=tf.uint64), mode, as_key(9))
    low, high = reference.random_bits(9, 10).astype(np.uint64).reshape(5, 2).T
    np.testing.assert_array_equal(bits, low | high << np.uint64(32))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["", "node_set:paper", "Größe", "特徴", 0, 7, 2**63, 2**64 - 1])
def test_derived_keys(name, mode):
    for key in (0, 2**64 - 1):
        derived = in_mode(lambda k: kernels.derive_key(k, name), mode, as_key(key))
        assert derived.dtype == tf.uint64
        assert derived.shape == ()
        assert int(derived) == reference.derive_key(key, name)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.uint64])
def test_a_step_tensor_names_a_key(dtype, mode):
    for step in (0, 1, 2**31 - 1):
        derived = in_mode(
            lambda k, s: kernels.derive_key(k, s), mode, as_key(5), tf.cast(step, dtype)
        )
        assert int(derived) == reference.derive_key(5, step)


def test_a_large_or_negative_step_tensor():
    derived = kernels.derive_key(as_key(5), tf.constant(2**64 - 1, tf.uint64))
    assert int(derived) == reference.derive_key(5, 2**64 - 1)
    derived = kernels.derive_key(as_key(5), tf.constant(-1, tf.int64))
    assert int(derived) == reference.derive_key(5, 2**64 - 1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "rate", [0.0, 2.0**-34, 2.0**-32, 1e-9, 0.1, 0.5, 1 - 2.0**-32, 1 - 2.0**-53, 1.0, 0, 1]
)
def test_bernoulli(rate, mode):
    for count in (0, 5, 1000):
        drawn = in_mode(lambda k, c=count: kernels.bernoulli(k, c, rate), mode, as_key(8))
        assert drawn.dtype == tf.bool
        assert drawn.shape == (count,)
        np.testing.assert_array_equal(drawn, reference.bernoulli(8, count, rate))
    if rate in (0, 1):
        assert np.all(drawn.numpy() == bool(rate))


@pytest.mark.parametrize("index", [0, 3])
def test_bernoulli_compares_integers_at_the_threshold(index):
    """At exactly the word's own rate the draw is False, one step of 2**-32 above it is True."""
    word = int(reference.random_bits(8, 4)[index])
    for rate, expected in ((word / 2**32, False), ((word + 1) / 2**32, True)):
        assert bool(kernels.bernoulli(as_key(8), 4, rate)[index]) is expected
        assert bool(reference.bernoulli(8, 4, rate)[index]) is expected


@pytest.mark.parametrize("rate", [-1e-9, 1 + 1e-9, float("nan"), float("inf")])
def test_bernoulli_rate_outside_the_unit_interval(rate):
    with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
        kernels.bernoulli(as_key(0), 3, rate)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", COUNTS)
def test_permutation(count, mode):
    order = in_mode(lambda k: kernels.permutation(k, count), mode, as_key(2**64 - 1))
    assert order.dtype == tf.int32
    np.testing.assert_array_equal(order, reference.permutation(2**64 - 1, count))


@pytest.mark.parametrize("mode", MODES)
def test_permutation_is_stable_where_words_tie(mode, monkeypatch):
    """Two equal words of 32 bits are rare; three values for forty rows make ties certain."""
    bits = reference.random_bits(1, 40)
    monkeypatch.setattr(kernels, "random_bits", lambda key, count: tf.constant(bits % 3, tf.uint32))
    order = in_mode(lambda k: kernels.permutation(k, 40), mode, as_key(1))
    np.testing.assert_array_equal(order, np.argsort(bits % 3, kind="stable"))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1 << 15, 100_000])
def test_large_permutation(count, mode):
    """From this size on another way to sort."""
    order = in_mode(lambda k: kernels.permutation(k, count), mode, as_key(3))
    np.testing.assert_array_equal(order, reference.permutation(3, count))


@pytest.mark.parametrize("mode", MODES)
def test_mix64_and_row_seeds(mode):
    words = np.array(WORDS, np.uint64)
    mixed = in_mode(kernels.mix64, mode, tf.constant(words))
    np.testing.assert_array_equal(mixed, reference_random.mix64(words))
    for key in (*WORDS, words[::-1].copy()):
        seeds = in_mode(kernels.row_seeds, mode, tf.constant(key, tf.uint64), tf.constant(words))
        np.testing.assert_array_equal(seeds, reference_random.row_seeds(key, words))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64])
def test_ids_of_any_integer_dtype(dtype, mode):
    limits = np.iinfo(dtype)
    ids = np.array([limits.min, 0, 1, limits.max], dtype)
    words = in_mode(lambda k, i: kernels.row_words(k, i, 2), mode, as_key(5), tf.constant(ids))
    np.testing.assert_array_equal(words, reference.row_words(5, ids, 2))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    key=st.integers(0, 2**64 - 1),
    stream=st.integers(0, 2**64 - 1),
    count=st.integers(0, 70),
    rate=st.floats(0, 1),
)
def test_any_key_stream_count_rate(key, stream, count, rate):
    np.testing.assert_array_equal(
        kernels.random_bits(as_key(key), count, stream=stream),
        reference.random_bits(key, count, stream),
    )
    np.testing.assert_array_equal(
        kernels.bernoulli(as_key(key), count, rate), reference.bernoulli(key, count, rate)
    )
