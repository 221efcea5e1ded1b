"""Reads the pickles of the Planetoid format without running anything they contain.

A pickle is a program for a small machine. Python's own runs all of it: it imports and calls what
the program names, hashes what the program nests, and follows shared parts as often as they occur.
The machine here knows the opcodes that data need and no others. Each of its steps takes a bounded
time and a bounded piece of memory, and they are counted:

- names lead to the stand-ins of `objects`, or are refused;
- only numbers and strings are keys, so nothing deep is ever hashed or compared;
- integers have at most 32 bytes, far more than any node number;
- calls copy a few times what the file holds, and no more.

Source: https://docs.python.org/3/library/pickletools.html, and Lib/pickletools.py for the opcodes.
"""

import codecs
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import InputError, told_of
from ...files import read_file
from .objects import (
    Admitted,
    Array,
    Dtype,
    RefusedPickleError,
    Sparse,
    admitted,
    cost_of,
    dict_of,
    numbers_of,
)

_LONGEST_FILE = 1 << 28
_LONGEST_INTEGER = 32  # bytes
_MOST_PARTS = 64  # of the arguments of a call, or of the state of an object
# A step takes a microsecond and at most some 150 bytes. The largest citation graph in this format,
# NELL, has some 600,000.
_MOST_STEPS = 1_500_000
_COPIES = 4  # of the content of a file, which is in a string, then an array, then a matrix
_DEEPEST = 100  # marks within marks
_U1, _U2, _U4, _U8, _I4, _F8 = map(struct.Struct, ("<B", "<H", "<I", "<Q", "<i", ">d"))


def restricted_load(path: str | Path) -> Any:
    """Reads one pickle file: a number array, a sparse matrix, or plain dicts, lists and numbers.

    Args:
        path: the file. Python 2 strings in it are read as latin1, which keeps bytes as they are.

    Returns:
        `numpy.ndarray` of numbers or booleans, a matrix of `scipy.sparse` as CSR, CSC or COO, or
        built-in containers, in which arrays are still `objects.Array`; `defaultdict` and
        `OrderedDict` come back as plain `dict`.

    Raises:
        RefusedPickleError: the pickle names an object outside the list, misuses one, or takes more
            steps or other ones than data do.
        InputError: the file is missing, unreadable, truncated or corrupt.
    """
    return restricted_loads(read_file(path, _LONGEST_FILE), source=str(path))


def restricted_loads(content: bytes, *, source: str = "pickle") -> Any:
    """Like `restricted_load`, for bytes; `source` names them in messages."""
    with told_of(source):
        try:
            return numbers_of(_Machine(content).run())
        except InputError:
            raise
        # A corrupt pickle program can fail in any way (IndexError, KeyError, TypeError, MemoryError
        # ...), and none of them tells the reader more than this.
        except Exception as error:
            problem = f"truncated or corrupt pickle ({type(error).__name__}: {error})"
            raise InputError(problem) from None


class _Machine:
    """Runs one program: on a stack of stacks, one for each mark, and a memo of numbered objects."""

    def __init__(self, content: bytes):
        self._content = content
        self._at = 0
        self._bytes_left = _COPIES * len(content) + 1000
        self._below_marks: list[list[Any]] = []
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """What the program leaves on the stack."""
        for _ in range(_MOST_STEPS):
            opcode = self._content[self._at]
            self._at += 1
            if opcode in _VALUES:
                value = _VALUES[opcode](self)  # may replace the stack
                self.stack.append(value)
            elif opcode in _CHANGES:
                _CHANGES[opcode](self)
            elif opcode == pickle.STOP[0]:
                return self.stack.pop()
            else:
                raise RefusedPickleError(f"refused opcode {opcode:#x}; data do not need it")
        problem = (
            f"refused more than {_MOST_STEPS:,} steps; so large a graph belongs in an npz file"
        )
        raise RefusedPickleError(problem)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        start, self._at = self._at, self._at + count
        if not start <= self._at <= len(self._content):
            raise ValueError("the file ends early")
        return self._content[start : self._at]

    def number(self, layout: struct.Struct) -> Any:
        """A number of a fixed length."""
        (number,) = layout.unpack_from(self._content, self._at)
        self._at += layout.size
        return number

    def chunk(self, layout: struct.Struct) -> bytes:
        """As many bytes as a number before them says."""
        return self.take(self.number(layout))

    def text(self, layout: struct.Struct) -> str:
        """A string, with its length before it."""
        return self.chunk(layout).decode("utf-8", "surrogatepass")

    def line(self) -> bytes:
        """The bytes up to the end of the line."""
        line = self.take(self._content.index(b"\n", self._at) - self._at)
        self._at += 1
        return line

    def number_line(self) -> bytes:
        """A line that is short enough to be a number."""
        if len(line := self.line()) > 2 * _LONGEST_INTEGER:
            raise RefusedPickleError(f"refused a number of {len(line):,} digits")
        return line

    def binary_integer(self, layout: struct.Struct) -> int:
        """A little-endian integer, with its length before it."""
        length = self.number(layout)
        if length > _LONGEST_INTEGER:
            raise RefusedPickleError(f"refused an integer of {length:,} bytes")
        return int.from_bytes(self.take(length), "little", signed=True)

    def written_integer(self) -> int:
        """A decimal number in a line, of Python 2 with an L."""
        line = self.number_line()
        return line == b"01" if line in (b"00", b"01") else int(line.removesuffix(b"L"))

    def quoted(self) -> str:
        """A string as Python 2 writes it."""
        line = self.line()
        if len(line) < 2 or line[:1] not in (b"'", b'"') or line[:1] != line[-1:]:
            raise ValueError("a string without quotes")
        return codecs.escape_decode(line[1:-1])[0].decode("latin1")

    def last(self, count: int) -> list[Any]:
        """Takes objects from the stack."""
        if count > len(self.stack):
            raise ValueError("too few objects on the stack")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def marked(self) -> list[Any]:
        """Takes all objects above the last mark, and the mark."""
        items, self.stack = self.stack, self._below_marks.pop()
        return items

    def named(self, module: Any, name: Any) -> Admitted:
        """What two strings name."""
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("names that are no strings")
        return admitted(module, name)

    def call(self, function: Any, arguments: Any) -> Any:
        """What a function makes of its arguments."""
        if not isinstance(function, Admitted) or type(arguments) is not tuple:
            raise ValueError("a call of something that is no function")
        self._spend_on(arguments)
        return function.call(*arguments)

    def mark(self) -> None:
        """Begins a new stack."""
        if len(self._below_marks) > _DEEPEST:
            raise RefusedPickleError("refused marks within marks within marks")
        self._below_marks.append(self.stack)
        self.stack = []

    def remember(self, number: int) -> None:
        """Keeps the object on top of the stack under a number."""
        if number > len(self._content):  # a pickler counts from 0
            raise RefusedPickleError(f"refused memo slot {number} in {len(self._content)} bytes")
        self.memo[number] = self.stack[-1]

    def extend(self, items: list[Any]) -> None:
        """Adds to the list on top of the stack."""
        if type(self.stack[-1]) is not list:
            raise ValueError("items without a list")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        """Adds to the dict on top of the stack."""
        if type(self.stack[-1]) is not dict:
            raise ValueError("items without a dict")
        self.stack[-1].update(_dict_of(items))

    def build(self) -> None:
        """Gives the object on top of the stack its state."""
        (state,) = self.last(1)
        target = self.stack[-1]
        if isinstance(target, Admitted):
            raise RefusedPickleError(f"refused to change a function or class, {target.name}")
        if not isinstance(target, Dtype | Array | Sparse) or type(state) not in (tuple, dict):
            raise ValueError("a state without an object")
        self._spend_on(state)
        target.set_state(state)

    def _spend_on(self, parts: tuple | dict) -> None:
        if len(parts) > _MOST_PARTS:
            raise RefusedPickleError(f"refused an object of {len(parts):,} parts")
        every = parts.values() if isinstance(parts, dict) else parts
        self._bytes_left -= sum(map(cost_of, every))
        if self._bytes_left < 0:
            raise RefusedPickleError("refused to copy the same data many times")


def _dict_of(items: list[Any]) -> dict:
    return dict_of(zip(items[::2], items[1::2], strict=True))


# What each opcode puts on the stack.
_VALUE_OF: dict[bytes, Callable[[_Machine], Any]] = {
    pickle.NONE: lambda run: None,
    pickle.NEWTRUE: lambda run: True,
    pickle.NEWFALSE: lambda run: False,
    pickle.INT: lambda run: run.written_integer(),
    pickle.LONG: lambda run: run.written_integer(),
    pickle.BININT: lambda run: run.number(_I4),
    pickle.BININT1: lambda run: run.number(_U1),
    pickle.BININT2: lambda run: run.number(_U2),
    pickle.LONG1: lambda run: run.binary_integer(_U1),
    pickle.LONG4: lambda run: run.binary_integer(_I4),
    pickle.FLOAT: lambda run: float(run.number_line()),
    pickle.BINFLOAT: lambda run: run.number(_F8),
    pickle.STRING: lambda run: run.quoted(),
    pickle.BINSTRING: lambda run: run.chunk(_I4).decode("latin1"),
    pickle.SHORT_BINSTRING: lambda run: run.chunk(_U1).decode("latin1"),
    pickle.UNICODE: lambda run: run.line().decode("raw-unicode-escape"),
    pickle.BINUNICODE: lambda run: run.text(_U4),
    pickle.SHORT_BINUNICODE: lambda run: run.text(_U1),
    pickle.BINUNICODE8: lambda run: run.text(_U8),
    pickle.BINBYTES: lambda run: run.chunk(_U4),
    pickle.SHORT_BINBYTES: lambda run: run.chunk(_U1),
    pickle.BINBYTES8: lambda run: run.chunk(_U8),
    pickle.BYTEARRAY8: lambda run: run.chunk(_U8),
    pickle.EMPTY_TUPLE: lambda run: (),
    pickle.TUPLE: lambda run: tuple(run.marked()),
    pickle.TUPLE1: lambda run: tuple(run.last(1)),
    pickle.TUPLE2: lambda run: tuple(run.last(2)),
    pickle.TUPLE3: lambda run: tuple(run.last(3)),
    pickle.EMPTY_LIST: lambda run: [],
    pickle.LIST: lambda run: run.marked(),
    pickle.EMPTY_DICT: lambda run: {},
    pickle.DICT: lambda run: _dict_of(run.marked()),
    pickle.GET: lambda run: run.memo[run.written_integer()],
    pickle.BINGET: lambda run: run.memo[run.number(_U1)],
    pickle.LONG_BINGET: lambda run: run.memo[run.number(_U4)],
    pickle.GLOBAL: lambda run: run.named(run.line().decode(), run.line().decode()),
    pickle.STACK_GLOBAL: lambda run: run.named(*run.last(2)),
    pickle.REDUCE: lambda run: run.call(*run.last(2)),
    pickle.NEWOBJ: lambda run: run.call(*run.last(2)),
    pickle.INST: lambda run: run.call(_VALUE_OF[pickle.GLOBAL](run), tuple(run.marked())),
}

# What the others do.
_CHANGE_BY: dict[bytes, Callable[[_Machine], object]] = {
    pickle.PROTO: lambda run: run.number(_U1),
    pickle.FRAME: lambda run: run.number(_U8),
    pickle.MARK: lambda run: run.mark(),
    pickle.PUT: lambda run: run.remember(run.written_integer()),
    pickle.BINPUT: lambda run: run.remember(run.number(_U1)),
    pickle.LONG_BINPUT: lambda run: run.remember(run.number(_U4)),
    pickle.MEMOIZE: lambda run: run.remember(len(run.memo)),
    pickle.APPEND: lambda run: run.extend(run.last(1)),
    pickle.APPENDS: lambda run: run.extend(run.marked()),
    pickle.SETITEM: lambda run: run.update(run.last(2)),
    pickle.SETITEMS: lambda run: run.update(run.marked()),
    pickle.BUILD: lambda run: run.build(),
}

_VALUES = {opcode[0]: make for opcode, make in _VALUE_OF.items()}
_CHANGES = {opcode[0]: change for opcode, change in _CHANGE_BY.items()}
