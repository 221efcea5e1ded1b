"""Who is compared: our corruptors, upstream's, a formula where upstream has none, a plain copy.

A contestant's `setup(operation, graph, mode)` returns the call that is timed, see
modes.py. The graph passes from tensors to GraphTensor and back while TensorFlow traces;
in the mode "eager", in every call, for every contestant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .cases import RATE, Graph, kind_of
from .modes import SETUPS, values

# 80,000 rows take upstream's shuffle seconds under XLA, and twice as many three to four times that.
_MOST_ROWS_FOR_UPSTREAM_UNDER_XLA = 100_000
_UPSTREAM = ("shuffle", "shuffle 0.3", "dropout 0.3")


@dataclass(frozen=True)
class Contestant:
    """One way to corrupt a graph.

    Attributes:
        name: Key of its rows in bench/results/.
        corruptor: ``operation -> (graph -> graph)``.
        operations: What it can do; None: everything.
        gap: ``(operation, graph, mode)`` to the reason why it alone is left out there, or None.
    """

    name: str
    corruptor: Callable
    operations: tuple[str, ...] | None = None
    gap: Callable = lambda *_: None

    def can(self, operation: str) -> bool:
        """Whether it has the operation."""
        return self.operations is None or operation in self.operations

    def reason_to_skip(self, operation: str, graph: Graph, mode: str) -> str | None:
        """Why it cannot do an operation that it has on a graph in a mode, or None if it can."""
        return _gap_of_all(operation, graph, mode) or self.gap(operation, graph, mode)

    def setup(self, operation: str, graph, mode: str) -> Callable:
        """See the module.

        Args:
            operation: One that it has.
            graph: From `corruption_modes.as_measured`.
            mode: Of `corruption_cases.MODES`.
        """
        import tensorflow as tf

        # The graph is the same without AutoGraph, and is there in half the time.
        corrupt = tf.autograph.experimental.do_not_convert(self.corruptor(operation))
        return SETUPS[mode](corrupt, graph, partial(values, operation))


def _gap_of_all(operation, graph, mode):
    if mode != "xla":
        return None
    for _, dtype, ragged_rank in kind_of(graph):
        if dtype == "string":
            return "XLA has no strings"
        if ragged_rank and operation.startswith("shuffle"):
            return (
                "how many values a ragged row gets is not static: ours refuses that under XLA, and "
                "what upstream computes does not compile"
            )
    return None


def _gap_of_upstream(operation, graph, mode):
    if (mode, operation) == ("xla", "shuffle") and graph.rows > _MOST_ROWS_FOR_UPSTREAM_UNDER_XLA:
        return (
            "XLA permutes the rows of tf.random.shuffle one by one, in a time that grows about as "
            "the square of their number, and a call takes minutes"
        )
    return None


def _ours(operation):
    from graph_barlow_twins import tfgnn_task

    return _layer(tfgnn_task, operation)


def _upstream(operation):
    import graph_barlow_twins  # noqa: F401 - selects Keras 2 before TF-GNN is loaded
    from tensorflow_gnn.models import contrastive_losses

    return _layer(contrastive_losses, operation)


def _layer(module, operation):
    """A layer with default arguments; the names are the same."""
    if operation == "shuffle":
        return module.ShuffleFeaturesGlobally()
    if operation == "edges 0.3":
        return module.DropEdges(RATE)
    name = {
        "shuffle 0.3": "ShuffleFeaturesGlobally",
        "dropout 0.3": "DropoutFeatures",
        "mask 0.3": "MaskFeatures",
    }[operation]
    # Upstream's take the rate from a spec only.
    spec = module.CorruptionSpec(node_set_corruption={"nodes": {"*": RATE}})
    return getattr(module, name)(spec)


def _formula(operation):
    """What one would write down for one component, under XLA for one and padding."""
    return {"mask 0.3": _mask, "edges 0.3": _drop}[operation]


def _mask(graph):
    import tensorflow as tf

    def mask(value):
        masked = tf.random.uniform(value.shape[1:]) < RATE
        return tf.where(masked, tf.zeros([], value.dtype), value)

    return _with_features(graph, mask)


def _drop(graph):
    import tensorflow as tf
    from graph_barlow_twins.kernels.context import compiled_by_xla

    if compiled_by_xla():
        return _drop_into_padding(graph)
    edges = graph.edge_sets["edges"]
    kept = tf.where(tf.random.uniform(tf.shape(edges.adjacency.source)) >= RATE)[:, 0]
    sizes = tf.fill(tf.shape(edges.sizes), tf.size(kept))
    return _with_edges(graph, lambda value: tf.gather(value, kept), sizes)


def _drop_into_padding(graph):
    """Edges kept, then dropped ones as edges of the first padding node, then the padding."""
    import tensorflow as tf

    edges = graph.edge_sets["edges"]
    real, sizes_dtype = tf.cast(edges.sizes[0], tf.int32), edges.sizes.dtype
    padding_node = graph.node_sets["nodes"].sizes[0]
    rows = tf.range(edges.adjacency.source.shape[0])
    stays = (tf.random.uniform(rows.shape) >= RATE) & (rows < real)
    up_to = tf.cumsum(tf.cast(stays, tf.int32))
    kept = up_to[-1]
    place = tf.where(stays, up_to - 1, kept + rows - up_to)
    order = tf.scatter_nd(place[:, tf.newaxis], rows, rows.shape)
    dropped = (rows >= kept) & (rows < real)

    def move(value):
        value = tf.gather(value, order)
        if value.shape.rank == 1:
            return tf.where(dropped, tf.cast(padding_node, value.dtype), value)
        return tf.where(dropped[:, tf.newaxis], tf.zeros([], value.dtype), value)

    sizes = tf.cast(tf.stack([kept, tf.size(rows) - kept]), sizes_dtype)
    return _with_edges(graph, move, sizes)


def _copy(operation):
    """As many bytes as the operation writes, into memory that is as new as its is.

    Of edges, the first ones in the number that is kept on average.
    """
    import tensorflow as tf
    from graph_barlow_twins.kernels.context import compiled_by_xla

    def copy(value):
        if compiled_by_xla():  # it has no DeepCopy, and gives every result memory of its own
            return tf.identity(value)
        # tf.identity and the like hand on the same memory, and x + 0 may be folded.
        return tf.raw_ops.DeepCopy(x=value)

    def copy_feature(value):
        return tf.ragged.map_flat_values(copy, value)

    def copy_kept(graph):
        edges = graph.edge_sets["edges"]
        if compiled_by_xla():
            return _with_edges(graph, copy, edges.sizes)
        kept = tf.size(edges.adjacency.source) * round(10 * (1 - RATE)) // 10
        sizes = tf.fill(tf.shape(edges.sizes), kept)
        return _with_edges(graph, lambda value: copy(value[:kept]), sizes)

    if operation.startswith("edges"):
        return copy_kept
    return lambda graph: _with_features(graph, copy_feature)


def _identity(operation):
    """Takes the graph apart and puts it together, as all do."""
    if operation.startswith("edges"):
        return lambda graph: _with_edges(graph, lambda v: v, graph.edge_sets["edges"].sizes)
    return lambda graph: _with_features(graph, lambda v: v)


def _with_features(graph, change):
    """The graph with its features changed, one by one."""
    features = graph.node_sets["nodes"].features.items()
    changed = {name: change(value) for name, value in features}
    return graph.replace_features(node_sets={"nodes": changed})


def _with_edges(graph, change, sizes):
    """The graph with features and indices of its edges changed, one by one."""
    import tensorflow_gnn as tfgnn

    edges = graph.edge_sets["edges"]
    source, target = (change(index) for index in (edges.adjacency.source, edges.adjacency.target))
    edge_set = tfgnn.EdgeSet.from_fields(
        sizes=sizes,
        features={name: change(value) for name, value in edges.features.items()},
        adjacency=tfgnn.Adjacency.from_indices(("nodes", source), ("nodes", target)),
    )
    return tfgnn.GraphTensor.from_pieces(
        context=graph.context, node_sets=graph.node_sets, edge_sets={"edges": edge_set}
    )


CONTESTANTS = (
    Contestant("identity", _identity),
    Contestant("copy", _copy),
    Contestant("ours", _ours),
    Contestant("upstream", _upstream, _UPSTREAM, _gap_of_upstream),
    Contestant("formula", _formula, ("mask 0.3", "edges 0.3")),
)
BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}
