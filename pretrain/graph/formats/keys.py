"""Arrays of an npz file under other projects' keys, to ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse

from ...errors import InputError, told_of
from ..checks import MASKS, csr_from_parts
from ..structure import check_count

# PyTorch Geometric's, and those of the files of "A critical look at the evaluation of GNNs under
# heterophily" (https://arxiv.org/abs/2302.11640). Masks of several splits end in an s there.
_RENAMED = {
    "x": "features",
    "y": "labels",
    "node_features": "features",
    "node_labels": "labels",
    **{f"{mask}s": mask for mask in MASKS},
}
OF_LABELS = tuple(name for name, key in _RENAMED.items() if key in ("labels", *MASKS))
_LINKS = ("edges", "edge_attr")
# gnn-benchmark's (https://github.com/shchur/gnn-benchmark), and scipy.sparse.save_npz's.
_CSR = ("data", "indices", "indptr", "shape")
_ADJACENCY, _ATTRIBUTES = ("adj_", "adj_matrix."), ("attr_", "attr_matrix.")
_SCIPY = ("data", "indices", "indptr", "shape", "format", "row", "col", "offsets")
FOREIGN_KEYS = (
    *_RENAMED,
    *_LINKS,
    *(f"{prefix}{part}" for prefix in (*_ADJACENCY, *_ATTRIBUTES) for part in _CSR),
    "attr_matrix",
    "adj_matrix",
    "num_nodes",
    *_SCIPY,
)
# What such files may hold beside, often pickled; it is not read.
IGNORED_KEYS = (
    *("_is_array", "attr_names", "class_names", "metadata", "name", "node_names"),
    *("idx_to_attr", "idx_to_class", "idx_to_node"),
)


def in_our_terms(parts: Mapping[str, Any], path: object) -> dict[str, Any]:
    """The same arrays under the keys of docs/usage/datasets.md.

    Args:
        parts: arrays by key; our own keys are left as they are.
        path: where they came from, for messages.

    Raises:
        InputError: something under two names, or parts that make no matrix.
    """
    found = dict(parts)
    given: dict[str, str] = {}
    told = _number(found.pop("num_nodes", None), path)

    def put(key: str, value: Any, name: str) -> None:
        if (key in parts and key != "num_nodes") or key in given:
            raise InputError(f"{path}: {given.get(key, key)} and {name} are the same; keep one")
        found[key], given[key] = value, name

    for name, key in _RENAMED.items():
        if name in found:
            put(key, found.pop(name), name)
    if "edges" in found:
        edges = found.pop("edges")
        put("edge_index", edges.T if edges.ndim == 2 and edges.shape[1] == 2 else edges, "edges")
    if "edge_attr" in found:
        attributes = found.pop("edge_attr")
        if attributes.ndim == 2 and attributes.shape[1] == 1:
            attributes = attributes[:, 0]
        if attributes.ndim == 1:  # of several attributes none is told to be the weight
            put("edge_weight", attributes, "edge_attr")
    for prefix in _ADJACENCY:
        matrix = _csr(found, prefix, path)
        if matrix is not None:
            _put_links(put, matrix.tocoo(), f"{path}: {prefix}data")
    for prefix in _ATTRIBUTES:
        matrix = _csr(found, prefix, path)
        if matrix is not None:
            put("features", matrix, f"{prefix}data")
    if "attr_matrix" in found:
        put("features", found.pop("attr_matrix"), "attr_matrix")
    if "adj_matrix" in found:
        dense = found.pop("adj_matrix")
        if dense.ndim != 2 or dense.dtype.kind not in "biuf":
            raise InputError(
                f"{path}: adj_matrix: expected numbers [N, N], got {dense.dtype} of {dense.shape}"
            )
        _put_links(put, scipy.sparse.coo_matrix(dense), f"{path}: adj_matrix")
    if "format" in found:
        _put_links(put, _saved(found, path), str(path))
    count = found.pop("num_nodes", told)
    if (
        count is not None
        and "edge_index" in found
        and not {"features", "labels", "node_ids"} & found.keys()
    ):
        with told_of(path):
            check_count(count, found["edge_index"].size)
        found["node_ids"] = np.arange(count)
    return found


def _number(value: Any, path: object) -> int | None:
    if value is None:
        return None
    if value.dtype.kind not in "iu" or value.size != 1:
        raise InputError(f"{path}: num_nodes: expected an integer, got {value.dtype}")
    return int(value.item())


def _csr(found: dict[str, Any], prefix: str, path: object) -> Any:
    names = [prefix + part for part in _CSR]
    there = [name for name in names if name in found]
    if not there:
        return None
    missing = [name for name in names if name not in found]
    if missing:
        raise InputError(f"{path}: {there[0]} is there, but {', '.join(missing)} are missing")
    with told_of(f"{path}: {prefix}data"):
        return csr_from_parts(*(found.pop(name) for name in names))


def _saved(found: dict[str, Any], path: object) -> Any:
    """A matrix of `scipy.sparse.save_npz`."""
    given = found.pop("format")
    if given.size != 1:
        raise InputError(f"{path}: format: expected one name, such as csr, got {given.size}")
    written = given.item()
    kind = written.decode("ascii", "replace") if isinstance(written, bytes) else str(written)
    parts = {name: found.pop(name) for name in _SCIPY if name in found}
    needed = ("data", "row", "col", "shape") if kind == "coo" else _CSR
    missing = [name for name in needed if name not in parts]
    if kind not in ("csr", "csc", "coo") or missing:
        raise InputError(
            f"{path}: expected a matrix of scipy.sparse.save_npz in the form csr, csc or coo, got"
            f" {kind}" + (f" without {', '.join(missing)}" if missing else "; tocsr() makes one")
        )
    with told_of(path):
        if kind != "coo":
            # The columns of a csc matrix are the rows of its transpose, in the same form.
            rows = parts["shape"] if kind == "csr" else np.atleast_1d(parts["shape"])[::-1]
            matrix = csr_from_parts(parts["data"], parts["indices"], parts["indptr"], rows).tocoo()
            return matrix if kind == "csr" else matrix.T
        try:
            ends = parts["row"], parts["col"]
            return scipy.sparse.coo_matrix((parts["data"], ends), tuple(map(int, parts["shape"])))
        except (ValueError, TypeError, OverflowError) as error:
            raise InputError(f"not a matrix: {error}") from None


def _put_links(put: Any, links: scipy.sparse.coo_matrix, name: str) -> None:
    """Puts the entries that are not 0; nothing is made of the shape that the file tells."""
    if links.shape[0] != links.shape[1]:
        raise InputError(f"{name}: expected a square matrix, got {links.shape}")
    kept = links.data != 0
    put("edge_index", np.stack([links.row, links.col])[:, kept], name)
    weights = links.data[kept]
    if not (weights == 1).all():
        put("edge_weight", weights, name)
    put("num_nodes", links.shape[0], name)  # it may end in nodes without a link
