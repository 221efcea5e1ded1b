"""Counter-based random bits: Philox4x32-10, keyed streams, uniform choices.

Every random decision of this project is a pure function of a 64-bit key and a position. The
generator is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
a counter of four 32-bit words is encrypted by ten rounds under a key of two 32-bit words. The same
bits come from ``tf.raw_ops.StatelessRandomUniformFullIntV2(alg=1)`` eagerly, in a graph and under
XLA.

Layout: block ``i`` of a stream is the encryption of the 128-bit little-endian counter
``first + i``, where ``first`` has its low 64 bits zero and its high 64 bits equal to ``stream``.
A block yields four 32-bit words, or two 64-bit words (the first of a pair is the low half).
"""

import numpy as np
from numpy.typing import ArrayLike

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (np.uint32(0x9E3779B9), np.uint32(0xBB67AE85))  # golden ratio, sqrt(3) - 1
_LOW = np.uint64(0xFFFFFFFF)
_FNV_OFFSET, _FNV_PRIME, _MASK64 = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: the step of SplitMix64
MIX64_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def philox4x32(counters: ArrayLike, key: int) -> np.ndarray:
    """Encrypts counters by ten rounds of Philox4x32.

    Args:
        counters: uint32 ``[M, 4]``, least significant word first.
        key: Python int in ``[0, 2**64)``.

    Returns:
        uint32 ``[M, 4]``.

    Source: Salmon et al. 2011, section 3.3. The zero block under the zero key is the published
    known answer:

    >>> [hex(word) for word in philox4x32(np.zeros((1, 4), np.uint32), 0)[0]]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    x0, x1, x2, x3 = (np.asarray(counters)[:, i].astype(np.uint32) for i in range(4))
    k0, k1 = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**32 is meant
        for _ in range(10):
            p0, p1 = _MULTIPLIERS[0] * x0, _MULTIPLIERS[1] * x2  # uint64: both halves are used
            high0, high1 = ((p >> np.uint64(32)).astype(np.uint32) for p in (p0, p1))
            low0, low1 = ((p & _LOW).astype(np.uint32) for p in (p0, p1))
            x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
            k0, k1 = k0 + _KEY_STEPS[0], k1 + _KEY_STEPS[1]
    return np.stack([x0, x1, x2, x3], axis=1)


def random_bits(key: int, count: int, stream: int = 0) -> np.ndarray:
    """The first ``count`` 32-bit words of a stream, as uint32 ``[count]``.

    >>> random_bits(0, 2).tolist()
    [1713891541, 3781805453]
    """
    blocks = -(-count // 4)
    counters = np.zeros((blocks, 4), np.uint32)
    counters[:, 0] = np.arange(blocks, dtype=np.uint64) & _LOW
    counters[:, 1] = np.arange(blocks, dtype=np.uint64) >> np.uint64(32)
    counters[:, 2] = stream & 0xFFFFFFFF
    counters[:, 3] = stream >> 32
    return philox4x32(counters, key).reshape(-1)[:count]


def derive_key(key: int, name: str | int) -> int:
    """A key of its own for a part of a computation: for a step, a node set, a feature.

    The first 64 bits of the stream ``name`` under ``key``, of a str the stream ``hash_name(name)``.

    Args:
        key: Python int in ``[0, 2**64)``.
        name: str, or an int in ``[0, 2**64)`` such as the number of a step.

    Returns:
        Python int in ``[0, 2**64)``.
    """
    stream = hash_name(name) if isinstance(name, str) else name
    low, high = random_bits(key, 2, stream)
    return int(low) | int(high) << 32


def hash_name(name: str) -> int:
    """FNV-1a, 64 bits, of the UTF-8 bytes (Fowler, Noll, Vo; RFC 9923).

    >>> hex(hash_name("a"))
    '0xaf63dc4c8601ec8c'
    """
    value = _FNV_OFFSET
    for byte in name.encode("utf-8"):
        value = (value ^ byte) * _FNV_PRIME & _MASK64
    return value


def bernoulli(key: int, count: int, rate: float) -> np.ndarray:
    """Bool ``[count]``, each True with probability ``rate``: ``bits < round(rate * 2**32)``.

    The comparison is of integers, so no rounding can tell two paths apart. Rate 0 is never True,
    rate 1 always.

    Raises:
        ValueError: if ``rate`` is not in [0, 1] (NaN is not).
    """
    check_rate(rate)
    return is_below_rate(random_bits(key, count), rate)


def check_rate(rate: float) -> None:
    """Raises ValueError if the rate is no probability."""
    if not 0 <= rate <= 1:
        raise ValueError(f"rate should be in [0, 1] (got {rate})")


def is_below_rate(words: np.ndarray, rate: float) -> np.ndarray:
    """Which uint32 words are True at ``rate``: those below ``round(rate * 2**32)``."""
    return words.astype(np.uint64) < np.uint64(round(rate * 2**32))


def permutation(key: int, count: int) -> np.ndarray:
    """A permutation of ``range(count)``, int64: the stable argsort of ``random_bits(key, count)``.

    >>> sorted(permutation(7, 5).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.argsort(random_bits(key, count), kind="stable")


def mix64(words: ArrayLike) -> np.ndarray:
    """The finalizer of SplitMix64: a bijection of 64-bit words in which every bit moves all.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
    figure 16 (variant 13 of Stafford).

    >>> hex(mix64(np.uint64(GOLDEN)))  # the first output of the generator with seed 0
    '0xe220a8397b1dcdaf'
    """
    words = np.asarray(words, np.uint64)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        words = (words ^ words >> np.uint64(30)) * np.uint64(MIX64_FACTORS[0])
        words = (words ^ words >> np.uint64(27)) * np.uint64(MIX64_FACTORS[1])
    return words ^ words >> np.uint64(31)


def row_seeds(key: ArrayLike, ids: ArrayLike) -> np.ndarray:
    """A generator of its own for each id: ``mix64(mix64(key) + GOLDEN * (id + 1))``.

    Args:
        key: int in ``[0, 2**64)``, or an integer array of the shape of ``ids``.
        ids: integer array; -1 stands for ``2**64 - 1`` in every dtype.

    Returns:
        uint64 array of the shape of ``ids``.
    """
    with np.errstate(over="ignore"):
        steps = np.uint64(GOLDEN) * (as_uint64(ids) + np.uint64(1))
        return mix64(mix64(as_uint64(key)) + steps)


def row_words(key: int, ids: ArrayLike, words_per_row: int) -> np.ndarray:
    """Random words that depend on a row's id, not on its position.

    Row ``i`` holds the upper halves of the first outputs of SplitMix64 with the state
    ``row_seeds(key, ids)[i]``: word ``j`` is ``mix64(state + (j + 1) * GOLDEN) >> 32``.

    Args:
        key: Python int in ``[0, 2**64)``.
        ids: integer ``[N]``; equal ids get equal words.
        words_per_row: int.

    Returns:
        uint32 ``[N, words_per_row]``.
    """
    steps = np.arange(1, words_per_row + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        states = row_seeds(key, ids)[:, np.newaxis] + steps * np.uint64(GOLDEN)
    return (mix64(states) >> np.uint64(32)).astype(np.uint32)


def as_uint64(ids: ArrayLike) -> np.ndarray:
    """Integers modulo 2**64.

    Raises:
        TypeError: if they are not integers.
    """
    ids = np.asarray(ids)
    if not np.issubdtype(ids.dtype, np.integer):
        raise TypeError(f"ids should be integers (got {ids.dtype})")
    return ids.astype(np.uint64)
