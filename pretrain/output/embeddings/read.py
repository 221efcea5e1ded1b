"""Embeddings of anyone, as an evaluation reads them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np

from ...config.options import PretrainConfig
from ...errors import InputError, told_of
from ...graph.array_files import read_npy, read_npz
from ...graph.checks import check_node_ids
from ...graph.data import LabelledNodes
from ...graph.held_out import HeldOutEdges
from ..folder import OutputFolder
from ..held_out import read_held_out_edges
from .kinds import NPY, NPZ, kind_of_content, no_embeddings
from .tables import read_table

LARGEST_VALUE = 1e15  # squares of larger ones, or their sums, would overflow float32


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddingFile:
    """The embeddings of N nodes, and what lay beside them.

    Attributes:
        source: the path that was given.
        embeddings: [N, K] float32, all finite.
        node_ids: [N] int64 or str, all different; None if the nodes are known by their order alone.
        held_out: pairs of row numbers that the run kept from training; None without.
        config: of the run; None if this is no run's folder.
    """

    source: str
    embeddings: np.ndarray
    node_ids: np.ndarray | None = None
    held_out: HeldOutEdges | None = None
    config: PretrainConfig | None = None


def read_embeddings(source: str) -> EmbeddingFile:
    """Reads embeddings.

    Args:
        source: an ``.npz`` file with ``embeddings`` [N, K] and optionally ``node_ids`` [N]; an
            ``.npy`` file [N, K]; a table, see `read_table`; or the folder of a `pretrain` run, from
            which configuration and held-out edges are read too.

    Raises:
        InputError: files that cannot be read, or arrays that are no embeddings.
    """
    folder = OutputFolder(Path(source)) if os.path.isdir(source) else None
    path = str(folder.embeddings) if folder else source
    if folder and not os.path.isfile(folder.embeddings):
        raise no_embeddings(Path(source))
    kind = kind_of_content(path)
    if kind.suffix == NPY:
        arrays = {"embeddings": read_npy(path)}
    elif kind.suffix == NPZ:
        arrays = read_npz(path, ("embeddings", "node_ids"), required=("embeddings",))
    else:
        arrays = read_table(path, kind)
    with told_of(path):
        embeddings = _check(arrays["embeddings"])
        node_ids = arrays.get("node_ids")
        if node_ids is not None:
            node_ids = check_node_ids(node_ids, len(embeddings))
    held_out = config = None
    if folder:
        if os.path.lexists(folder.held_out_edges):
            held_out = read_held_out_edges(folder.held_out_edges, len(embeddings))
        if os.path.lexists(folder.config):
            try:
                config = folder.read_config()
            except (OSError, InputError):
                raise InputError(f"{folder.config}: not the configuration of a run") from None
    return EmbeddingFile(source, embeddings, node_ids, held_out, config)


def matching_order(
    nodes: LabelledNodes, given: np.ndarray | None, num_given: int, *, name: str
) -> np.ndarray:
    """Where each node is found: given[order] equals nodes.node_ids, written as texts if one is.

    Args:
        nodes: N nodes with ids, or known by their order alone.
        given: [M] ids, or None.
        num_given: M.
        name: of what was given, for messages.

    Returns:
        [N] int64; 0 .. N - 1 where either side has no ids.

    Raises:
        InputError: other numbers of nodes, or ids of other nodes.
    """
    wanted = nodes.node_ids
    if nodes.num_nodes != num_given:
        raise InputError(
            f"{name}: expected {nodes.num_nodes} rows, as many as {nodes.name} has nodes, got"
            f" {num_given}"
        )
    if wanted is None or given is None:
        return np.arange(num_given)
    if wanted.dtype.kind != given.dtype.kind:  # texts and tables do not tell 7 from "7"
        wanted, given = wanted.astype(str), given.astype(str)
    order = np.argsort(given, kind="stable")
    position = np.searchsorted(given, wanted, sorter=order)
    found = order[np.minimum(position, num_given - 1)]
    strange = given[found] != wanted
    if strange.any():
        raise InputError(
            f"{name}: expected the node_ids of {nodes.name}, but {wanted[strange.argmax()]} is"
            f" missing ({int(strange.sum())} such nodes)"
        )
    return found


def _check(embeddings: np.ndarray) -> np.ndarray:
    if embeddings.ndim != 2 or 0 in embeddings.shape:
        raise InputError(f"embeddings: expected shape [N, K], got {embeddings.shape}")
    if embeddings.dtype.kind not in "iuf":
        raise InputError(f"embeddings: expected numbers, got dtype {embeddings.dtype}")
    # Extremes rather than every value: no second array of the size of the first. NaN spreads.
    extremes = max(abs(float(embeddings.min())), abs(float(embeddings.max())))
    if not extremes <= LARGEST_VALUE:
        wrong = ~(np.abs(embeddings) <= LARGEST_VALUE)
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            f"embeddings: expected finite values within +-{LARGEST_VALUE:g}, got"
            f" {embeddings[row, column]} in row {row}, column {column}"
            f" ({int(wrong.sum())} such values in all)"
        )
    return np.ascontiguousarray(embeddings, np.float32)
