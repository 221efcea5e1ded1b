"""What the few names that a data pickle needs stand for, when `restricted` reads it.

Not the real objects, but stand-ins that record plain data. The real ones are not safe to hand out:
a pickle may set the flags of a real `numpy.dtype("O")` so that raw bytes from the file become
object pointers, and a real `defaultdict` calls whatever factory it was given. The arrays are built
here, from checked shapes, a short list of number types and the recorded bytes.

Source: the reconstruction protocol of `numpy.ndarray.__reduce__`.
"""

import functools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.sparse

from ...errors import InputError, shown
from ..checks import csr_from_parts

_NUMBER_TYPE = re.compile(r"[iu][1248]|f[248]|b1")
_OBJECTS = "O8"  # of the rows of a list-of-lists matrix, and of nothing else


class RefusedPickleError(InputError):
    """The pickle asked for something that its format does not need."""


class Admitted(NamedTuple):
    """A name that a pickle may load.

    Attributes:
        name: for messages.
        call: what a call makes.
    """

    name: str
    call: Callable[..., Any]


def admitted(module: str, name: str) -> Admitted:
    """What a pickle gets by that name.

    Raises:
        RefusedPickleError: a name that data do not need.
    """
    try:
        return Admitted(f"{module}.{name}", _CALLS[module, name])
    except KeyError:
        raise RefusedPickleError(
            f"refused to load {module}.{name}; a data file needs only NumPy arrays of numbers,"
            " sparse matrices, dicts and lists"
        ) from None


def dict_of(pairs: Iterable[Any]) -> dict:
    """The dict of keys that are soon hashed and soon found.

    Raises:
        RefusedPickleError: a key that is no number or string, or too large an integer.
    """
    made = {}
    for key, value in pairs:
        is_plain = isinstance(key, int | float | str | bytes | None)
        # All multiples of 2**61 - 1 have the same hash.
        if not is_plain or (isinstance(key, int) and not -(2**63) <= key < 2**63):
            raise RefusedPickleError(f"refused {shown(key)} as the key of a dict")
        made[key] = value
    return made


class Dtype:
    """Stands in for `numpy.dtype`: one number type and its byte order."""

    def __init__(self, code: Any, align: Any = False, copy: Any = True):
        if not (isinstance(code, str) and (_NUMBER_TYPE.fullmatch(code) or code == _OBJECTS)):
            raise _no_numbers(code)
        self.code = code
        self.order = "="

    def set_state(self, state: Any) -> None:
        """Takes the byte order."""
        _, order, subarray, names, fields = state[:5]
        parts = (subarray, names, fields)
        if order not in ("<", ">", "|", "=") or any(part is not None for part in parts):
            raise RefusedPickleError(f"refused array of a structured dtype: {shown(state)}")
        self.order = order

    def read(self, content: bytes, shape: tuple[int, ...], order: Literal["C", "F"]) -> np.ndarray:
        """Returns the array in native byte order, in memory of its own."""
        dtype = np.dtype(self.order + self.code)
        if math.prod(shape) * dtype.itemsize != len(content):
            raise ValueError(f"{len(content)} bytes for {dtype} of shape {shown(shape)}")
        values = np.frombuffer(content, dtype).reshape(shape, order=order)
        return values.astype(dtype.newbyteorder("="))


class Array:
    """Stands in for `numpy.ndarray`.

    Attributes:
        value: the numbers; or what an array of objects is written as, a list.
    """

    value: Any

    def set_state(self, state: Any) -> None:
        """Takes shape, dtype and content."""
        _, shape, dtype, fortran_order, content = state
        is_shape = isinstance(shape, tuple) and len(shape) <= 32
        if not (is_shape and all(type(n) is int and n >= 0 for n in shape)):
            raise ValueError(f"array shape {shown(shape)}")
        if isinstance(dtype, Dtype) and dtype.code == _OBJECTS and type(content) is list:
            self.value = content
            return
        # In memory of a Python 2 pickle the buffer is a latin1 string.
        content = content.encode("latin1") if isinstance(content, str) else content
        if not (isinstance(dtype, Dtype) and isinstance(content, bytes)):
            raise RefusedPickleError("refused array that does not consist of numbers")
        self.value = dtype.read(content, shape, "F" if fortran_order else "C")


class Sparse:
    """Stands in for a matrix or array of `scipy.sparse`.

    Args:
        layout: "csr", "csc", "coo" or "lil".

    Attributes:
        value: the matrix as CSR, CSC or COO; nothing is made of the shape that the file tells.
    """

    value: Any

    def __init__(self, layout: str):
        self._layout = layout

    def set_state(self, state: Any) -> None:
        """Takes shape and arrays."""
        shape = state["_shape"] if "_shape" in state else state["shape"]
        if not (isinstance(shape, tuple) and all(type(n) is int for n in shape)):
            raise ValueError(f"matrix of shape {shown(shape)}")
        data = state["data"].value
        if self._layout == "coo":
            ends = state["coords"] if "coords" in state else (state["row"], state["col"])
            rows, columns = (one.value for one in ends)
            self.value = scipy.sparse.coo_matrix((data, (rows, columns)), shape)
        elif self._layout == "lil":
            self.value = csr_from_parts(*_rows(state["rows"].value, data), shape)
        else:
            turned = shape[::-1] if self._layout == "csc" else shape
            matrix = csr_from_parts(data, state["indices"].value, state["indptr"].value, turned)
            self.value = matrix.T if self._layout == "csc" else matrix


def _rows(
    columns: Sequence[list], values: Sequence[list]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Data, indices and indptr of a list-of-lists matrix."""
    if not all(type(one) is list for one in chain(columns, values)):
        raise ValueError("rows that are no lists")
    starts = np.cumsum([0, *map(len, columns)])
    data = np.fromiter(chain.from_iterable(values), np.float64)
    return data, np.fromiter(chain.from_iterable(columns), np.int64), starts


def cost_of(part: Any) -> int:
    """Bytes that a copy of an argument, or of a part of a state, takes at most."""
    if isinstance(part, Array):
        if isinstance(part.value, list):  # rows, which many arrays may share
            return sum(8 + 4 * len(row) for row in part.value if type(row) is list)
        return part.value.nbytes
    if type(part) is tuple and len(part) == 2:  # such as the ends in a COO matrix
        return 32 + sum(cost_of(one) for one in part if isinstance(one, Array))
    sizes: dict[type, int] = {str: 1, bytes: 1, list: 16, tuple: 16, dict: 16}
    return sizes[type(part)] * len(part) if type(part) in sizes else 0


def numbers_of(value: Any) -> Any:
    """What a pickle has left: stand-ins as what they stand for.

    Raises:
        RefusedPickleError: objects that are only part of something else.
    """
    if isinstance(value, Dtype) or (isinstance(value, Array) and isinstance(value.value, list)):
        raise _no_numbers(_OBJECTS)
    return value.value if isinstance(value, Array | Sparse) else value


def _no_numbers(code: Any) -> RefusedPickleError:
    return RefusedPickleError(f"refused array of dtype {shown(code)}; only numbers are admitted")


def _reconstruct(kind: Any, shape: Any, code: Any) -> Array:
    if not (isinstance(kind, Admitted) and kind.call is Array):
        raise RefusedPickleError("refused numpy _reconstruct of anything but numpy.ndarray")
    return Array()


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> Array:
    # How NumPy writes an array into a protocol 5 pickle.
    if order not in ("C", "F"):
        raise RefusedPickleError(f"refused numpy _frombuffer with order {shown(order)}")
    array = Array()
    array.set_state((1, shape, dtype, order == "F", content))
    return array


def _scalar(dtype: Any, content: Any) -> Any:
    # A single number of NumPy, such as a neighbour in a list.
    array = Array()
    array.set_state((1, (), dtype, False, content))
    return numbers_of(array).item()


def _encode(text: Any, encoding: Any) -> bytes:
    # How Python 3 writes bytes into a protocol 2 pickle.
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise RefusedPickleError(f"refused _codecs.encode with encoding {shown(encoding)}")
    return text.encode("latin1")


def _empty_bytes(*arguments: Any) -> bytes:
    # How Python 3 writes b"" into a protocol 2 pickle.
    if arguments:
        raise RefusedPickleError("refused builtins.bytes with arguments")
    return b""


def _list(*arguments: Any) -> Any:
    raise RefusedPickleError("refused to call builtins.list")


def _object(*arguments: Any) -> Any:
    raise RefusedPickleError("refused to call builtins.object")


def _reconstructor(kind: Any, base: Any, state: Any) -> Sparse:
    # How protocols 0 and 1 begin an object that has no way of its own.
    made = kind.call if isinstance(kind, Admitted) else None
    is_sparse = isinstance(made, functools.partial) and made.func is Sparse
    plain = isinstance(base, Admitted) and base.call is _object and state is None
    if not (is_sparse and plain):
        raise RefusedPickleError("refused copyreg._reconstructor of anything but a sparse matrix")
    return kind.call()


def _default_dict(*factory: Any) -> dict:
    if len(factory) > 1 or not all(isinstance(f, Admitted) and f.call is _list for f in factory):
        raise RefusedPickleError("refused collections.defaultdict with a factory other than list")
    return {}


def _ordered_dict(pairs: Any = ()) -> dict:
    return dict_of(pairs)


_CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): Array,
    ("numpy", "matrix"): Array,
    ("numpy.matrixlib.defmatrix", "matrix"): Array,
    ("numpy", "dtype"): Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _empty_bytes,
    ("builtins", "bytes"): _empty_bytes,
    ("collections", "defaultdict"): _default_dict,
    ("collections", "OrderedDict"): _ordered_dict,
    ("__builtin__", "list"): _list,
    ("builtins", "list"): _list,
    ("__builtin__", "object"): _object,
    ("builtins", "object"): _object,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("copyreg", "_reconstructor"): _reconstructor,
}
_CALLS |= {
    (f"scipy.sparse.{private}{layout}", f"{layout}_{kind}"): functools.partial(Sparse, layout)
    for private in ("", "_")
    for layout in ("csr", "csc", "coo", "lil")
    for kind in ("matrix", "array")
}
