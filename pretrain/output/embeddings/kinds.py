"""The kinds of files with embeddings, told by the end of the name; and what other files are."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from ...files import open_file

NPZ, NPY, PARQUET = ".npz", ".npy", ".parquet"
WORD2VEC = (".w2v", ".txt")
SEPARATORS = {".csv": ",", ".tsv": "\t"} | dict.fromkeys(WORD2VEC, " ")
ENDINGS = ".npz, .npy, .parquet, .csv, .tsv, .csv.gz, .tsv.gz, or .w2v or .txt for word2vec's text"

_ZIP, _ZIPPED = b"PK\x03\x04", ".gz"
_BY_MAGIC = {b"\x93NUMPY": NPY, _ZIP: NPZ, b"PAR1": PARQUET}
_SAVE = "save its array with numpy.save"
_STRANGERS = {
    b"\x89HDF\r\n": f"is an HDF5 file; {_SAVE}",
    b"\x80": f"is a pickle, as older PyTorch files are, and would have to be executed; {_SAVE}",
}
_STRANGERS_LIKE_TEXT = {  # and so may a word be in a text
    b"MATLAB 5.0 MAT-file": f"is a MATLAB file; {_SAVE}",
    b"ARROW1\0\0": "is an Arrow or Feather file; write it as Parquet",
    b"SQLite format 3\0": "is an SQLite database; write the table as Parquet or CSV",
}


class Kind(NamedTuple):
    """How a file is written.

    Attributes:
        suffix: one of those above.
        zipped: whether it is a text that gzip has compressed.
    """

    suffix: str
    zipped: bool = False

    @property
    def separator(self) -> str | None:
        """Between the columns of a text; None of other files."""
        return SEPARATORS.get(self.suffix)

    @property
    def is_word2vec(self) -> bool:
        """Whether a line with N and D, and no header, comes first."""
        return self.suffix in WORD2VEC


def kind_of(path: str | Path) -> Kind | None:
    """By the end of the name; None where it says nothing."""
    name = os.fspath(path).lower()
    zipped = name.endswith(_ZIPPED)
    suffix = Path(name.removesuffix(_ZIPPED)).suffix
    if suffix in SEPARATORS:
        return Kind(suffix, zipped)
    return Kind(suffix) if suffix in _BY_MAGIC.values() and not zipped else None


def kind_of_content(path: str) -> Kind:
    """By the name, else by the first bytes.

    Raises:
        InputError: a file that is none of these, with what it is; no such file.
    """
    if not os.path.isfile(path):
        raise InputError(f"no file {path}")
    with open_file(path) as file:
        start = file.read(max(map(len, _STRANGERS_LIKE_TEXT)))
    kind = kind_of(path)
    is_text = kind is not None and kind.separator is not None
    for magic, stranger in (_STRANGERS if is_text else _STRANGERS | _STRANGERS_LIKE_TEXT).items():
        if start.startswith(magic):
            raise InputError(f"{path} {stranger}")
    if start.startswith(_ZIP) and _is_torch(path):
        raise InputError(f"{path} is a PyTorch file, which would have to be executed; {_SAVE}")
    if kind is not None:
        return kind
    for magic, suffix in _BY_MAGIC.items():
        if start.startswith(magic):
            return Kind(suffix)
    if "tfevents" in Path(path).name:
        raise InputError(f"{path} is a TensorBoard log, not embeddings")
    raise InputError(f"{path}: expected the folder of a run, or a file that ends in {ENDINGS}")


def no_embeddings(folder: Path) -> InputError:
    """The error of a folder without embeddings: what it is instead."""
    names = {one.name for one in folder.iterdir()} if os.access(folder, os.R_OK) else set()
    what = "expected the folder of a run, but there is no embeddings.npz"
    if "saved_model.pb" in names:
        what = "is a SavedModel; `graph-barlow-twins embed` makes embeddings with it"
    elif any("tfevents" in name for name in names):
        what = "is a TensorBoard log; give the folder of the run"
    elif "checkpoint" in names and "config.json" in names:
        what = "is a run that has not ended; the same command with --resume continues it"
    elif any(name.endswith(".index") for name in names):
        what = "is a TensorFlow checkpoint; export its embeddings with numpy.save"
    return InputError(f"{folder}: {what}")


def _is_torch(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False  # its own reader says what is wrong
