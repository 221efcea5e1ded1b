"""A folder with one npy file per array: graphs that are larger than memory.

The names of the files are the keys of docs/usage/datasets.md: features.npy, edge_index.npy, ...
Dense features stay in their file and are read where they are needed; edges are read in blocks.
"""

from pathlib import Path

from ..errors import InputError
from ..files import is_litter
from .array_files import is_among, read_npy
from .data import GraphData
from .npz import ALLOWED_KEYS, graph_from_arrays

_MAPPED_KEYS = ("features", "edge_index")


def load_npy_folder(path: str | Path, *, split: int = 0) -> GraphData:
    """Reads a graph from a folder of npy files, without unpickling anything.

    Args:
        path: the folder.
        split: which of several splits.

    Returns:
        The graph, its ``features`` a `np.memmap` if they are dense.

    Raises:
        InputError: no such folder, missing, unknown or corrupt files, object arrays, or parts that
            do not make a graph.
    """
    folder = Path(path)
    try:
        files = sorted(
            file for file in folder.iterdir() if file.suffix == ".npy" and not is_litter(file.name)
        )
    except (OSError, ValueError) as error:  # ValueError: NUL or a half surrogate in the name
        problem = getattr(error, "strerror", None) or error
        raise InputError(
            f"dataset 'npy:{path}': expected a folder with npy files: {problem}"
        ) from None
    unknown = [file.name for file in files if not is_among(file.stem, ALLOWED_KEYS)]
    if unknown:
        raise InputError(
            f"{path}: unknown files {', '.join(unknown)}; allowed: {', '.join(ALLOWED_KEYS)}, each"
            " with .npy"
        )
    arrays = {file.stem: read_npy(file, mapped=file.stem in _MAPPED_KEYS) for file in files}
    return graph_from_arrays(arrays, path, name=f"npy:{path}", split=split)
