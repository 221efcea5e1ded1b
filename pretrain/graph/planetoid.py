"""The Planetoid file format: citation graphs with a public split."""

import os
import re
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InputError
from ..files import read_file
from .checks.features import sparse_values
from .data import GraphData, make_graph_data
from .pickles.restricted import restricted_load

# `ind.NAME.x` is part of the format, but it repeats the first rows of allx, so nobody reads it.
_PARTS = ("y", "tx", "ty", "allx", "ally", "graph", "test.index")
_NUM_VALIDATION = 500
_LONGEST_INDEX = 1 << 23  # bytes: a million nodes


def load_planetoid(name: str, data_dir: str | Path) -> GraphData:
    """Reads `ind.NAME.*` with the public split.

    Nodes 0 .. A - 1 are the rows of allx. The rows of tx belong to the nodes that test.index lists,
    in the order of that list. Train: the first len(y) nodes; validation: the next 500; test: the
    nodes of test.index. Nodes between the test nodes that the list leaves out (citeseer has 15,
    without links) get a zero feature row and an unknown label.

    Args:
        name: as in the file names, such as "cora".
        data_dir: the folder that holds the files.

    Raises:
        InputError: missing, corrupt or contradictory files, named.

    Source: Yang, Cohen, Salakhutdinov, Revisiting Semi-Supervised Learning with Graph Embeddings,
    ICML 2016; https://github.com/kimiyoung/planetoid.
    """
    paths = _find_files(name, Path(data_dir))
    allx, tx = (_read_features(paths[part]) for part in ("allx", "tx"))
    y, ally, ty = (_read_one_hot(paths[part]) for part in ("y", "ally", "ty"))
    source, target, num_listed = _read_links(paths["graph"])
    test_nodes = _read_test_index(paths["test.index"])

    first_test, num_nodes = allx.shape[0], int(test_nodes.max()) + 1
    num_train, num_test = len(y), len(test_nodes)
    num_public, first_listed = num_train + _NUM_VALIDATION, test_nodes.min()

    def expect(part: str, holds: bool, expected: str, got: int) -> None:
        if not holds:
            raise InputError(f"{paths[part]}: expected {expected}, got {got}")

    expect("ally", len(ally) == first_test, f"{first_test} rows, as in allx", len(ally))
    expect("tx", tx.shape[0] == num_test, f"{num_test} rows, as test.index", tx.shape[0])
    expect("ty", len(ty) == num_test, f"{num_test} rows, as test.index", len(ty))
    width = allx.shape[1]
    expect("tx", tx.shape[1] == width, f"{width} columns, as allx", tx.shape[1])
    enough = f"at least {num_train} + {_NUM_VALIDATION} rows"
    expect("allx", first_test >= num_public, enough, first_test)
    after = f"nodes from {first_test} on, after the rows of allx"
    expect("test.index", first_listed >= first_test, after, first_listed)
    # Every node is a key of the graph, also one without links. Checked before rows are made for
    # the nodes in between, because one large number in the list would ask for any amount of memory.
    below = f"nodes below {num_listed}, the number of nodes in ind.{name}.graph"
    expect("test.index", num_nodes <= num_listed, below, num_nodes - 1)

    row_of_node = np.full(num_nodes - first_test, -1)
    row_of_node[test_nodes - first_test] = np.arange(num_test)
    known = row_of_node >= 0
    # Row num_test is the zero row of the nodes that test.index leaves out.
    tx = scipy.sparse.vstack([tx, scipy.sparse.csr_matrix((1, tx.shape[1]))], format="csr")
    features = scipy.sparse.vstack([allx, tx[np.where(known, row_of_node, num_test)]], format="csr")
    labels = np.concatenate([ally, np.where(known, ty[row_of_node], -1)])

    nodes = np.arange(num_nodes)
    return make_graph_data(
        name=f"planetoid:{name}",
        features=features,
        edge_index=np.stack([source, target]),
        labels=labels,
        train_mask=nodes < num_train,
        val_mask=(nodes >= num_train) & (nodes < num_public),
        test_mask=np.isin(nodes, test_nodes),
    )


def _find_files(name: str, folder: Path) -> dict[str, Path]:
    if not re.fullmatch(r"[\w.-]+", name):
        raise InputError(f"dataset 'planetoid:{name}': expected a name such as cora, not a path")
    # Not folder.is_dir(): that raises where a folder on the way may not be entered.
    if not os.path.isdir(folder):
        raise InputError(f"dataset 'planetoid:{name}': no folder {folder}")
    paths = {part: folder / f"ind.{name}.{part}" for part in _PARTS}
    missing = [path.name for path in paths.values() if not os.path.isfile(path)]
    if missing:
        found = sorted(path.name[4:-6] for path in folder.glob("ind.*.graph"))
        raise InputError(
            f"dataset 'planetoid:{name}': missing in {folder}: {', '.join(missing)}"
            f" (data sets there: {', '.join(found) or 'none'})"
        )
    return paths


def _read_features(path: Path) -> scipy.sparse.csr_matrix:
    value = restricted_load(path)
    is_matrix = isinstance(value, np.ndarray | scipy.sparse.csr_matrix) and value.ndim == 2
    if not is_matrix or 0 in value.shape:
        raise InputError(f"{path}: expected a matrix of features, got {_describe(value)}")
    return scipy.sparse.csr_matrix(sparse_values(value))


def _read_one_hot(path: Path) -> np.ndarray:
    """Returns [n] int64: the class whose column is set, or -1 where none is."""
    value = restricted_load(path)
    if not isinstance(value, np.ndarray) or value.ndim != 2 or 0 in value.shape:
        raise InputError(f"{path}: expected one-hot labels [n, C], got {_describe(value)}")
    if not np.isin(value, (0, 1)).all() or (value.sum(1) > 1).any():
        raise InputError(f"{path}: expected rows with at most one 1 and zeros, got others")
    return np.where(value.any(1), value.argmax(1), -1).astype(np.int64)


def _read_links(path: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns sources [E], targets [E], and the number of nodes that the graph lists."""
    value = restricted_load(path)
    if not isinstance(value, dict) or not all(isinstance(row, list) for row in value.values()):
        raise InputError(
            f"{path}: expected a dict from node to list of nodes, got {_describe(value)}"
        )
    # A list that many nodes share is written once.
    if sum(map(len, value.values())) > path.stat().st_size:
        raise InputError(f"{path}: expected a list of its own for each node, got shared ones")
    # NumPy would truncate 1.5 to 1 and read True as 1.
    if not all(type(node) is int for node in chain(value, *value.values())):
        raise InputError(f"{path}: expected nodes to be integers, got other objects among them")
    try:
        nodes = np.fromiter(value, np.int64, len(value))
        target = np.fromiter(chain.from_iterable(value.values()), np.int64)
    except OverflowError:
        raise InputError(f"{path}: expected node numbers that fit int64") from None
    return np.repeat(nodes, [len(row) for row in value.values()]), target, len(value)


def _read_test_index(path: Path) -> np.ndarray:
    lines = read_file(path, _LONGEST_INDEX).split()
    try:
        nodes = np.array([int(line) for line in lines], dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path}: expected one node number per line: {error}") from None
    if len(nodes) == 0 or len(np.unique(nodes)) < len(nodes):
        raise InputError(f"{path}: expected different node numbers, got none or one twice")
    return nodes


def _describe(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (f" of shape {shape}" if shape is not None else "")
