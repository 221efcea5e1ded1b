"""NumPy files that nobody vouches for: read without unpickling anything, refused in one line.

Names, headers and lengths are looked at before any data is read.
"""

import contextlib
import io
import math
import os
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from ..errors import InputError, told_of
from ..files import cannot_read, is_litter, most_unfolded, open_file

_LONGEST_HEADER = 10_000  # as NumPy's own bound
_BLOCK = 1 << 18  # bytes of data that are read at once
_LONGEST_DIRECTORY = 1 << 20  # of the members of an archive, in bytes


class _Header(NamedTuple):
    """What the header of an npy file says; the data begin at `start`."""

    shape: tuple[int, ...]
    order: Literal["C", "F"]
    dtype: np.dtype
    start: int

    @property
    def length(self) -> int:
        """Of the data, in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def cost(self) -> int:
        """Bytes that are taken at most until the array is checked.

        Numbers become float32; strings, of which "S" is decoded, are sorted; and a graph holds some
        arrays of 8 bytes for each node or edge.
        """
        each = {"S": 8, "U": 2}.get(self.dtype.kind, 1) * self.dtype.itemsize
        return 64 * max(self.shape, default=1) + max(each, 4) * math.prod(self.shape)

    def check_length(self, got: int) -> None:
        """Raises ValueError unless `got` bytes of data are just enough."""
        if got != self.length:
            raise ValueError(
                f"expected {self.length} bytes of data for {self.dtype} of shape {self.shape}, got"
                f" {got}"
            )


def is_among(key: str, names: Collection[str]) -> bool:
    """Whether a key is one of some names, in which * stands for one or more characters."""
    if key in names:
        return True
    starts = [name[:-1] for name in names if name.endswith("*")]
    return any(key.startswith(start) and key != start for start in starts)


def check_keys(
    path: object,
    keys: Collection[str],
    *,
    required: Sequence[str],
    allowed: Sequence[str] = (),
) -> None:
    """Raises InputError for keys of a file that are unknown (unless all are allowed) or missing."""
    unknown = sorted(key for key in keys if allowed and not is_among(key, allowed))
    if unknown:
        raise InputError(
            f"{path}: unknown keys {', '.join(unknown)}; allowed: {', '.join(allowed)}"
        )
    for key in required:
        if key not in keys:
            raise InputError(f"{path}: the key {key} is missing")


def read_npz(
    path: str | Path,
    keys: Collection[str],
    *,
    required: Sequence[str] = (),
    allowed: Sequence[str] = (),
    also: Sequence[str] = (),
    compressed: bool = True,
) -> dict[str, np.ndarray]:
    """The arrays of an npz archive under some keys.

    Args:
        path: the file.
        keys: what is read, as far as it is there.
        required: the keys that must be there.
        allowed: the keys that may be there; by default all.
        also: more of them, which no message tells.
        compressed: whether they may be. If not, they take no more memory than the file has bytes.

    Raises:
        InputError: missing or corrupt file, unknown or missing keys, object arrays, a single npy
            array, or a small file that unfolds to a huge one.
    """
    with _reading(path, "npz") as file:
        if file.read(6) == np.lib.format.MAGIC_PREFIX:
            raise InputError(f"{path}: expected an npz archive, got a single npy array")
        with zipfile.ZipFile(_SmallReads(file)) as archive:
            members = _members(path, archive)
            ours = [key for key in members if not is_among(key, also)]
            check_keys(path, ours, required=required, allowed=allowed)
            wanted = {key: members[key] for key in members if is_among(key, keys)}
            if not compressed and any(
                m.compress_type != zipfile.ZIP_STORED for m in wanted.values()
            ):
                raise InputError(f"{path}: expected arrays that are not compressed")
            headers = {}
            for key, member in wanted.items():
                with _reading_member(path, key, archive, member) as data:
                    headers[key] = _read_header(data)
                    headers[key].check_length(member.file_size - headers[key].start)
            _check_cost(path, file, sum(header.cost for header in headers.values()))
            # Members may lie over one another.
            length = sum(header.length for header in headers.values())
            if not compressed and length > os.fstat(file.fileno()).st_size:
                raise InputError(f"{path}: expected the arrays one after the other")
            arrays = {}
            for key, member in wanted.items():
                with _reading_member(path, key, archive, member) as data:
                    arrays[key] = _read_data(data, headers[key])
            return arrays


def read_npy(path: str | Path, *, mapped: bool = False) -> np.ndarray:
    """The array of an npy file; with `mapped` a `np.memmap`, which stays in the file.

    Raises:
        InputError: missing or corrupt file, or an object array.
    """
    # Not np.load, which takes any file that it does not know for a pickle.
    with _reading(path, "npy") as file:
        with told_of(path):
            header = _read_header(file)
        header.check_length(os.fstat(file.fileno()).st_size - header.start)
        _check_cost(path, file, header.cost)
        if mapped:
            return np.memmap(
                file, header.dtype, "r", header.start, header.shape, order=header.order
            )
        file.seek(0)
        return _read_data(file, header)


@contextlib.contextmanager
def _reading(path: str | Path, kind: str) -> Iterator[IO[bytes]]:
    # Not path.is_file(): that raises where a folder on the way may not be entered.
    if not os.path.isfile(path):
        raise InputError(f"no file {path}")
    with open_file(path) as file, _faults(path, f"not an {kind} file, or a truncated one"):
        yield file


@contextlib.contextmanager
def _reading_member(
    path: object, key: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo
) -> Iterator[IO[bytes]]:
    where = f"the key {key}"
    # The other methods give all that a block unfolds to at once; NumPy does not write them.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path}: {where} is not compressed as np.savez_compressed does")
    with (
        _faults(path, f"{where} is corrupt"),
        told_of(f"{path}: {where}"),
        archive.open(member) as data,
    ):
        yield data


@contextlib.contextmanager
def _faults(path: object, fault: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except OSError as error:
        raise cannot_read(path, error) from None
    # A damaged file fails in NumPy's parser of headers, in mmap, in zipfile, in zlib or in malloc.
    except Exception as error:
        raise InputError(f"{path}: {fault} ({error})") from None


class _SmallReads:
    """A file for zipfile, which reads the directory of the members at once, however long it is."""

    def __init__(self, file: IO[bytes]):
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, size: int = -1) -> bytes:
        if size > _LONGEST_DIRECTORY:
            raise ValueError(f"a directory of {size} bytes")
        return self._file.read(size)


def _members(path: object, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        if any(map(is_litter, member.filename.split("/"))):  # zipped by hand
            continue
        key = member.filename.removesuffix(".npy")
        if key in members:
            raise InputError(f"{path}: the key {key} is there twice")
        members[key] = member
    return members


def _check_cost(path: object, file: IO[bytes], cost: int) -> None:
    status = os.fstat(file.fileno())
    # Holes, which read as zeros, take no blocks; some systems count no blocks at all.
    blocks = getattr(status, "st_blocks", 0) * 512
    size = min(status.st_size, blocks or status.st_size)
    # Nothing costs more than 72 times its bytes: what was compressed, or has holes, is refused.
    if cost > most_unfolded(size):
        raise InputError(
            f"{path}: {size:,} bytes unfold to arrays that take {cost:,}; write so large ones"
            " uncompressed, with np.savez or np.save"
        )


def _read_header(file: IO[bytes]) -> _Header:
    # From memory: NumPy would read as many bytes as the file says that its header has.
    head = io.BytesIO(file.read(_LONGEST_HEADER))
    version = np.lib.format.read_magic(head)
    if version == (1, 0):
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(head)
    elif version == (2, 0):
        shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(head)
    else:  # (3, 0) names the parts of structures
        raise ValueError(f"version {version[0]}.{version[1]} of the format")
    if dtype.hasobject:
        raise InputError(
            "object arrays are not read, they may run programs; write strings with dtype=str, rows"
            " of several lengths as CSR"
        )
    if dtype.kind not in "biufcSUmM" or not dtype.itemsize:
        raise ValueError(f"dtype {dtype}")
    if len(shape) > 32 or min(shape, default=0) < 0:
        raise ValueError(f"shape {shape}")
    return _Header(shape, "F" if is_fortran else "C", dtype, head.tell())


def _read_data(file: IO[bytes], header: _Header) -> np.ndarray:
    """Reads the array of a file that stands at its beginning, to the end of the file."""
    file.read(header.start)
    array = np.empty(math.prod(header.shape), header.dtype)
    raw: Any = array.view(np.uint8)
    filled = 0
    while filled < len(raw):
        got = file.readinto(raw[filled : filled + _BLOCK])  # type: ignore[attr-defined]
        if not got:
            raise ValueError(f"{filled} of {len(raw)} bytes")
        filled += got
    return array.reshape(header.shape, order=header.order)
