"""Subgraphs around root nodes, sampled with TF-GNN's sampler, reproducibly.

TF-GNN's `SamplingPipeline` follows a `SamplingSpec` hop by hop and puts the sampled pieces
together; the draws and the features come from the two layers below, on its interfaces. Its own
`InMemUniformEdgesSampler` draws from a stateful generator, which a resumed run could not put back
where it was, and shuffles all edges of every node that it draws from.

Here the draws of a node are a pure function of (seed, hop, visit, node), where a visit is one root
in one pass over the nodes. The pipeline takes nothing but node ids, so the ids that run through
it are *tickets*, ``visit * 2**32 + node``: still one id per node within a component, and everything
that a draw depends on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_gnn as tfgnn
from tensorflow_gnn.experimental import sampler
from tensorflow_gnn.experimental.sampler import subgraph_pipeline

from ....kernels.random import derive_key, row_words
from ...graph.adjacency import Adjacency
from ...graph.data import GraphData
from ...graph.tensor import EDGE_SET, EDGE_WEIGHT, FEATURE, HOP, KEPT_COLUMNS, NODE_SET, STEP

TICKET = "ticket"  # of the nodes of a subgraph: no two in a training have the same
_NODE_BITS = 32
_VISITS = 2**31  # visits are counted modulo this: tickets are int64 and not negative


class KeyedUniformEdgesSampler(tf.keras.layers.Layer, sampler.OutgoingEdgesSampler):
    """Draws up to `sample_size` neighbours of each node, uniformly, without replacement.

    Args:
        adjacency: the neighbours, in tensors: several layers share them.
        sample_size: how many to draw; a node with fewer neighbours gives all of them.
        key: uint64 scalar or int; the draws are a function of it and of the ticket.

    Call argument: tickets, int64 ragged ``[components, (nodes)]``. Returns: "#source" and "#target"
    tickets of the drawn edges, ``[components, (edges)]``.

    The method is Floyd's: the i-th of k draws from d neighbours is uniform over the first
    d - k + i + 1 of them; if that one has been drawn before, the last of these takes its place.
    Work O(k^2) per node, whatever its degree. Source: Bentley and Floyd 1987, "A sample of
    brilliance", Communications of the ACM 30 (9).
    """

    edge_set_name = EDGE_SET

    def __init__(self, adjacency: Adjacency, *, sample_size: int, key):
        super().__init__()
        self._adjacency, self._sample_size, self._key = adjacency, sample_size, key

    def call(self, source_node_ids: tf.RaggedTensor) -> dict[str, tf.RaggedTensor]:
        """See the class."""
        tickets = source_node_ids.values
        nodes = _node_of(tickets)
        first = tf.gather(self._adjacency.starts, nodes)
        degrees = tf.gather(self._adjacency.starts, nodes + 1) - first
        words = row_words(self._key, tickets, self._sample_size)
        positions, is_drawn = _draw(words, degrees)
        edges = tf.boolean_mask(first[:, tf.newaxis] + positions, is_drawn)
        drawn = tf.minimum(degrees, self._sample_size)
        sources = tf.repeat(tickets, drawn)
        neighbours = tf.cast(tf.gather(self._adjacency.neighbours, edges), tf.int64)
        targets = sources - _node_of(sources) + neighbours
        # Nodes of one component lie together, so its edges do too.
        limits = tf.concat([[0], tf.cumsum(drawn)], 0)
        splits = tf.gather(limits, source_node_ids.row_splits)
        found = {tfgnn.SOURCE_NAME: sources, tfgnn.TARGET_NAME: targets}
        if self._adjacency.weights is not None:
            found[EDGE_WEIGHT] = tf.gather(self._adjacency.weights, edges)
        return {
            name: tf.RaggedTensor.from_row_splits(values, splits, validate=False)
            for name, values in found.items()
        }


class FeatureRows(tf.keras.layers.Layer, sampler.KeyToFeaturesAccessor):
    """Reads the features of the nodes asked for, each once, and no others.

    TF-GNN's `InMemIndexToFeaturesAccessor` holds all of them in memory; these may stay on disk.
    """

    resource_name = NODE_SET

    def __init__(self, data: GraphData):
        super().__init__()
        self._data = data

    def call(self, keys: tf.RaggedTensor) -> dict[str, tf.RaggedTensor]:
        """Tickets ``[components, (nodes)]`` to float32 features ``[components, (nodes), F]``.

        The tickets themselves go with them.
        """
        # Not stateful: the same nodes have the same features, so calls may run in parallel.
        rows = tf.numpy_function(self._read, [_node_of(keys.values)], tf.float32, stateful=False)
        rows = tf.ensure_shape(rows, [None, self._data.num_features])
        return {FEATURE: keys.with_values(rows), TICKET: keys}

    def _read(self, nodes: np.ndarray) -> np.ndarray:
        different, inverse = np.unique(nodes, return_inverse=True)
        return self._data.feature_rows(different)[inverse]


class SubgraphSampler:
    """Samples the neighbourhoods of roots, one component each.

    Args:
        data: the graph.
        adjacency: its edges, see `adjacency_of`.
        fan_out: neighbours to draw per node, hop by hop.
        seed: the same seed gives the same subgraphs.
    """

    # AutoGraph would rewrite TF-GNN's layers, which need it no more than ours, in ten seconds.
    @tf.autograph.experimental.do_not_convert
    def __init__(self, data: GraphData, adjacency: Adjacency, *, fan_out: Sequence[int], seed: int):
        self._num_features = data.num_features
        schema = tfgnn.GraphSchema()
        schema.node_sets[NODE_SET].description = "nodes"  # an entry without content is none
        schema.edge_sets[EDGE_SET].source = NODE_SET
        schema.edge_sets[EDGE_SET].target = NODE_SET
        builder = tfgnn.sampler.SamplingSpecBuilder(schema).seed(NODE_SET)
        spec = builder.sample(list(fan_out), EDGE_SET).build()
        tensors = Adjacency(tf.constant(adjacency.starts), tf.constant(adjacency.neighbours))
        if adjacency.weights is not None:
            tensors = dataclasses.replace(tensors, weights=tf.constant(adjacency.weights))
            schema.edge_sets[EDGE_SET].features[EDGE_WEIGHT].dtype = tf.float32.as_datatype_enum
        root_key = derive_key(tf.constant(seed, tf.uint64), "sampling")
        hop_of = {operation.op_name: hop for hop, operation in enumerate(spec.sampling_ops)}
        # Not TF-GNN's Keras model of it: to build that takes as long as to trace it once more.
        self._pipeline = subgraph_pipeline.SamplingPipeline(
            schema,
            spec,
            lambda operation: KeyedUniformEdgesSampler(
                tensors,
                sample_size=operation.sample_size,
                key=derive_key(root_key, hop_of[operation.op_name]),
            ),
            lambda node_set_name: FeatureRows(data),
        )
        self._sample = tf.function(self._subgraphs, autograph=False)

    def __call__(self, roots: tf.Tensor, visits: tf.Tensor, step: tf.Tensor) -> tfgnn.GraphTensor:
        """Samples one batch; traced once, however many pipelines ask, if only for their spec.

        Args:
            roots: int64 [B], numbers of nodes; B is known.
            visits: int64 [B], numbers of the visits.
            step: int64 scalar, the number of the batch.

        Returns:
            GraphTensor [B] of single components. Node 0 of each is its root; the edges lead away
            from it, from the node that drew to the one drawn. Features: "features" and "ticket" of
            the nodes, and of the context "step", int64 [B, 1], and "kept_columns", ones [B, 1, F].
        """
        return self._sample(roots, visits, step)

    @tf.autograph.experimental.do_not_convert  # as above
    def _subgraphs(self, roots, visits, step):
        tickets = tf.bitwise.left_shift(visits % _VISITS, tf.constant(_NODE_BITS, tf.int64)) + roots
        graph = self._pipeline(tf.RaggedTensor.from_tensor(tickets[:, tf.newaxis]))
        context = {
            STEP: tf.fill([roots.shape[0], 1], step),
            KEPT_COLUMNS: tf.ones([roots.shape[0], 1, self._num_features]),
        }
        return _with_static_batch(graph, roots.shape[0], context)


class UndirectedSubgraphs(tf.keras.layers.Layer):
    """Makes sampled edges undirected, and tells each node's distance from its root.

    Call argument: a scalar GraphTensor, one sampled subgraph per component, the root first.
    Returns: the same with each edge once in each direction, in the order of the targets, and the
    node feature "hop", int32 [n], the number of edges between a node and its root.

    Args:
        hops: the largest such number.
    """

    def __init__(self, hops: int, **kwargs):
        super().__init__(**kwargs)
        self._hops = hops

    def call(self, graph: tfgnn.GraphTensor) -> tfgnn.GraphTensor:
        """See the class."""
        nodes, edges = graph.node_sets[NODE_SET], graph.edge_sets[EDGE_SET]
        ends = (tf.cast(edges.adjacency[tag], tf.int64) for tag in (tfgnn.SOURCE, tfgnn.TARGET))
        source, target = ends
        (source, target), edge_sizes, edge_features = _both_directions(
            source, target, nodes.sizes, edges.features
        )
        hop = _hops_from_root(source, target, nodes.sizes, self._hops)
        dtype = nodes.sizes.dtype
        return tfgnn.homogeneous(
            tf.cast(source, dtype),
            tf.cast(target, dtype),
            node_features={**nodes.features, HOP: hop},
            edge_features=edge_features or None,  # TF-GNN takes no empty ones
            context_features=dict(graph.context.features),
            node_set_sizes=nodes.sizes,
            edge_set_sizes=tf.cast(edge_sizes, dtype),
        )


def _with_static_batch(graph, count: int, context) -> tfgnn.GraphTensor:
    """The graphs with their number in the static shape: the runner batches no others again."""

    def rows(ragged: tf.RaggedTensor) -> tf.RaggedTensor:
        splits = tf.ensure_shape(ragged.row_splits, [count + 1])
        return tf.RaggedTensor.from_row_splits(ragged.values, splits, validate=False)

    nodes, edges = graph.node_sets[NODE_SET], graph.edge_sets[EDGE_SET]
    adjacency = tfgnn.Adjacency.from_indices(
        *((NODE_SET, rows(edges.adjacency[tag])) for tag in (tfgnn.SOURCE, tfgnn.TARGET))
    )
    return tfgnn.GraphTensor.from_pieces(
        context=tfgnn.Context.from_fields(shape=[count], features=context),
        node_sets={
            NODE_SET: tfgnn.NodeSet.from_fields(
                sizes=tf.ensure_shape(nodes.sizes, [count, 1]),
                features={name: rows(values) for name, values in nodes.features.items()},
            )
        },
        edge_sets={
            EDGE_SET: tfgnn.EdgeSet.from_fields(
                sizes=tf.ensure_shape(edges.sizes, [count, 1]),
                adjacency=adjacency,
                features={name: rows(values) for name, values in edges.features.items()},
            )
        },
    )


def _node_of(tickets: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.bitwise_and(tickets, tf.constant(2**_NODE_BITS - 1, tf.int64))


def _draw(words: tf.Tensor, degrees: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Floyd's method for all rows at once.

    Args:
        words: uint32 [n, k].
        degrees: int64 [n].

    Returns:
        int64 [n, k], different numbers in [0, degree) in each row; and bool [n, k], False where a
        row has fewer than k.
    """
    size = words.shape[1]
    drawn: list[tf.Tensor] = []
    for i in range(size):
        last = tf.maximum(degrees - size + i, 0)
        # A word / 2**32 is uniform in [0, 1): scaled, without division, to [0, last].
        scaled = tf.cast(words[:, i], tf.uint64) * tf.cast(last + 1, tf.uint64)
        draw = tf.cast(tf.bitwise.right_shift(scaled, tf.constant(32, tf.uint64)), tf.int64)
        if drawn:
            before = tf.reduce_any(tf.stack(drawn, 1) == draw[:, tf.newaxis], 1)
            draw = tf.where(before, last, draw)
        drawn.append(draw)
    positions = tf.range(size, dtype=tf.int64)[tf.newaxis]
    takes_all = (degrees <= size)[:, tf.newaxis]
    is_drawn = positions < degrees[:, tf.newaxis]
    return tf.where(takes_all, positions, tf.stack(drawn, 1)), is_drawn


def _both_directions(source, target, node_sizes, features):
    """Edges (source [e], target [e]), each once in each direction; components' sizes; features."""
    count = tf.reduce_sum(tf.cast(node_sizes, tf.int64))
    keys = tf.concat([source * count + target, target * count + source], 0)
    order = tf.argsort(keys)
    keys = tf.gather(keys, order)
    is_first = tf.concat([tf.ones_like(keys[:1], tf.bool), keys[1:] != keys[:-1]], 0)
    keys, order = tf.boolean_mask(keys, is_first), tf.boolean_mask(order, is_first)
    features = {
        name: tf.gather(tf.concat([values, values], 0), order) for name, values in features.items()
    }
    target, source = keys // count, keys % count
    component = tf.repeat(tf.range(tf.size(node_sizes)), node_sizes)
    sizes = tf.math.unsorted_segment_sum(
        tf.ones_like(target), tf.gather(component, target), tf.size(node_sizes)
    )
    return (source, target), sizes, features


def _hops_from_root(source, target, sizes, hops: int) -> tf.Tensor:
    """Int32 [n]: the least number of edges between the root and each node."""
    roots = tf.cumsum(sizes, exclusive=True)[:, tf.newaxis]
    distance = tf.fill([tf.reduce_sum(sizes)], hops)
    distance = tf.tensor_scatter_nd_update(distance, roots, tf.zeros_like(roots[:, 0], tf.int32))
    for _ in range(hops - 1):
        reached = tf.gather(distance, source) + 1
        distance = tf.tensor_scatter_nd_min(distance, target[:, tf.newaxis], reached)
    return distance
