"""The file with the pairs of nodes that a run kept from training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..graph.array_files import read_npz
from ..graph.held_out import HeldOutEdges
from .replace import replacing


def save_held_out_edges(held_out: HeldOutEdges, path: Path) -> None:
    """Writes ``positives`` and ``negatives``, each [2, P], all or nothing."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **held_out._asdict())


def read_held_out_edges(path: str | Path, num_nodes: int) -> HeldOutEdges:
    """Reads the ``held_out_edges.npz`` of a run: ``positives`` and ``negatives``, each [2, P].

    Raises:
        InputError: missing or corrupt file, missing keys, or pairs that are not of this graph.
    """
    keys = HeldOutEdges._fields
    arrays = read_npz(path, keys, required=keys)
    parts = {key: arrays[key] for key in keys}
    for key, pairs in parts.items():
        if pairs.ndim != 2 or pairs.shape[0] != 2 or pairs.dtype.kind not in "iu":
            raise InputError(
                f"{path}: {key}: expected integers [2, P], got {pairs.dtype} of {pairs.shape}"
            )
        if pairs.shape[1] == 0:
            raise InputError(f"{path}: {key}: expected at least one pair of nodes, got none")
        if pairs.min() < 0 or pairs.max() >= num_nodes:
            wrong = pairs.min() if pairs.min() < 0 else pairs.max()
            raise InputError(f"{path}: {key}: expected nodes in [0, {num_nodes}), got {wrong}")
    return HeldOutEdges(*(pairs.astype(np.int64) for pairs in parts.values()))
