"""reference/random.py against published test vectors, and the rates of its draws."""

import numpy as np
import pytest
from graph_barlow_twins import reference
from graph_barlow_twins.reference import random as reference_random

# The file kat_vectors of Random123: counter (four words), key (two words), result, all hex.
PHILOX_KNOWN_ANSWERS = {
    "zeros": (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    "ones": (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    "pi": (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
}


def words(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize("name", PHILOX_KNOWN_ANSWERS)
def test_philox_known_answers(name):
    counter, key, expected = (words(text) for text in PHILOX_KNOWN_ANSWERS[name])
    key = int(key[0]) | int(key[1]) << 32
    np.testing.assert_array_equal(reference.philox4x32(counter[np.newaxis], key)[0], expected)


def test_a_stream_is_the_encryption_of_its_counters():
    key, stream = 0x299F31D0A4093822, 0x03707344_13198A2E
    counters = np.array([[i, 0, 0x13198A2E, 0x03707344] for i in range(3)], np.uint32)
    expected = reference.philox4x32(counters, key).reshape(-1)
    for count in (0, 1, 4, 5, 12):
        bits = reference.random_bits(key, count, stream)
        assert bits.dtype == np.uint32
        np.testing.assert_array_equal(bits, expected[:count])


@pytest.mark.parametrize(
    ("name", "expected"),  # the test vectors of RFC 9923 for FNV-1a, 64 bits
    [("", 0xCBF29CE484222325), ("a", 0xAF63DC4C8601EC8C), ("foobar", 0x85944171F73967E8)],
)
def test_hash_name_known_answers(name, expected):
    assert reference_random.hash_name(name) == expected


def test_derived_keys_differ():
    names = ["", "a", "b", "context", "node_set:a", "edge_set:a", "é", 0, 1, 2**64 - 1]
    keys = {reference.derive_key(key, name) for key in (0, 1, 2**64 - 1) for name in names}
    assert len(keys) == 3 * len(names)
    assert all(0 <= key < 2**64 for key in keys)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_bernoulli_rate(rate):
    share = reference.bernoulli(11, 100_000, rate).mean()
    assert abs(share - rate) <= 5 * np.sqrt(rate * (1 - rate) / 100_000)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_permutation_has_every_index_once(count):
    order = reference.permutation(5, count)
    np.testing.assert_array_equal(np.sort(order), np.arange(count))
    if count == 1000:
        assert np.any(order != np.arange(count))


def test_splitmix64_known_answers():
    """The first outputs for the seed 1234567, as on Rosetta Code (pseudo-random numbers)."""
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    steps = np.arange(1, 6, dtype=np.uint64) * np.uint64(reference_random.GOLDEN)
    outputs = reference_random.mix64(np.uint64(1234567) + steps)
    assert outputs.tolist() == expected


def test_words_of_a_row_are_splitmix64_with_a_seed_of_its_own():
    """In Python's integers, as the docstrings say it."""
    golden, mask = reference_random.GOLDEN, 2**64 - 1

    def mix(word):
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & mask
        word = (word ^ word >> 27) * 0x94D049BB133111EB & mask
        return word ^ word >> 31

    key, ids = 0xDEADBEEF12345678, [0, 1, 2**63 - 1, -1]
    words = reference.row_words(key, np.array(ids), 3)
    assert words.dtype == np.uint32
    for row, node in zip(words, ids, strict=True):
        state = mix(mix(key) + golden * (node + 1) & mask)
        assert row.tolist() == [mix(state + j * golden & mask) >> 32 for j in (1, 2, 3)]


def test_words_of_a_row_do_not_depend_on_their_number():
    ids = np.array([3, 5])
    np.testing.assert_array_equal(
        reference.row_words(1, ids, 2), reference.row_words(1, ids, 9)[:, :2]
    )


def test_an_id_is_the_same_in_every_dtype():
    for dtype in (np.int8, np.int32, np.int64):
        words = reference.row_words(1, np.array([-1, 5], dtype), 2)
        np.testing.assert_array_equal(
            words, reference.row_words(1, np.array([2**64 - 1, 5], np.uint64), 2)
        )


def test_ids_are_integers():
    with pytest.raises(TypeError, match=r"ids should be integers \(got float64\)"):
        reference.row_words(1, np.zeros(2), 1)
