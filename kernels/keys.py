"""Keys as Python integers, equal to those of reference/random.py; needs nothing but Python.

A key in [0, 2**64) names one random decision. Where a key is a tensor, see random.py.
"""

from __future__ import annotations

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: the step of SplitMix64
MIX64_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_MASK32, _MASK64 = (1 << 32) - 1, (1 << 64) - 1
_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


def derive_key(key: int, name: str | int) -> int:
    """A key of its own for a part of a computation: for a step, a node set, a feature.

    The first 64 bits of the stream ``name`` of Philox4x32-10 under ``key``; a name in letters
    stands for its hash.

    Args:
        key: in [0, 2**64).
        name: text, or an integer in [0, 2**64) such as the number of a step.

    Returns:
        An integer in [0, 2**64).

    >>> derive_key(0, 0) == 0x6627E8D5 | 0xE169C58D << 32  # the published answer for zeros
    True

    Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011).
    """
    stream = hash_name(name) if isinstance(name, str) else name
    x0, x1, x2, x3 = 0, 0, stream & _MASK32, stream >> 32
    k0, k1 = key & _MASK32, key >> 32
    for _ in range(10):
        p0, p1 = _MULTIPLIERS[0] * x0, _MULTIPLIERS[1] * x2
        x0, x1, x2, x3 = (
            p1 >> 32 ^ x1 ^ k0,
            p1 & _MASK32,
            p0 >> 32 ^ x3 ^ k1,
            p0 & _MASK32,
        )
        k0, k1 = k0 + _KEY_STEPS[0] & _MASK32, k1 + _KEY_STEPS[1] & _MASK32
    return x0 | x1 << 32


def hash_name(name: str) -> int:
    """FNV-1a, 64 bits, of the UTF-8 bytes (Fowler, Noll, Vo; RFC 9923)."""
    value = _FNV_OFFSET
    for byte in name.encode("utf-8"):
        value = (value ^ byte) * _FNV_PRIME & _MASK64
    return value
