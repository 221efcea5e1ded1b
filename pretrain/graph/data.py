"""A graph in memory, and the gate through which every untrusted graph comes in."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.sparse

from ..errors import InputError, told_of
from .adjacency import Adjacency, Links, adjacency_of, blocks
from .checks import (
    MASKS,
    check_edges,
    check_features,
    check_labels,
    check_masks,
    check_node_ids,
)
from .relations import Relation, check_relations, merged
from .structure import count_nodes, structural_features, with_targets

# Up to this share of entries that are not zero, features are trained on as a sparse matrix. On
# Cora's words (1.3 %, 512 columns, 2 cores) TensorFlow's sparse product and its gradient took 9 ms
# and the dense ones 73, so they should be level at about a tenth.
SPARSE_DENSITY = 0.05
_BLOCK_ROWS = 1 << 14
_SAMPLED_ROWS = 20_000


# eq=False: comparing arrays with == gives arrays, so a generated __eq__ could only raise.
@dataclasses.dataclass(frozen=True, eq=False)
class LabelledNodes:
    """Labels and split of N nodes: all that an evaluation needs to know of them.

    Attributes:
        name: what they are called in reports and messages.
        num_nodes: N.
        labels: [N] int64 in [-1, num_classes), -1 where unknown; or multi-label,
            [N, num_classes] int8: 1 where node i has label c, else 0, in unknown rows -1; or None.
        class_names: the label as the source wrote it, for classes 0 .. num_classes - 1; of
            multi-label nodes the number of the column.
        node_ids: [N] int64 or str, all different; None if the nodes are known by their order alone.
        train_mask: [N] bool; the three masks are disjoint, and all present or all None.
        val_mask: [N] bool or None.
        test_mask: [N] bool or None.
    """

    name: str
    num_nodes: int
    labels: np.ndarray | None
    class_names: tuple[str, ...] = ()
    node_ids: np.ndarray | None = None
    train_mask: np.ndarray | None = None
    val_mask: np.ndarray | None = None
    test_mask: np.ndarray | None = None

    @property
    def num_classes(self) -> int:
        """Number of known classes, or of columns of multi-label nodes; 0 without labels."""
        return len(self.class_names)

    @property
    def is_multilabel(self) -> bool:
        """Whether a node may have several labels, or none."""
        return self.labels is not None and self.labels.ndim == 2

    @property
    def is_known(self) -> np.ndarray:
        """[N] bool: whether the node's labels are known."""
        if self.labels is None:
            return np.zeros(self.num_nodes, bool)
        return (self.labels[:, 0] if self.is_multilabel else self.labels) >= 0

    @property
    def has_masks(self) -> bool:
        """Whether there is a train / validation / test split."""
        return self.train_mask is not None

    def reordered(self, order: np.ndarray) -> LabelledNodes:
        """Node i of the result is node order[i] of these; of a graph, the labels alone."""
        arrays = {key: getattr(self, key) for key in ("labels", "node_ids", *MASKS)}
        moved = {key: None if array is None else array[order] for key, array in arrays.items()}
        return LabelledNodes(self.name, len(order), class_names=self.class_names, **moved)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GraphData(Links, LabelledNodes):
    """One homogeneous graph with N nodes and E directed edges. Made by `make_graph_data`.

    Attributes:
        features: [N, F] float32, a dense array or a `scipy.sparse.csr_matrix`; or a `np.memmap` of
            any number dtype, of which `feature_rows` reads a part; all finite.
        edge_index: [2, E] int64, sources in row 0 and targets in row 1; no self-loops, no
            duplicates, sorted by (source, target). Of an undirected graph both directions are here.
            int32 if the graph came memory-mapped and N fits.
        edge_weight: float32 [E], above 0, of mean 1 as the graph came; None: ones.
        relations: kinds of links, where the graph tells them apart; those between nodes are in
            `edge_index`, too, in both directions.
    """

    node_ids: np.ndarray  # known of every graph
    features: np.ndarray | scipy.sparse.csr_matrix
    edge_index: np.ndarray
    edge_weight: np.ndarray | None = None
    relations: tuple[Relation, ...] = ()

    def relation(self, name: str) -> Relation:
        """The one of this name.

        Raises:
            InputError: if there is none.
        """
        for one in self.relations:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.relations) or "none"
        raise InputError(f"{self.name}: expected a relation {name!r}, but it has {known}")

    @property
    def is_sparse(self) -> bool:
        """Whether the features are a sparse matrix."""
        return scipy.sparse.issparse(self.features)

    @property
    def num_features(self) -> int:
        """F."""
        return self.features.shape[1]

    @property
    def num_edges(self) -> int:
        """E, every direction counted: twice the number of links of an undirected graph."""
        return self.edge_index.shape[1]

    def weighted(self) -> GraphData:
        """The graph with all weights written out, those of its relations, too."""
        relations = tuple(one.weighted() for one in self.relations)
        return dataclasses.replace(super().weighted(), relations=relations)

    @property
    def adjacency(self) -> Adjacency:
        """Each node's links, with their weights."""
        return adjacency_of(self.edge_index, self.num_nodes, self.edge_weight)

    def digest(self) -> str:
        """SHA-256 of all that training depends on, as hexadecimal digits."""
        sha = hashlib.sha256(repr(self.features.shape).encode())
        matrix: Any = self.features
        parts: Iterable[np.ndarray]
        if scipy.sparse.issparse(matrix):
            parts = [matrix.data, matrix.indices, matrix.indptr]
        else:  # in blocks: of memory-mapped features only one at a time takes memory
            parts = (matrix[rows] for rows in blocks(self.num_nodes, _BLOCK_ROWS))
        for part in itertools.chain(parts, [self.edge_index]):
            sha.update(np.ascontiguousarray(part).data)
        for relation in self.relations:
            targets = "" if relation.between_nodes else " targets"
            sha.update(f"{relation.name} {relation.num_targets}{targets}".encode())
            sha.update(np.ascontiguousarray(relation.edge_index).data)
        weights = {"": self.edge_weight} | {one.name: one.edge_weight for one in self.relations}
        for name, weight in weights.items():
            if weight is not None:
                sha.update(f"weights of {name}".encode())
                sha.update(weight.data)
        return sha.hexdigest()

    @property
    def is_mapped(self) -> bool:
        """Whether the features stay in a file."""
        return isinstance(self.features, np.memmap)

    def feature_rows(self, nodes: np.ndarray | slice) -> np.ndarray:
        """Dense float32 features of some nodes, [len(nodes), F]; reads no others."""
        rows: Any = self.features[nodes]
        rows = rows.toarray() if scipy.sparse.issparse(rows) else rows
        return np.ascontiguousarray(rows, np.float32)


def feature_density(data: GraphData) -> float:
    """Share of the feature entries that are not zero, in [0, 1].

    Of dense features with more rows than 20,000, so many are looked at, at equal distances.
    """
    features = data.features
    if not isinstance(features, np.ndarray):
        return features.nnz / (data.num_nodes * data.num_features)
    rows = np.linspace(0, data.num_nodes - 1, min(data.num_nodes, _SAMPLED_ROWS)).astype(np.int64)
    sample = features if len(rows) == data.num_nodes else data.feature_rows(rows)
    return np.count_nonzero(sample) / sample.size


def make_graph_data(
    *,
    name: str,
    features: Any = None,
    edge_index: Any = None,
    edge_weight: Any = None,
    relations: Mapping[str, Any] | None = None,
    node_ids: Any = None,
    labels: Any = None,
    train_mask: Any = None,
    val_mask: Any = None,
    test_mask: Any = None,
    split: int = 0,
    undirected: bool = True,
) -> GraphData:
    """Validates the parts of a graph that came from outside, and brings them into one form.

    Args:
        name: prefix of every message, and the name of the result.
        features: [N, F] numbers, dense or any scipy.sparse format; N, F >= 1; finite in float32.
            None: what the links say, see `structural_features`; N is then the number of ids or
            labels, or one more than the largest node in a link.
        edge_index: [2, E] integers in [0, N). Self-loops and duplicates are dropped. None: all that
            the relations have between nodes.
        edge_weight: [E] numbers of at least 0: how strong each link is, in any unit, as they are
            divided by their mean. Links of weight 0 are left out; of a link given more than once,
            or in both directions, the largest weight counts. None: all links are alike.
        relations: ``edge_type`` of the edges, or ``edge_index_NAME`` for each kind of links; see
            `check_relations`.
        node_ids: [N] integers or strings, all different. Default: 0 .. N - 1.
        labels: [N] integers (-1 = unknown) or strings ("" = unknown). The different values, in
            ascending order, become classes 0 .. C - 1. Or multi-label, [N, C] bool or numbers:
            1 where node i has label c, else 0 (a row of -1 or NaN = unknown); 2 <= C <= 1,000.
        train_mask: [N] bool, 0 and 1, or numbers of nodes; [N, S] or [S, N] of several splits. The
            three masks come together or not at all, need labels, are disjoint, and each selects at
            least one node whose label is known.
        val_mask: [N] bool.
        test_mask: [N] bool.
        split: which of the S splits.
        undirected: add the reverse of every edge that lacks it. With False the edges stay
            directed; training takes undirected graphs.

    Returns:
        The graph. Warns (UserWarning) if no edge is left, or no feature but 0.

    Raises:
        InputError: one line that says which part is wrong, what was expected and what came.
    """
    with told_of(name):
        features = None if features is None else check_features(features)
        num_nodes = (
            count_nodes(node_ids, labels, edge_index, relations)
            if features is None
            else features.shape[0]
        )
        if edge_index is None and edge_weight is not None:
            raise InputError("edge_weight: there is no edge_index")
        links = {"edge_index": edge_index, "edge_weight": edge_weight}
        kinds = check_relations(links | dict(relations or {}), num_nodes)
        if edge_index is None:
            edge_index, edge_weight = merged(kinds)
        edge_index, edge_weight = check_edges(
            edge_index, num_nodes, undirected=undirected, weights=edge_weight
        )
        if features is None:
            features = structural_features(*with_targets(edge_index, num_nodes, kinds))[:num_nodes]
        node_ids = check_node_ids(node_ids, num_nodes)
        labels, class_names = check_labels(labels, num_nodes)
        masks = dict(zip(MASKS, (train_mask, val_mask, test_mask), strict=True))
        masks = check_masks(masks, labels, num_nodes, split)
    if not (features.nnz if scipy.sparse.issparse(features) else features.any()):
        warnings.warn(
            f"{name}: all features are 0, so all nodes get the same embedding; constant or one-hot"
            " features would let the links speak",
            stacklevel=2,
        )
    if edge_index.shape[1] == 0 and not any(one.edge_index.size for one in kinds):
        warnings.warn(
            f"{name}: the graph has no edges, so every node is embedded from its own features "
            "alone and dropping edges changes nothing",
            stacklevel=2,
        )
    return GraphData(
        name=name,
        num_nodes=num_nodes,
        features=features,
        edge_index=edge_index,
        edge_weight=edge_weight,
        relations=kinds,
        node_ids=node_ids,
        labels=labels,
        class_names=class_names,
        **masks,
    )
