"""The Planetoid file format: citation graphs with a public split."""

import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InputError
from ..files import read_file
from .checks.features import sparse_values
from .data import GraphData, make_graph_data
from .pickles.objects import Array
from .pickles.restricted import restricted_load

# `ind.NAME.x` is part of the format, but it repeats the first rows of allx, so nobody reads it.
_PARTS = ("y", "tx", "ty", "allx", "ally", "graph", "test.index")
_NUM_VALIDATION = 500
_LONGEST_INDEX = 1 << 23  # bytes: a million nodes
_MOST_ROWS = 1 << 20


def load_planetoid(name: str, data_dir: str | Path) -> GraphData:
    """Reads `ind.NAME.*` with the public split.

    Nodes 0 .. A - 1 are the rows of allx. The rows of tx belong to the nodes that test.index lists,
    in the order of that list. Train: the first len(y) nodes; validation: the next 500; test: the
    nodes of test.index. Nodes between the test nodes that the list leaves out (citeseer has 15,
    without links) get a zero feature row and an unknown label.

    Args:
        name: as in the file names, such as "cora", in any case.
        data_dir: the folder that holds the files, see `files_of`.

    Raises:
        InputError: missing, corrupt or contradictory files, named.

    Source: Yang, Cohen, Salakhutdinov, Revisiting Semi-Supervised Learning with Graph Embeddings,
    ICML 2016; https://github.com/kimiyoung/planetoid.
    """
    paths = _find_files(name, Path(data_dir))
    name = paths["graph"].name[len("ind.") : -len(".graph")]
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


def files_of(name: str, folder: str | Path) -> list[Path]:
    """All ``ind.NAME.*`` of a data set, sorted; none where there are none.

    In the folder itself, in its ``raw``, or as PyTorch Geometric keeps them, in ``Cora/raw``. A
    name with folders before it is looked for there, and so is the one data set of a folder; a bare
    name is one of a data set first.
    """
    return _files_in(*_name_and_folder(name, Path(folder)))


def _files_in(name: str, root: Path) -> list[Path]:
    for place in _places(name, root):
        start = f"ind.{name}.".lower()
        found = [place / one for one in _listed(place) if one.lower().startswith(start)]
        if found:
            return found
    return []


def _name_and_folder(name: str, folder: Path) -> tuple[str, Path]:
    is_path = "/" in name or os.sep in name
    if not is_path and _files_in(name, folder):
        return name, folder
    path = Path(name).expanduser()
    inside = sorted({one for place in (path, path / "raw") for one in _names(place)})
    if len(inside) == 1:
        return inside[0], path
    return (path.name, path.parent) if is_path else (name, folder)


def _places(name: str, root: Path) -> list[Path]:
    named = [root / one for one in _listed(root) if one.lower() == name.lower()]
    return [root, root / "raw", *(place for one in named for place in (one / "raw", one))]


def _names(folder: Path) -> list[str]:
    files = [one for one in _listed(folder) if one.startswith("ind.") and one.endswith(".graph")]
    return [one[len("ind.") : -len(".graph")] for one in files]


def _listed(folder: Path) -> Sequence[str]:
    try:
        return sorted(os.listdir(folder))
    except (OSError, ValueError):  # ValueError: NUL or a half surrogate in the name
        return ()


def _find_files(name: str, folder: Path) -> dict[str, Path]:
    found = {path.name.lower(): path for path in files_of(name, folder)}
    asked, (name, folder) = name, _name_and_folder(name, folder)
    # Not folder.is_dir(): that raises where a folder on the way may not be entered.
    if not os.path.isdir(folder):
        raise InputError(f"dataset 'planetoid:{asked}': no folder {folder}")
    wanted = {part: f"ind.{name}.{part}" for part in _PARTS}
    missing = [one for one in wanted.values() if one.lower() not in found]
    if missing:
        there = next(iter(found.values()), folder / "any").parent
        others = ", ".join(one for place in _places(name, folder) for one in _names(place))
        raise InputError(
            f"dataset 'planetoid:{asked}': missing in {there}: {', '.join(missing)}"
            f" (data sets there: {others or 'none'})"
        )
    return {part: found[one.lower()] for part, one in wanted.items()}


def _read_features(path: Path) -> scipy.sparse.csr_matrix:
    value = restricted_load(path)
    is_matrix = (isinstance(value, np.ndarray) or scipy.sparse.issparse(value)) and value.ndim == 2
    # Behind the rows that a file tells of a CSC or COO matrix stands no memory.
    if not is_matrix or 0 in value.shape or value.shape[0] > _MOST_ROWS:
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
    if isinstance(value, dict):  # newer programs may write tuples or arrays
        value = {
            node: getattr(row, "value", None) if isinstance(row, Array) else row
            for node, row in value.items()
        }
    kinds = (list, tuple, np.ndarray)
    if not isinstance(value, dict) or not all(isinstance(row, kinds) for row in value.values()):
        raise InputError(
            f"{path}: expected a dict from node to list of nodes, got {_describe(value)}"
        )
    # A list that many nodes share is written once.
    if (
        sum(row.size if isinstance(row, np.ndarray) else len(row) for row in value.values())
        > path.stat().st_size
    ):
        raise InputError(f"{path}: expected a list of its own for each node, got shared ones")
    value = {
        n: row.ravel().tolist() if isinstance(row, np.ndarray) else row for n, row in value.items()
    }
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
