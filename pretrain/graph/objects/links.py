"""Links as other libraries hold them, to ``edge_index`` [2, E] and weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ...errors import InputError, shown

# How tables call the two ends of a link, in lower case.
ENDS = (
    ("source", "target"),
    ("src", "dst"),
    ("from", "to"),
    ("head", "tail"),
    ("u", "v"),
    ("source_id", "target_id"),
    ("node1", "node2"),
)
WEIGHTS = ("weight", "edge_weight")
NO_NAME = "Unnamed: "  # pandas' name of a column without one, such as an index that was written
TYPES = ("type", "edge_type", "relation")


@dataclasses.dataclass(frozen=True, eq=False)
class Ends:
    """Links of one kind.

    Attributes:
        ends: [2, E], row numbers or, with `by_id`, ids.
        weights: [E], or None.
        by_id: whether the ends are ids.
        types: kind of each link [E], or None.
        num_targets: columns of a matrix from nodes to something else; None: to the nodes.
        node_ids: all nodes, where the links' own object has them in an order.
    """

    ends: np.ndarray
    weights: np.ndarray | None = None
    by_id: bool = False
    types: np.ndarray | None = None
    num_targets: int | None = None
    node_ids: Sequence[Any] | None = None


def links_of(links: Any, where: str = "adjacency") -> Ends:
    """What kind of object it is, told by what it can do, and its links.

    Args:
        links: SciPy matrix [N, N] (or [N, M], to M other things) whose values are weights; integers
            [2, E]; dense matrix [N, N]; NetworkX graph, with its attribute "weight" if any link has
            one; DataFrame with a row per link; or anything with ``edge_index``, such as PyTorch
            Geometric's ``Data``.
        where: what to call it in messages.

    Raises:
        InputError: if it is none of them.
    """
    if scipy.sparse.issparse(links):
        return _of_matrix(links.tocoo(), where)
    if is_networkx(links):
        return _of_networkx(links, where)
    if is_table(links):
        return _of_table(links, where)
    if hasattr(links, "edge_index"):
        weights = getattr(links, "edge_weight", None)
        if weights is None:
            weights = getattr(links, "edge_attr", None)
        weights = None if weights is None else as_array(weights)
        if weights is not None and weights.ndim == 2 and weights.shape[1] == 1:
            weights = weights[:, 0]
        # Of several attributes none is told to be the weight.
        weights = weights if weights is not None and weights.ndim == 1 else None
        return Ends(as_array(links.edge_index), weights)
    array = as_array(links)
    if array.ndim == 2 and array.shape[0] == 2 and (array.dtype.kind in "iu" or not array.size):
        return Ends(array)
    if array.ndim == 2 and array.shape[0] == array.shape[1] and array.dtype.kind in "biuf":
        return _of_matrix(scipy.sparse.coo_matrix(array), where)
    what = f"{type(links).__name__} of shape {array.shape} and {array.dtype}"
    if array.ndim == 2 and array.shape[1] == 2 and array.dtype.kind in "iu":
        what += "; transpose it"
    raise InputError(
        f"{where}: expected a SciPy matrix [N, N], integers [2, E], a NetworkX graph, a DataFrame"
        f" of links, or an object with edge_index; got {what}"
    )


def as_array(value: Any) -> np.ndarray:
    """NumPy's view of an array of another library, such as a tensor of PyTorch."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value)


def is_table(value: Any) -> bool:
    """Whether it is a DataFrame of pandas, or of a library that looks like it."""
    return hasattr(value, "columns") and hasattr(value, "iloc") and hasattr(value, "index")


def is_networkx(value: Any) -> bool:
    """Whether it is a graph of NetworkX."""
    return hasattr(value, "adj") and hasattr(value, "nodes") and hasattr(value, "is_multigraph")


def column_of(table: Any, names: Sequence[str]) -> Any:
    """The name of the first column with one of these names in any case; None without."""
    by_name = {str(name).lower(): name for name in reversed(list(table.columns))}
    return next((by_name[name] for name in names if name in by_name), None)


def ends_of(table: Any, where: str) -> tuple[Any, Any]:
    """The names of the columns with the two ends of a link.

    Raises:
        InputError: if none is told by its name, and there are more than two columns.
    """
    for first, second in ENDS:
        found = column_of(table, (first,)), column_of(table, (second,))
        if None not in found:
            return found
    others = [name for name in table.columns if str(name).lower() not in (*WEIGHTS, *TYPES)]
    named = [name for name in others if not str(name).startswith(NO_NAME)]
    for two in (others, named):
        if len(two) == 2:
            return two[0], two[1]
    raise InputError(
        f"{where}: expected columns source and target, got {shown([*map(str, table.columns)])};"
        " rename the two with the ends of a link"
    )


def _of_matrix(matrix: Any, where: str) -> Ends:
    values = matrix.data
    if values.dtype.kind not in "biuf":
        raise InputError(f"{where}: expected numbers, got {values.dtype}")
    kept = values != 0
    ends = np.stack([matrix.row, matrix.col]).astype(np.int64)[:, kept]
    values = values[kept]
    weights = None if (values == 1).all() else values
    square = matrix.shape[0] == matrix.shape[1]
    return Ends(ends, weights, num_targets=None if square else matrix.shape[1])


def _of_networkx(graph: Any, where: str) -> Ends:
    nodes = list(graph.nodes)
    places = {node: place for place, node in enumerate(nodes)}
    pairs = [(places[u], places[v], values) for u, v, values in graph.edges(data=True)]
    ends = np.array([pair[:2] for pair in pairs], np.int64).reshape(-1, 2).T
    weights = None
    if any("weight" in values for _, _, values in pairs):
        try:
            weights = np.array([float(values.get("weight", 1)) for _, _, values in pairs])
        except (TypeError, ValueError) as error:
            raise InputError(f"{where}: attribute 'weight' of a link: {error}") from None
    return Ends(ends, weights, node_ids=nodes)


def _of_table(table: Any, where: str) -> Ends:
    first, second = ends_of(table, where)
    for name in (first, second):
        if (missing := table[name].isna().to_numpy()).any():
            row = int(np.argmax(missing))
            raise InputError(f"{where}: column {shown(str(name))} has no value in row {row}")
    weight, kind = column_of(table, WEIGHTS), column_of(table, TYPES)
    ends = np.stack([table[name].astype(object).to_numpy() for name in (first, second)])
    return Ends(
        ends,
        None if weight is None else table[weight].to_numpy(),
        by_id=True,
        types=None if kind is None else table[kind].astype(str).to_numpy().astype(str),
    )
