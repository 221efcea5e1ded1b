"""Where every buffer of the Numba backend comes from."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

import numpy as np

# Bytes of a result that is worth recycling: smaller ones the C library recycles itself, larger ones
# take so long to compute that new pages hardly show.
_RECYCLED = (1 << 20, 100 << 20)
# Two pairs of gradients: TensorFlow gives a pair back only when it gets the next one.
_MOST_KEPT = 4
# TensorFlow copies results that do not start at such an address.
_ALIGNMENT = 64


def empty(shape, dtype=np.float64) -> np.ndarray:
    """`numpy.empty`; tests replace it by one that fills with NaN, so an unwritten element shows."""
    return np.empty(shape, dtype)


def empty_result(shape, dtype) -> np.ndarray:
    """Like `empty`, for an array that is handed to the caller.

    Its memory is recycled: when the last reference to an earlier result is gone, the next one of
    about its size takes its place. New memory has to be cleared by the operating system, page by
    page, which for gradients of [65536, 256] took as long as to compute them.
    """
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    least, most = _RECYCLED
    if not least <= size <= most:
        return empty(shape, dtype)
    memory = _take(size)
    if memory is None:
        memory = empty(size + _ALIGNMENT, np.uint8)
    return np.asarray(_Lease(memory, shape, dtype))


class _Lease:
    """Owns the memory of one array and all its views; NumPy keeps it alive as their base."""

    def __init__(self, memory, shape, dtype):
        self._memory = memory
        start = memory.__array_interface__["data"][0]
        self.__array_interface__ = {
            "version": 3,
            "data": (start + -start % _ALIGNMENT, False),
            "shape": tuple(shape),
            "typestr": dtype.str,
        }

    def __del__(self):
        # At the end of the process the module may be gone already.
        with suppress(TypeError, AttributeError):
            _kept.append(self._memory)


# Only operations of deque that are atomic: `__del__` may run in any thread at any moment, so a lock
# that this thread already holds would never be released.
_kept: deque[np.ndarray] = deque(maxlen=_MOST_KEPT)


def _take(size):
    """Memory for so many bytes that was given back, at most a quarter too large; or None."""
    for _ in range(len(_kept)):
        try:
            memory = _kept.popleft()
        except IndexError:  # another thread was faster
            return None
        if size + _ALIGNMENT <= memory.size <= 1.25 * size + _ALIGNMENT:
            return memory
        _kept.append(memory)
    return None
