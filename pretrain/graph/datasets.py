"""From what the person wrote after `--dataset` to a graph. Formats: docs/datasets.md."""

import os

from ..config.places import KINDS
from ..errors import InputError
from .data import GraphData
from .digits import load_digits_graph
from .npy import load_npy_folder
from .npz import load_npz
from .planetoid import load_planetoid

CHOICES = "digits, planetoid:NAME, npz:FILE, npy:FOLDER"


def load_dataset(spec: str, data_dir: str | None = None, *, knn: int = 10) -> GraphData:
    """Reads a data set.

    Args:
        spec: `digits`, `planetoid:NAME`, `npz:FILE` or `npy:FOLDER`.
        data_dir: the folder with the files of `planetoid:NAME`. Default: the environment variable
            GBT_DATA_DIR. The other data sets do not use it.
        knn: neighbours per node of the `digits` graph, in [1, 1796].

    Raises:
        InputError: unknown data set, missing or corrupt files, or a graph that is not one.
    """
    kind, colon, argument = spec.partition(":")
    if spec == "digits":
        return load_digits_graph(knn)
    if kind == "planetoid" and argument:
        folder = data_dir or os.environ.get("GBT_DATA_DIR")
        if not folder:
            raise InputError(
                f"dataset {spec!r} needs --data-dir DIR (or the environment variable GBT_DATA_DIR):"
                f" the folder with the files ind.{argument}.*"
            )
        return load_planetoid(argument, folder)
    if kind == "npz" and argument:
        return load_npz(argument)
    if kind == "npy" and argument:
        return load_npy_folder(argument)
    missing = f": nothing follows {kind + colon!r}" if kind in KINDS else ""
    raise InputError(f"unknown dataset {spec!r}{missing}; choose one of {CHOICES}")
