"""Keyed draws on the host, bit for bit those of reference/random.py; Numba, no TensorFlow.

Where a key is a tensor, see random.py.
"""

from __future__ import annotations

import numpy as np

from .blas import jit
from .validation import check_rate


def bernoulli(key: int, count: int, rate: float) -> np.ndarray:
    """Bool ``[count]``, each True with probability ``rate``: ``bits < round(rate * 2**32)``.

    Args:
        key: in [0, 2**64).
        count: at least 0.
        rate: in [0, 1].

    Raises:
        ValueError: if ``rate`` is not in [0, 1].

    Source of the bits: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011),
    Philox4x32-10.
    """
    check_rate(rate)
    drawn = np.empty(count, np.bool_)
    _below(np.uint64(key), np.uint64(round(rate * 2**32)), drawn)
    return drawn


@jit()
def _below(key, threshold, drawn):
    low, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    first, second = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
    words = np.empty(4, np.uint64)
    count = len(drawn)
    for block in range((count + 3) // 4):
        x0, x1 = np.uint64(block) & low, np.uint64(block) >> shift
        x2, x3 = np.uint64(0), np.uint64(0)
        k0, k1 = key & low, key >> shift
        for _ in range(10):
            p0, p1 = first * x0, second * x2
            x0, x1, x2, x3 = (p1 >> shift) ^ x1 ^ k0, p1 & low, (p0 >> shift) ^ x3 ^ k1, p0 & low
            k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
        words[0], words[1], words[2], words[3] = x0, x1, x2, x3
        for place in range(4 * block, min(4 * block + 4, count)):
            drawn[place] = words[place - 4 * block] < threshold
