"""NumPy files that nobody vouches for: read without unpickling anything, refused in one line."""

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from ..errors import InputError


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """Every array of an npz archive by its key.

    Raises:
        InputError: missing or corrupt file, object arrays, or a single npy array.
    """
    archive = _load(path, "npz")
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InputError(f"{path}: expected an npz archive, got a single npy array")
    arrays = {}
    with archive:
        for key in archive.files:
            try:
                value = archive[key]
            # A damaged member fails in zipfile, in zlib, in NumPy's header parser or in malloc.
            except (ValueError, EOFError, OSError, MemoryError) as error:
                hint = "" if "allow_pickle" not in str(error) else "; object arrays are not read"
                raise InputError(f"{path}: cannot read the key {key} ({error}){hint}") from None
            except (zipfile.BadZipFile, zlib.error, SyntaxError, NotImplementedError) as error:
                raise InputError(f"{path}: the key {key} is corrupt ({error})") from None
            if not isinstance(value, np.ndarray):
                raise InputError(f"{path}: the member {key} is not an array")
            arrays[key] = value
    return arrays


def read_npy(path: str | Path) -> np.ndarray:
    """The array of an npy file.

    Raises:
        InputError: missing or corrupt file, an object array, or an npz archive.
    """
    array = _load(path, "npy")
    if isinstance(array, np.lib.npyio.NpzFile):
        array.close()
        raise InputError(f"{path}: expected a single npy array, got an npz archive")
    return array


def _load(path: str | Path, kind: str) -> np.ndarray | np.lib.npyio.NpzFile:
    # Not path.is_file(): that raises where a folder on the way may not be entered.
    if not os.path.isfile(path):
        raise InputError(f"no file {path}")
    try:
        return np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, MemoryError, SyntaxError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not an {kind} file, or a truncated one ({error})") from None
