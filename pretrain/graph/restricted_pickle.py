"""Reads the pickles of the Planetoid format without running anything they contain.

A pickle is a program: its GLOBAL opcode fetches any importable object, its REDUCE opcode calls it.
Two walls stand here.

1. `find_class` knows the few names that NumPy arrays, CSR matrices and dictionaries of lists
   need, in Python 2 and Python 3 pickles. Anything else is refused by name.
2. Even those names do not lead to the real objects, but to stand-ins that only record plain data.
   The real ones are not safe to hand out: a pickle may set the flags of a real `numpy.dtype("O")`
   so that raw bytes from the file become object pointers, and a real `defaultdict` calls whatever
   factory it was given. The arrays are built here, afterwards, from checked shapes, a short list
   of number types and the recorded bytes.

Source: https://docs.python.org/3/library/pickle.html#restricting-globals, and the reconstruction
protocol of `numpy.ndarray.__reduce__`.
"""

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import InputError
from .array_files import cannot_read
from .checks import csr_from_parts, told_of

_NUMBER_TYPE = re.compile(r"[iu][1248]|f[248]")


class RefusedPickleError(InputError):
    """The pickle asked for something that its format does not need."""


def restricted_load(path: str | Path) -> Any:
    """Reads one pickle file: a number array, a CSR matrix, or plain dicts, lists and numbers.

    Args:
        path: the file. Python 2 strings in it are read as latin1, which keeps bytes as they are.

    Returns:
        `numpy.ndarray` of integers or floats, `scipy.sparse.csr_matrix`, or built-in containers;
        `defaultdict` and `OrderedDict` come back as plain `dict`.

    Raises:
        RefusedPickleError: the pickle names an object outside the list, or misuses one.
        InputError: the file is missing, unreadable, truncated or corrupt.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise cannot_read(path, error) from None
    return restricted_loads(content, source=str(path))


def restricted_loads(content: bytes, *, source: str = "pickle") -> Any:
    """Like `restricted_load`, for bytes; `source` names them in messages."""
    with told_of(source):
        try:
            _check_memo(content)
            value = _Unpickler(io.BytesIO(content), encoding="latin1").load()
            return value.value if isinstance(value, _Array | _Csr) else value
        except InputError:
            raise
        # A corrupt pickle program can fail in any way (IndexError, KeyError, TypeError, MemoryError
        # ...), and none of them tells the reader more than this.
        except Exception as error:
            problem = f"truncated or corrupt pickle ({type(error).__name__}: {error})"
            raise InputError(problem) from None


def _check_memo(content: bytes) -> None:
    """Refuses memo slots beyond the file's length: the unpickler would allocate up to there."""
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and (argument or 0) > len(content):
            raise RefusedPickleError(f"refused memo slot {argument} in {len(content)} bytes")


class _Dtype:
    """Stands in for `numpy.dtype`: one number type and its byte order."""

    def __init__(self, code, align=False, copy=True):
        if not (isinstance(code, str) and _NUMBER_TYPE.fullmatch(code)):
            raise RefusedPickleError(f"refused array of dtype {code!r}; only numbers are admitted")
        self.code = code
        self.order = "="

    def __setstate__(self, state):
        _, order, subarray, names, fields = state[:5]
        if order not in ("<", ">", "|", "=") or (subarray, names, fields) != (None, None, None):
            raise RefusedPickleError(f"refused array of a structured dtype: {state!r:.80}")
        self.order = order

    def read(self, content: bytes, shape: tuple[int, ...], order: Literal["C", "F"]) -> np.ndarray:
        """Returns the array in native byte order, in memory of its own."""
        dtype = np.dtype(self.order + self.code)
        if math.prod(shape) * dtype.itemsize != len(content):
            raise ValueError(f"{len(content)} bytes for {dtype} of shape {shape}")
        values = np.frombuffer(content, dtype).reshape(shape, order=order)
        return values.astype(dtype.newbyteorder("="))


class _Array:
    """Stands in for `numpy.ndarray`."""

    value: np.ndarray

    def __setstate__(self, state):
        _, shape, dtype, fortran_order, content = state
        if not (isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)):
            raise ValueError(f"array shape {shape!r:.80}")
        # In memory of a Python 2 pickle the buffer is a latin1 string.
        content = content.encode("latin1") if isinstance(content, str) else content
        if not (isinstance(dtype, _Dtype) and isinstance(content, bytes)):
            raise RefusedPickleError("refused array that does not consist of numbers")
        self.value = dtype.read(content, shape, "F" if fortran_order else "C")


class _Csr:
    """Stands in for `scipy.sparse.csr_matrix`."""

    def __setstate__(self, state):
        shape = state["_shape"] if "_shape" in state else state["shape"]
        data, indices, indptr = (state[part].value for part in ("data", "indices", "indptr"))
        self.value = csr_from_parts(data, indices, indptr, shape)


class _List:
    """Stands in for `list` as the factory of a defaultdict; it makes nothing itself."""

    def __setstate__(self, state):
        raise RefusedPickleError("refused to change builtins.list")


class _Function:
    """Stands in for a function; a pickle can call it, but not set attributes on it."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable):
        self._call = call

    def __call__(self, *args):
        return self._call(*args)

    def __setstate__(self, state):
        raise RefusedPickleError("refused to change a function")


def _reconstruct(kind, shape, code):
    if kind is not _Array:
        raise RefusedPickleError("refused numpy _reconstruct of anything but numpy.ndarray")
    return _Array()


def _encode(text, encoding):
    # How Python 3 writes bytes into a protocol 2 pickle.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise RefusedPickleError(f"refused _codecs.encode with encoding {encoding!r:.80}")
    return text.encode("latin1")


def _empty_bytes(*arguments):
    # How Python 3 writes b"" into a protocol 2 pickle.
    if arguments:
        raise RefusedPickleError("refused builtins.bytes with arguments")
    return b""


def _default_dict(*factory):
    if factory not in ((), (_List,)):
        raise RefusedPickleError("refused collections.defaultdict with a factory other than list")
    return {}


def _ordered_dict(pairs=()):
    return {key: value for key, value in pairs}


_RECONSTRUCT = _Function(_reconstruct)
_EMPTY_BYTES = _Function(_empty_bytes)
_ADMITTED = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("scipy.sparse.csr", "csr_matrix"): _Csr,
    ("scipy.sparse._csr", "csr_matrix"): _Csr,
    ("_codecs", "encode"): _Function(_encode),
    ("__builtin__", "bytes"): _EMPTY_BYTES,
    ("builtins", "bytes"): _EMPTY_BYTES,
    ("collections", "defaultdict"): _Function(_default_dict),
    ("collections", "OrderedDict"): _Function(_ordered_dict),
    ("__builtin__", "list"): _List,
    ("builtins", "list"): _List,
}


class _Unpickler(pickle.Unpickler):
    """An unpickler that finds stand-ins, and nothing else."""

    def find_class(self, module, name):
        try:
            return _ADMITTED[module, name]
        except KeyError:
            raise RefusedPickleError(
                f"refused to load {module}.{name}; a data file needs only NumPy arrays of numbers,"
                " CSR matrices, dicts and lists"
            ) from None
