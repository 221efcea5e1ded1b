"""BLAS inside Numba kernels: ``gemm`` and ``syrk`` on array pointers, and a one-thread limit.

The kernels of this folder run one BLAS call per thread at a time, so the threads that the BLAS
would start by itself only get in the way: two pools that spin against each other cost a factor of
ten. `single_threaded_blas` switches the pool of SciPy's BLAS off for the duration of a call.

The routines are SciPy's (``scipy.linalg.cython_blas``), reached by a *symbol name* that
`llvmlite.binding.add_symbol` binds anew in every process. A ctypes pointer would work as well, but
Numba refuses to cache a function that holds one.
"""

from __future__ import annotations

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


def _external(name: str, signature) -> types.ExternalFunction:
    symbol = f"graph_barlow_twins_{name}"
    address = get_cython_function_address("scipy.linalg.cython_blas", name)
    llvmlite.binding.add_symbol(symbol, address)
    return types.ExternalFunction(symbol, signature)


def _external_gemm(name: str, real) -> types.ExternalFunction:
    p = types.CPointer(real)
    arguments = (_CHAR, _CHAR, _INT, _INT, _INT, p, p, _INT, p, _INT, p, p, _INT)
    return _external(name, types.void(*arguments))


def _external_syrk(name: str, real) -> types.ExternalFunction:
    p = types.CPointer(real)
    return _external(name, types.void(_CHAR, _CHAR, _INT, _INT, p, p, _INT, p, p, _INT))


_sgemm = _external_gemm("sgemm", types.float32)
_dgemm = _external_gemm("dgemm", types.float64)
_ssyrk = _external_syrk("ssyrk", types.float32)
_dsyrk = _external_syrk("dsyrk", types.float64)

N = np.uint8(ord("N"))
T = np.uint8(ord("T"))
_UPPER = np.uint8(ord("U"))


def gemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """``C = alpha * op(A) op(B) + beta * C`` in BLAS terms (column-major), inside Numba only.

    A row-major [R, S] array is the column-major [S, R] matrix with leading dimension S.

    Args:
        trans_a: `N` or `T`.
        trans_b: `N` or `T`.
        m: Rows of op(A) and C.
        n: Columns of op(B) and C.
        k: Columns of op(A), rows of op(B).
        alpha: Scalar.
        a: Array whose first element is the first of A.
        lda: Leading dimension of A.
        b: Array whose first element is the first of B.
        ldb: Leading dimension of B.
        beta: Scalar.
        c: Array whose first element is the first of C; written in place.
        ldc: Leading dimension of C.
    """
    raise NotImplementedError("gemm works inside Numba functions only")


@overload(gemm)
def _gemm(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    routine = _sgemm if c.dtype == types.float32 else _dgemm

    def implementation(trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        trans = np.empty(2, np.uint8)
        trans[0] = trans_a
        trans[1] = trans_b
        size = np.empty(6, np.int32)
        size[0] = m
        size[1] = n
        size[2] = k
        size[3] = lda
        size[4] = ldb
        size[5] = ldc
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
    """``C += A^T A`` for column-major A [k, n], lower triangle of the row-major C, inside Numba.

    Args:
        n: Rows and columns of C.
        k: Rows of A.
        a: Array whose first element is the first of A.
        lda: Leading dimension of A.
        c: Array whose first element is the first of C; one triangle is added to.
        ldc: Leading dimension of C.
    """
    raise NotImplementedError("syrk works inside Numba functions only")


@overload(syrk)
def _syrk(n, k, a, lda, c, ldc):
    routine = _ssyrk if c.dtype == types.float32 else _dsyrk

    def implementation(n, k, a, lda, c, ldc):
        flags = np.empty(2, np.uint8)
        flags[0] = _UPPER  # of the column-major matrix: the lower triangle of a row-major one
        flags[1] = T
        size = np.empty(4, np.int32)
        size[0] = n
        size[1] = k
        size[2] = lda
        size[3] = ldc
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
