"""BLAS inside Numba kernels: ``gemm`` and ``syrk`` on array pointers, and a one-thread limit.

The kernels of this folder run one BLAS call per thread at a time, so the threads that the BLAS
would start by itself only get in the way: two pools that spin against each other cost a factor of
ten. `single_threaded_blas` switches the pool of SciPy's BLAS off for the duration of a call.

The routines are SciPy's (``scipy.linalg.cython_blas``), reached by a *symbol name* that
`llvmlite.binding.add_symbol` binds anew in every process. A ctypes pointer would work as well, but
Numba refuses to cache a function that holds one.
"""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import contextmanager, suppress
from functools import cache

import llvmlite.binding
import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - loads the library whose symbols are bound below
from numba import types
from numba.extending import get_cython_function_address, overload
from threadpoolctl import ThreadpoolController

# NUMBA_DISABLE_JIT=1 leaves the kernels to Python: right, but slow. What would take hours then has
# another path of its own.
IS_COMPILED = not numba.config.DISABLE_JIT


def jit(**options):
    """`numba.njit` that releases the GIL and caches on disk where it can.

    Numba decides at decoration where a function's machine code may be kept, raises if no directory
    can be written, and raises at the first call if the directory has become unusable since (a full
    disk). Compiling anew in each process is slower, but it works.

    Args:
        **options: Further options of `numba.njit`.

    Returns:
        A decorator.
    """

    def decorate(function):
        try:
            dispatcher = numba.njit(nogil=True, cache=True, **options)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            return numba.njit(nogil=True, cache=False, **options)(function)
        on_disk = getattr(dispatcher, "_cache", None)
        for name in ("load_overload", "save_overload"):
            if hasattr(on_disk, name):
                setattr(on_disk, name, _without_io_errors(getattr(on_disk, name)))
        return dispatcher

    return decorate


def _without_io_errors(method):
    def call(*arguments):
        with suppress(OSError):
            return method(*arguments)

    return call


# Characters and integers of the Fortran interface, all passed by reference.
_CHAR = types.CPointer(types.uint8)
_INT = types.CPointer(types.int32)


def _external(name: str, real) -> types.ExternalFunction:
    p = types.CPointer(real)
    if name.endswith("gemm"):
        arguments: tuple = (_CHAR, _CHAR, _INT, _INT, _INT, p, p, _INT, p, _INT, p, p, _INT)
    else:
        arguments = (_CHAR, _CHAR, _INT, _INT, p, p, _INT, p, p, _INT)
    symbol = f"graph_barlow_twins_{name}"
    address = get_cython_function_address("scipy.linalg.cython_blas", name)
    llvmlite.binding.add_symbol(symbol, address)
    return types.ExternalFunction(symbol, types.void(*arguments))


_sgemm = _external("sgemm", types.float32)
_dgemm = _external("dgemm", types.float64)
_ssyrk = _external("ssyrk", types.float32)
_dsyrk = _external("dsyrk", types.float64)

N = np.uint8(ord("N"))
T = np.uint8(ord("T"))
_UPPER = np.uint8(ord("U"))


def gemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """``C = alpha * op(A) op(B) + beta * C`` in BLAS terms (column-major), for Numba's functions.

    A row-major [R, S] array is the column-major [S, R] matrix with leading dimension S. op(A) is
    [m, k] and op(B) [k, n]; `N` or `T` says what op does. The first elements of the arrays a, b and
    c are those of A, B and C; lda, ldb and ldc are leading dimensions. C is written in place.
    """
    _call("gemm", c, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)


@overload(gemm)
def _gemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    routine = _sgemm if c.dtype == types.float32 else _dgemm

    def implementation(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        trans = np.array((trans_a, trans_b), np.uint8)
        size = np.array((m, n, k, lda, ldb, ldc), np.int32)
        scale = np.empty(2, c.dtype)
        scale[0] = alpha
        scale[1] = beta
        routine(
            trans[0:].ctypes,
            trans[1:].ctypes,
            size[0:].ctypes,
            size[1:].ctypes,
            size[2:].ctypes,
            scale[0:].ctypes,
            a.ctypes,
            size[3:].ctypes,
            b.ctypes,
            size[4:].ctypes,
            scale[1:].ctypes,
            c.ctypes,
            size[5:].ctypes,
        )

    return implementation


def syrk(n, k, a, lda, c, ldc):
    """``C += A^T A`` for column-major A [k, n], lower triangle of the row-major C, as `gemm`.

    C is [n, n]; arrays and leading dimensions as for `gemm`.
    """
    _call("syrk", c, _UPPER, T, n, k, 1, a, lda, 1, c, ldc)


# What each argument is: a character, an integer, a real number, an array.
_KINDS = {"gemm": "cciiiraiairai", "syrk": "cciirairai"}


def _call(name, c, *arguments):
    """A routine of BLAS, called by Python; everything goes by reference."""
    dtypes = {"c": np.uint8, "i": np.int32, "r": c.dtype, "a": None}
    parts = zip(arguments, _KINDS[name], strict=True)
    kept = [np.asarray(one, dtypes[kind]) for one, kind in parts]
    prefix = "s" if c.dtype == np.float32 else "d"
    address = get_cython_function_address("scipy.linalg.cython_blas", prefix + name)
    routine = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(kept))(address)
    routine(*(one.ctypes.data for one in kept))


@overload(syrk)
def _syrk(n, k, a, lda, c, ldc):
    routine = _ssyrk if c.dtype == types.float32 else _dsyrk

    def implementation(n, k, a, lda, c, ldc):
        # The upper triangle of the column-major matrix is the lower one of a row-major matrix.
        flags = np.array((_UPPER, T), np.uint8)
        size = np.array((n, k, lda, ldc), np.int32)
        one = np.ones(1, c.dtype)
        routine(
            flags[0:].ctypes,
            flags[1:].ctypes,
            size[0:].ctypes,
            size[1:].ctypes,
            one.ctypes,
            a.ctypes,
            size[2:].ctypes,
            one.ctypes,
            c.ctypes,
            size[3:].ctypes,
        )

    return implementation


class _Limit:
    """Counts the callers inside `single_threaded_blas`; the last one out restores the pool."""

    def __init__(self):
        self._lock = threading.Lock()
        self._callers = 0
        self._before = []

    def enter(self):
        with self._lock:
            if self._callers == 0:
                self._before = _set_threads([(library, 1) for library in _libraries()[0]])
            self._callers += 1

    def leave(self):
        with self._lock:
            self._callers -= 1
            if self._callers == 0:
                _set_threads(self._before)

    def reset_after_fork(self):
        # Only the forking thread lives on in the child: other callers will never leave.
        self._lock = threading.Lock()
        if self._callers:
            self._callers = 0
            _set_threads(self._before)


@cache
def _libraries():
    """SciPy's BLAS: ``(libraries with one limit per process, libraries with one per thread)``.

    That is the copy that SciPy's wheel bundles, or whatever is loaded where it bundles none.
    """
    found = ThreadpoolController().select(user_api="blas").lib_controllers
    bundled = [c for c in found if "scipy.libs" in c.filepath or "scipy/.dylibs" in c.filepath]
    shared, per_thread = [], []
    for library in bundled or found:
        openmp = getattr(library, "threading_layer", None) == "openmp"
        (per_thread if openmp or library.internal_api == "mkl" else shared).append(library)
    return shared, per_thread


def _set_threads(wanted):
    """Sets the number of threads of each ``(library, number)``; returns what was, in that form."""
    before = [(library, library.num_threads) for library, _ in wanted]
    for (library, number), (_, old) in zip(wanted, before, strict=True):
        if number != old:
            # threadpoolctl ignores `set_num_threads` in all threads but the first that called it,
            # silently. The count of callers above is what makes the setting safe here.
            getattr(library, "_real_set_num_threads", library.set_num_threads)(number)
    return before


def limit_this_thread():
    """Keeps a thread to single-threaded BLAS for good, where the limit belongs to the thread."""
    _set_threads([(library, 1) for library in _libraries()[1]])


_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_limit.reset_after_fork)


@contextmanager
def single_threaded_blas():
    """Keeps SciPy's BLAS to one thread inside the block; a few microseconds, safe to nest.

    OpenBLAS has one setting per process. Concurrent callers share it: the first one saves what it
    finds, the last one restores it. NumPy's and TensorFlow's own pools are not touched.

    Yields:
        Nothing.
    """
    own = _set_threads([(library, 1) for library in _libraries()[1]])
    _limit.enter()
    try:
        yield
    finally:
        _limit.leave()
        _set_threads(own)
