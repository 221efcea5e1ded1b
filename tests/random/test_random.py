"""kernels/random and kernels/keys bit for bit equal to reference/random."""

from functools import cache

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels import keys
from graph_barlow_twins.kernels import random as kernels
from graph_barlow_twins.reference import random as definition
from hypothesis import given, settings
from hypothesis import strategies as st

COUNTS = (0, 5, 63)
WORDS = (0, 1, 0xFFFFFFFF, 2**32, 2**63, 0x0123456789ABCDEF, 2**64 - 1)
NAMES = ("", "node_set:paper", "Größe", 7, 2**64 - 1)
RATES = (0, 2.0**-32, 0.1, 1 - 2.0**-32, 1 - 2.0**-53, 1.0)
LIMITS = np.array([np.iinfo(np.int64).min, -1, 0, 1, np.iinfo(np.int64).max])


def draws(module, key, stream, ids):
    """All that can be drawn under a key, by name; of either module."""
    found = {f"bits {count}": module.random_bits(key, count, stream=stream) for count in COUNTS}
    found |= {f"key {name!r}": module.derive_key(key, name) for name in NAMES}
    found |= {f"bernoulli {rate}": module.bernoulli(key, 63, rate) for rate in RATES}
    found |= {f"permutation {count}": module.permutation(key, count) for count in COUNTS}
    found |= {f"words {count}": module.row_words(key, ids, count) for count in (0, 3)}
    return found | {"seeds": module.row_seeds(key, ids)}


@cache
def expected_draws(key, stream):
    return draws(definition, key, stream, LIMITS)


@cache
def drawing(mode):
    """`draws` of the kernels, traced once for all keys and streams."""
    function = lambda key, stream, ids: draws(kernels, key, stream, ids)  # noqa: E731
    if mode == "eager":
        return function
    word, ids = tf.TensorSpec([], tf.uint64), tf.TensorSpec([5], tf.int64)
    return tf.function(
        function, input_signature=[word, word, ids], jit_compile=mode == "xla", autograph=False
    )


def as_key(key):
    return tf.constant(key, tf.uint64)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_all_draws_under_any_key(mode):
    keys_and_streams = [(key, stream) for key in WORDS for stream in WORDS]
    for key, stream in keys_and_streams[:: 8 if mode == "eager" else 1]:  # eagerly the diagonal
        found = drawing(mode)(as_key(key), as_key(stream), tf.constant(LIMITS))
        for name, value in expected_draws(key, stream).items():
            np.testing.assert_array_equal(found[name], value, err_msg=f"{name} {key=} {stream=}")
            assert found[name].shape == np.shape(value)


def test_dtypes_of_draws():
    found = drawing("eager")(as_key(1), as_key(2), tf.constant(LIMITS))
    dtypes = {"bits": tf.uint32, "key": tf.uint64, "bernoulli": tf.bool, "permutation": tf.int32}
    dtypes |= {"words": tf.uint32, "seeds": tf.uint64}
    for name, value in found.items():
        assert value.dtype == dtypes[name.split()[0]]


def test_keys_and_streams_may_be_python_ints():
    for number in WORDS:
        found = draws(kernels, number, number, LIMITS)
        for name, value in expected_draws(number, number).items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_keys_without_tensorflow_equal_the_reference():
    rng = np.random.default_rng(0)
    many = [int(key) for key in rng.integers(0, 2**64, 300, np.uint64)]
    for key, step in zip((*WORDS, *many), (*WORDS[::-1], *many[::-1]), strict=True):
        for name in (step, f"step {step}"):
            assert keys.derive_key(key, name) == reference.derive_key(key, name)
    for name in ("", "a", "node_set:paper", "Größe", "特徴", "x" * 100):
        assert keys.hash_name(name) == definition.hash_name(name)
        assert keys.derive_key(3, name) == reference.derive_key(3, name)
    assert keys.GOLDEN == definition.GOLDEN
    assert keys.MIX64_FACTORS == definition.MIX64_FACTORS


def test_dynamic_counts():
    spec = [tf.TensorSpec([], tf.int32)]
    call = tf.function(
        lambda n: kernels.random_bits(as_key(3), n), input_signature=spec, autograph=False
    )
    for count in (0, 5, 63):
        np.testing.assert_array_equal(call(count), reference.random_bits(3, count))
        bits = kernels.random_bits(as_key(3), tf.constant(count))
        np.testing.assert_array_equal(bits, reference.random_bits(3, count))


def test_words_of_64_bits_are_pairs_low_half_first():
    bits = kernels.random_bits(as_key(9), 5, dtype=tf.uint64)
    low, high = reference.random_bits(9, 10).astype(np.uint64).reshape(5, 2).T
    np.testing.assert_array_equal(bits, low | high << np.uint64(32))


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.uint64])
def test_a_step_tensor_names_a_key(dtype):
    call = tf.function(lambda s: kernels.derive_key(as_key(5), s), autograph=False)
    for step in (0, 1, 2**31 - 1):
        for derive in (call, lambda s: kernels.derive_key(5, s)):
            assert int(derive(tf.cast(step, dtype))) == reference.derive_key(5, step)
    large = tf.constant(-1, tf.int64) if dtype == tf.int64 else tf.constant(2**64 - 1, tf.uint64)
    assert int(kernels.derive_key(as_key(5), large)) == reference.derive_key(5, 2**64 - 1)


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
    with pytest.raises(ValueError, match=r"rate should be in \[0, 1\]"):
        reference.bernoulli(0, 3, rate)


def test_large_permutation():
    """From this size on another way to sort; two of the words are equal."""
    np.testing.assert_array_equal(
        kernels.permutation(as_key(3), 100_000), reference.permutation(3, 100_000)
    )


def test_mix64():
    words = np.array(WORDS, np.uint64)
    np.testing.assert_array_equal(kernels.mix64(tf.constant(words)), definition.mix64(words))
    mixed = kernels.row_seeds(tf.constant(words[::-1].copy()), tf.constant(words))
    np.testing.assert_array_equal(mixed, definition.row_seeds(words[::-1], words))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64])
def test_ids_of_any_integer_dtype(dtype):
    limits = np.iinfo(dtype)
    ids = np.array([limits.min, 0, 1, limits.max], dtype)
    words = kernels.row_words(as_key(5), tf.constant(ids), 2)
    np.testing.assert_array_equal(words, reference.row_words(5, ids, 2))


@settings(derandomize=True, deadline=None, max_examples=30)
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
