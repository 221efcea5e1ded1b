"""Takes edges and nodes out of a graph, or moves them into its padding.

Two forms. *Removed*: the rows are gone, the totals get smaller. *Moved*: all totals stay, as XLA
and TPUs need them. The dropped rows of a set lie behind the real rows that were kept, in the first
padding component, whose size grows by their number; their features are zero (False, "", empty
ragged rows), and dropped edges connect the first padding nodes. The real components are the same,
bit for bit, in both forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...kernels.context import compiled_by_xla
from ...kernels.corruption import graph as kernels
from ...kernels.shapes import num_rows
from .base import is_open
from .padding import AUTO, real_rows


class _Selection(NamedTuple):
    """What becomes of the rows of one set.

    Attributes:
        rows: integer ``[M]``, row ``j`` of the result is row ``rows[j]``.
        sizes: the new sizes.
        dropped: bool ``[M]``, rows of the result that are to be cleared; None: none.
        position: int32 ``[N]``, where each kept row went.
        first_padding: index of the first padding row in the result, int32 scalar.
    """

    rows: tf.Tensor
    sizes: tf.Tensor
    dropped: tf.Tensor | None
    position: tf.Tensor
    first_padding: tf.Tensor


class Structure:
    """A graph that edges and nodes can be dropped from.

    Args:
        graph: a scalar GraphTensor.
        padding: the layer's setting, see `padding`.
        components: what `padding.real_components` says for it.
    """

    def __init__(self, graph: tfgnn.GraphTensor, padding: str | None, components):
        self._graph = graph
        self._components = components
        self._static = compiled_by_xla() or padding not in (AUTO, None)
        known = components is not None and not self._static and tf.executing_eagerly()
        if known and not self._has_padding_nodes(graph.node_sets):
            self._components = None
        self._all_real = self._components is None

    def is_real(self, piece, rows) -> tf.Tensor:
        """Bool ``[rows]``: which rows are not padding."""
        real = real_rows(piece.sizes, self._components)
        return tf.ones([rows], tf.bool) if real is None else tf.range(rows) < real

    def refuse_removal_under_xla(self, what: str) -> None:
        """Where shapes have to be static, rows can only be moved, so there has to be padding.

        Raises:
            ValueError: otherwise; it says what to do.
        """
        if self._all_real and compiled_by_xla():
            raise ValueError(
                f"{what}: XLA needs static sizes, so what is dropped has to move into padding, and"
                " the graph has none. Pad it with tfgnn.keras.layers.PadToTotalSizes, do not set"
                " padding=None, or compile without XLA."
            )

    def can_move(self, node_set_names) -> tf.Tensor | bool:
        """Whether dropped edges between these node sets have a place to go: bool or scalar.

        They need a padding node in each of the sets. (Where rows are removed, it is always True.)
        """
        if self._all_real:
            return True
        names = sorted(set(node_set_names))
        found = tf.reduce_all([self._has_padding_nodes([name]) for name in names])
        moves = self._moves()
        return found if moves is True else found | ~moves

    def without(
        self,
        *,
        nodes: Mapping[str, tf.Tensor] | None = None,
        edges: Mapping[str, tf.Tensor] | None = None,
    ) -> tfgnn.GraphTensor:
        """The graph without some nodes and their edges, or without some edges.

        Args:
            nodes: ``{node set name: bool [N]}``, none of them padding.
            edges: ``{edge set name: bool [E]}``, none of them padding; only without ``nodes``.

        Returns:
            A GraphTensor; sets that are not mentioned are the same but for the numbers of nodes.

        Raises:
            ValueError: under XLA, if a feature of a set with dropped rows is ragged.
        """
        graph = self._graph
        edges = self._incident_edges(nodes) if nodes else edges
        nodes = self._selections(nodes or {}, graph.node_sets, "node")
        edges = self._selections(edges or {}, graph.edge_sets, "edge")
        node_sets = {
            name: node_set
            if name not in nodes
            else tfgnn.NodeSet.from_fields(
                features=_select_features(node_set, nodes[name]), sizes=nodes[name].sizes
            )
            for name, node_set in graph.node_sets.items()
        }
        edge_sets = {
            name: self._edge_set(edge_set, edges.get(name), nodes)
            for name, edge_set in graph.edge_sets.items()
        }
        return tfgnn.GraphTensor.from_pieces(
            context=graph.context, node_sets=node_sets, edge_sets=edge_sets
        )

    def _incident_edges(self, dropped):
        """Bool ``[E]`` for every edge set that a node set with dropped nodes is an endpoint of."""
        result = {}
        for name, edge_set in self._graph.edge_sets.items():
            endpoints = edge_set.adjacency.get_indices_dict().values()
            ends = [tf.gather(dropped[end], index) for end, index in endpoints if end in dropped]
            if ends and is_open(name, None):
                edges = tf.reduce_any(tf.stack(ends), axis=0)
                result[name] = edges & self.is_real(edge_set, row_count(edge_set))
        return result

    def _selections(self, dropped, pieces, kind):
        if compiled_by_xla():
            for name in dropped:
                _refuse_ragged(pieces[name], f'{kind} set "{name}"')
        return {name: self._select(rows, pieces[name].sizes) for name, rows in dropped.items()}

    def _has_padding_nodes(self, node_set_names):
        """Whether any of the node sets has a row in the padding, bool scalar."""
        sizes = [self._graph.node_sets[name].sizes for name in node_set_names]
        rows = [
            (tf.cast(tf.reduce_sum(s), tf.int32), real_rows(s, self._components)) for s in sizes
        ]
        return tf.reduce_any([total > real for total, real in rows])

    def _moves(self):
        """Whether dropped rows are moved: a bool where that is known, else a tensor.

        Components at the end without a single node are no padding to move to.
        """
        if self._all_real:
            return False
        if self._static or tf.executing_eagerly():
            return True
        return self._has_padding_nodes(self._graph.node_sets)

    def _select(self, dropped, sizes):
        kept = ~dropped

        def move():
            order, new_sizes, first_padding = kernels.partition_rows(kept, sizes, self._components)
            # Where there is no padding, partition_rows keeps all rows, so all are behind it.
            cleared = tf.gather(dropped, order) & (tf.range(tf.size(order)) >= first_padding)
            position = kernels.inverse_permutation(order)
            return _Selection(order, new_sizes, cleared, position, first_padding)

        def remove():
            rows, new_sizes = kernels.remove_rows(kept, sizes)
            rows = tf.cast(rows, tf.int32)
            position = tf.cumsum(tf.cast(kept, tf.int32), exclusive=True)
            return _Selection(
                rows, new_sizes, tf.zeros_like(rows, tf.bool), position, tf.size(rows)
            )

        moves = self._moves()
        if moves is True:
            return move()
        if moves is False:
            return remove()._replace(dropped=None)
        return tf.cond(moves, move, remove)

    def _edge_set(self, edge_set, selection, nodes):
        adjacency = edge_set.adjacency
        endpoints = adjacency.get_indices_dict()
        if selection is None and not any(name in nodes for name, _ in endpoints.values()):
            return edge_set
        indices = {}
        for tag, (name, index) in endpoints.items():
            if selection is not None:
                index = tf.gather(index, selection.rows)
            if name in nodes:
                index = tf.cast(tf.gather(nodes[name].position, index), index.dtype)
            if selection is not None and selection.dropped is not None:
                if name in nodes:
                    first = nodes[name].first_padding
                else:
                    first = real_rows(self._graph.node_sets[name].sizes, self._components)
                index = tf.where(selection.dropped, tf.cast(first, index.dtype), index)
            indices[tag] = (name, index)
        if isinstance(adjacency, tfgnn.Adjacency):
            adjacency = tfgnn.Adjacency.from_indices(
                source=indices[tfgnn.SOURCE], target=indices[tfgnn.TARGET]
            )
        else:
            adjacency = tfgnn.HyperAdjacency.from_indices(indices)
        features, sizes = edge_set.features, edge_set.sizes
        if selection is not None:
            features, sizes = _select_features(edge_set, selection), selection.sizes
        return tfgnn.EdgeSet.from_fields(features=features, sizes=sizes, adjacency=adjacency)


def row_count(piece) -> int | tf.Tensor:
    """Rows of a node or edge set: an int where static; XLA can tell but for featureless nodes."""
    if isinstance(piece, tfgnn.EdgeSet):
        (_, index), *_ = piece.adjacency.get_indices_dict().values()
        return num_rows(index)
    for value in piece.features.values():
        return num_rows(value)
    return tf.cast(piece.total_size, tf.int32)


def _refuse_ragged(piece, where):
    for name, value in piece.features.items():
        if isinstance(value, tf.RaggedTensor):
            raise ValueError(
                f'Feature "{name}" of {where}: XLA needs dense features where rows are dropped'
                " (got a ragged one)"
            )


def _select_features(piece, selection):
    return {
        name: _clear(tf.gather(value, selection.rows), selection.dropped)
        for name, value in piece.features.items()
    }


def _clear(value, dropped):
    """Zeroes the rows marked in bool ``[N]``; ragged ones become empty."""
    if dropped is None:
        return value
    if not isinstance(value, tf.RaggedTensor):
        shape = tf.concat([tf.shape(dropped), tf.ones([tf.rank(value) - 1], tf.int32)], axis=0)
        return tf.where(tf.reshape(dropped, shape), tf.zeros([], value.dtype), value)
    if value.uniform_row_length is not None:  # rows of so many values each: clear those
        inner = tf.repeat(dropped, value.row_lengths())
        return value.with_values(_clear(value.values, inner))
    lengths = tf.where(dropped, tf.zeros_like(value.row_splits[1:]), value.row_lengths())
    kept = ~tf.gather(dropped, value.value_rowids())
    return tf.RaggedTensor.from_row_lengths(
        tf.ragged.boolean_mask(value.values, kept), lengths, validate=False
    )
