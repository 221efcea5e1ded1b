"""Checks of the untrusted parts of a graph, one function per part.

Each takes whatever a file held and returns the part in the form that `GraphData` documents, or
raises InputError with one line. Bounds are checked before anything is cast or used as an index:
a cast wraps around silently, and compiled sparse code does not look where it reads.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InputError, shown
from .adjacency import (
    BLOCK_EDGES,
    blocks,
    check_edge_weights,
    sorted_edges,
    weighted_edges,
)

MASKS = ("train_mask", "val_mask", "test_mask")

_LARGEST_FEATURE = 1e15
# As many as a hashed vocabulary has; of sparse features no memory stands behind the number.
_MOST_FEATURES = 1 << 20
_MOST_LABELS = 1000  # of a node; a probe fits a regression for each
_BLOCK_ENTRIES = 1 << 22  # of memory-mapped features, looked at together: 16 MB as float32


@contextlib.contextmanager
def told_of(source: object) -> Iterator[None]:
    """Puts the name of what is looked at before the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{source}: {error}") from None


def csr_from_parts(
    data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: Any
) -> scipy.sparse.csr_matrix:
    """Builds a CSR matrix from parts that nobody vouches for.

    Args:
        data: [nnz] numbers.
        indices: [nnz] integers, the column of each entry.
        indptr: [N + 1] integers; row i has entries indptr[i] .. indptr[i + 1] - 1.
        shape: the pair (N, F).

    Raises:
        InputError: ranks, dtypes, lengths or indices that do not make a matrix.
    """
    for part, array in (("data", data), ("indices", indices), ("indptr", indptr)):
        kinds, what = ("biuf", "numbers") if part == "data" else ("iu", "integers")
        if array.ndim != 1 or array.dtype.kind not in kinds:
            raise InputError(
                f"CSR {part}: expected 1 dimension of {what}, got shape {array.shape} of"
                f" {array.dtype}"
            )
    shape = np.asarray(shape)
    if shape.shape != (2,) or shape.dtype.kind not in "iu" or (shape < 0).any():
        raise InputError(f"CSR shape: expected two integers (N, F), got {shown(shape)}")
    try:
        matrix = scipy.sparse.csr_matrix(
            (sparse_values(data), indices, indptr), shape=tuple(int(size) for size in shape)
        )
        matrix.check_format(full_check=True)
    except (ValueError, OverflowError) as error:
        raise InputError(f"CSR parts do not make a matrix: {error}") from None
    return matrix


def sparse_values(values: Any) -> Any:
    """The same numbers, dense or sparse, in a dtype that sparse code computes with."""
    return values.astype(np.float32) if values.dtype == np.float16 else values


def check_features(features: Any) -> np.ndarray | scipy.sparse.csr_matrix:
    """Returns [N, F] float32, dense or CSR; rejects what is empty, not a number or not finite.

    A `np.memmap` is looked at in blocks of rows and returned as it is, in its own dtype.
    """
    mapped = isinstance(features, np.memmap)
    sparse = scipy.sparse.issparse(features)
    features = features if sparse or mapped else np.asarray(features)
    if features.ndim != 2:
        raise InputError(f"features: expected 2 dimensions [N, F], got shape {features.shape}")
    if features.dtype.kind not in "biuf":
        raise InputError(f"features: expected numbers, got dtype {features.dtype}")
    if 0 in features.shape:
        raise InputError(
            f"features: expected at least one node and one feature, got shape {features.shape}"
        )
    if features.shape[1] > _MOST_FEATURES:
        raise InputError(
            f"features: expected at most {_MOST_FEATURES:,} columns, got {features.shape[1]:,}"
        )
    if mapped:
        step = max(1, _BLOCK_ENTRIES // features.shape[1])
        for rows in blocks(len(features), step):
            _check_finite(np.asarray(features[rows]), first_row=rows.start)
        return features
    if sparse:
        features = scipy.sparse.csr_matrix(sparse_values(features), copy=True)
        features.sum_duplicates()
        features.eliminate_zeros()
    return _check_finite(features)


def _check_finite(features: Any, first_row: int = 0) -> Any:
    """Returns the features as float32; messages count rows from ``first_row``."""
    sparse = scipy.sparse.issparse(features)
    with np.errstate(over="ignore"):
        single = features.astype(np.float32)
    # Squares of larger values, or their sums, would overflow float32.
    values = single.data if sparse else single
    finite = (values >= -_LARGEST_FEATURE) & (values <= _LARGEST_FEATURE)
    if not finite.all():
        if sparse:
            position = int(np.argmin(finite))
            row = int(np.searchsorted(features.indptr, position, side="right")) - 1
            column, value = int(features.indices[position]), features.data[position]
        else:
            row, column = (int(i) for i in np.argwhere(~finite)[0])
            value = features[row, column]
        raise InputError(
            f"features: expected finite values within +-{_LARGEST_FEATURE:g}, got {value} in row"
            f" {first_row + row}, column {column}"
            f" ({int((~finite).sum())} such values in all)"
        )
    return single


def check_edges(
    edge_index: Any, num_nodes: int, *, undirected: bool, weights: Any = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns [2, E] without self-loops and duplicates, sorted by (source, target); and weights.

    The edges are int64; of a `np.memmap`, which is read in blocks, int32 where N fits. The weights
    are those of the edges, float32 [E] of mean 1; None for None.
    """
    mapped = isinstance(edge_index, np.memmap)
    edges = edge_index if mapped else np.asarray(edge_index)
    if edges.ndim != 2 or edges.shape[0] != 2:
        hint = "; transpose it" if edges.ndim == 2 and edges.shape[1] == 2 else ""
        raise InputError(f"edge_index: expected shape [2, E], got {edges.shape}{hint}")
    # An empty list has no integers in it and becomes float64; that is not a wrong dtype.
    if edges.size and edges.dtype.kind not in "iu":
        raise InputError(f"edge_index: expected integers, got dtype {edges.dtype}")
    first, count = None, 0
    for block in blocks(edges.shape[1], BLOCK_EDGES):
        outside = (edges[:, block] < 0) | (edges[:, block] >= num_nodes)
        if outside.any():
            count += int(outside.any(0).sum())
            if first is None:
                row, edge = (int(i) for i in np.argwhere(outside)[0])
                first = row, block.start + edge
    if first is not None:
        row, edge = first
        raise InputError(
            f"edge_index: expected nodes in [0, {num_nodes}), got {edges[row, edge]} as the "
            f"{('source', 'target')[row]} of edge {edge} ({count} such edges)"
        )
    dtype = np.dtype(np.int32 if mapped and num_nodes <= np.iinfo(np.int32).max else np.int64)
    if weights is None:
        return sorted_edges(edges, num_nodes, undirected=undirected, dtype=dtype), None
    weights = check_edge_weights(weights, edges.shape[1])
    edges, weights = weighted_edges(edges, weights, num_nodes, undirected=undirected)
    return edges.astype(dtype), weights


def check_node_ids(node_ids: Any, num_nodes: int) -> np.ndarray:
    """Returns [N] int64 or str, all different; 0 .. N - 1 for None."""
    if node_ids is None:
        return np.arange(num_nodes, dtype=np.int64)
    node_ids = _one_per_node("node_ids", node_ids, num_nodes)
    if node_ids.dtype.kind == "u" and node_ids.max() > np.iinfo(np.int64).max:
        raise InputError(f"node_ids: expected integers that fit int64, got {node_ids.max()}")
    if node_ids.dtype.kind != "U":
        node_ids = node_ids.astype(np.int64)
    values, counts = np.unique(node_ids, return_counts=True)
    if len(values) < num_nodes:
        first = values[np.argmax(counts > 1)]
        raise InputError(f"node_ids: expected all different, got {first} {counts.max()} times")
    return node_ids


def check_labels(labels: Any, num_nodes: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the labels as `LabelledNodes` has them, and the names of the classes.

    [N] int64 class or -1; of a matrix [N, C], C >= 2, int8 0 or 1, in unknown rows -1, and names
    "0" .. "C - 1"; (None, ()) for None.
    """
    if labels is None:
        return None, ()
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        return _check_multilabel(labels, num_nodes), tuple(map(str, range(labels.shape[1])))
    labels = _one_per_node("labels", labels, num_nodes)
    known = labels != ("" if labels.dtype.kind == "U" else -1)
    names, inverse = np.unique(labels[known], return_inverse=True)
    classes = np.full(num_nodes, -1, dtype=np.int64)
    classes[known] = inverse
    return classes, tuple(str(name) for name in names)


def _check_multilabel(labels: np.ndarray, num_nodes: int) -> np.ndarray:
    if labels.dtype.kind not in "biuf":
        raise InputError(f"labels: expected a matrix of 0 and 1, got dtype {labels.dtype}")
    if len(labels) != num_nodes:
        raise InputError(
            f"labels: expected shape ({num_nodes},) or ({num_nodes}, C), got {labels.shape}"
        )
    if labels.shape[1] > _MOST_LABELS:
        raise InputError(
            f"labels: expected at most {_MOST_LABELS:,} columns, got {labels.shape[1]:,}"
        )
    unknown = (labels == -1).all(axis=1) | np.isnan(labels).all(axis=1)
    ones = labels == 1
    wrong = ~(ones | (labels == 0))
    wrong[unknown] = False
    if wrong.any():
        row, column = (int(i) for i in np.argwhere(wrong)[0])
        raise InputError(
            "labels: expected 0 or 1, or a whole row of -1 where unknown, got"
            f" {labels[row, column]} in row {row}, column {column}"
            f" ({int(wrong.sum())} such values in all)"
        )
    if unknown.all():
        raise InputError("labels: expected at least one row of 0 and 1, got none; leave them out")
    checked = ones.astype(np.int8)
    checked[unknown] = -1
    return checked


def check_masks(masks: dict[str, Any], labels: np.ndarray | None, num_nodes: int) -> dict[str, Any]:
    """Returns the three masks as [N] bool, or all None."""
    missing = [key for key, mask in masks.items() if mask is None]
    if len(missing) == len(masks):
        return masks
    if missing:
        raise InputError(f"masks come together: {', '.join(masks)}; missing: {', '.join(missing)}")
    if labels is None:
        raise InputError("masks need labels, and there are none")
    taken = np.zeros(num_nodes, bool)
    checked = {}
    for key, value in masks.items():
        mask = np.asarray(value)
        if mask.shape != (num_nodes,) or mask.dtype != bool:
            raise InputError(
                f"{key}: expected bool of shape ({num_nodes},), got {mask.dtype} of {mask.shape}"
            )
        if (taken & mask).any():
            node = int(np.argmax(taken & mask))
            raise InputError(f"{key}: expected disjoint masks, but node {node} is in two of them")
        if not (labels[mask] >= 0).any():
            raise InputError(f"{key}: expected at least one node with a known label, got none")
        taken |= mask
        checked[key] = mask
    return checked


def _one_per_node(part: str, values: Any, num_nodes: int) -> np.ndarray:
    """Returns [N] integers or str; bytes are decoded, everything else is an InputError."""
    values = np.asarray(values)
    if values.dtype.kind not in "iuSU":
        raise InputError(f"{part}: expected integers or strings, got dtype {values.dtype}")
    if values.shape != (num_nodes,):
        raise InputError(f"{part}: expected shape ({num_nodes},), got {values.shape}")
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{part}: expected UTF-8 strings: {error}") from None
    elif values.dtype.kind == "U" and values.dtype.itemsize:
        # NumPy keeps any 4 bytes for a character, and fails where it hands out a string of them.
        values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
        codes = values.view(np.uint32)
        wrong = (codes > 0x10FFFF) | ((codes >= 0xD800) & (codes < 0xE000))
        if wrong.any():
            code = codes[wrong.argmax()]
            raise InputError(f"{part}: expected Unicode strings, got a character {code:#x}")
    return values
