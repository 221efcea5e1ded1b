"""NumPy files that nobody vouches for: read without unpickling anything, refused in one line."""

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError


def cannot_read(path: object, error: OSError) -> InputError:
    """The error of a file that the system does not give."""
    return InputError(f"cannot read {path}: {error.strerror or error}")


def check_keys(
    path: object,
    keys: Collection[str],
    *,
    required: Sequence[str],
    allowed: Sequence[str] = (),
) -> None:
    """Raises InputError for keys of a file that are unknown (unless all are allowed) or missing."""
    unknown = sorted(set(keys) - set(allowed or keys))
    if unknown:
        raise InputError(
            f"{path}: unknown keys {', '.join(unknown)}; allowed: {', '.join(allowed)}"
        )
    for key in required:
        if key not in keys:
            raise InputError(f"{path}: the key {key} is missing")


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """Every array of an npz archive by its key.

    Raises:
        InputError: missing or corrupt file, object arrays, or a single npy array.
    """
    with _faults(path, "npz"):
        archive = np.load(path, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InputError(f"{path}: expected an npz archive, got a single npy array")
    arrays = {}
    with archive:
        for key in archive.files:
            try:
                arrays[key] = archive[key]
            # A damaged member fails in zipfile, in zlib, in NumPy's parser of headers or in malloc.
            except Exception as error:
                fault = "cannot be read" if _hint(error) else "is corrupt"
                raise InputError(f"{path}: the key {key} {fault} ({error}){_hint(error)}") from None
            if not isinstance(arrays[key], np.ndarray):
                raise InputError(f"{path}: the member {key} is not an array")
    return arrays


def read_npy(path: str | Path, *, mapped: bool = False) -> np.ndarray:
    """The array of an npy file; with `mapped` a `np.memmap`, which stays in the file.

    Raises:
        InputError: missing or corrupt file, or an object array.
    """
    # Not np.load, which takes any file that it does not know for a pickle.
    with _faults(path, "npy"):
        if mapped:
            return np.lib.format.open_memmap(path, mode="r")
        with open(path, "rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)


@contextlib.contextmanager
def _faults(path: str | Path, kind: str) -> Iterator[None]:
    # Not path.is_file(): that raises where a folder on the way may not be entered.
    if not os.path.isfile(path):
        raise InputError(f"no file {path}")
    try:
        yield
    except OSError as error:
        raise cannot_read(path, error) from None
    # A damaged file fails in NumPy's parser of headers, in mmap, in zipfile or in malloc.
    except Exception as error:
        raise InputError(
            f"{path}: not an {kind} file, or a truncated one ({error}){_hint(error)}"
        ) from None


def _hint(error: Exception) -> str:
    return "; object arrays are not read" if "bject" in str(error) else ""
