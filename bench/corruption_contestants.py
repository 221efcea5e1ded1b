"""Who is compared: our corruptors, upstream's, a plain formula where upstream has none.

A contestant's `setup(operation, graph, mode)` returns a function without arguments that corrupts
the graph once, with fresh draws, and returns its features and edges, ``{name: tensor}``. On a CPU
all of it is done when that returns. The graph passes from tensors to GraphTensor and back while
TensorFlow traces: packing one in Python takes longer than some corruptions do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .corruption_cases import RATE, Graph

_UPSTREAM = ("shuffle", "shuffle 0.3", "dropout 0.3")
# Of the bare check: a rate is met within so many standard deviations.
_DEVIATIONS = 6


@dataclass(frozen=True)
class Contestant:
    """One way to corrupt a graph.

    Attributes:
        name: Key of its rows in bench/results/.
        corruptor: ``operation -> (graph -> graph)``.
        operations: What it can do; None: everything.
    """

    name: str
    corruptor: Callable
    operations: tuple[str, ...] | None = None

    def can(self, operation: str) -> bool:
        """Whether it has the operation."""
        return self.operations is None or operation in self.operations

    def setup(self, operation: str, graph, mode: str) -> Callable:
        """See the module."""
        import tensorflow as tf

        # The graph is the same without AutoGraph, and is there in half the time.
        corrupt = tf.autograph.experimental.do_not_convert(self.corruptor(operation))
        return _SETUPS[mode](corrupt, graph)


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
    """What one would write down for one component."""
    import tensorflow as tf
    import tensorflow_gnn as tfgnn

    def mask(value):
        masked = tf.random.uniform(value.shape[1:]) < RATE
        return tf.where(masked, tf.zeros([], value.dtype), value)

    def mask_all(graph):
        features = graph.node_sets["nodes"].features
        masked = {name: mask(value) for name, value in features.items()}
        return graph.replace_features(node_sets={"nodes": masked})

    def drop(graph):
        edges = graph.edge_sets["edges"]
        source, target = edges.adjacency.source, edges.adjacency.target
        kept = tf.where(tf.random.uniform(tf.shape(source)) >= RATE)[:, 0]
        edge_set = tfgnn.EdgeSet.from_fields(
            sizes=tf.fill(tf.shape(edges.sizes), tf.size(kept)),
            features={name: tf.gather(value, kept) for name, value in edges.features.items()},
            adjacency=tfgnn.Adjacency.from_indices(
                ("nodes", tf.gather(source, kept)), ("nodes", tf.gather(target, kept))
            ),
        )
        return tfgnn.GraphTensor.from_pieces(
            context=graph.context, node_sets=graph.node_sets, edge_sets={"edges": edge_set}
        )

    return {"mask 0.3": mask_all, "edges 0.3": drop}[operation]


def _identity(operation):
    del operation
    return lambda graph: graph


def _in_function(corrupt, graph):
    """With the graph as the argument: as a constant it would be folded. Dense features are static.

    Ragged ones have an unknown number of rows: where it is static, upstream's shuffle draws while
    its layer is built, and repeats that permutation in every call.
    """
    import tensorflow as tf

    spec = graph.spec
    features = graph.node_sets["nodes"].features.values()
    if any(isinstance(value, tf.RaggedTensor) for value in features):
        spec = spec.relax(num_nodes=True)
    tensors = tf.nest.flatten(graph, expand_composites=True)
    signature = tf.nest.flatten(spec, expand_composites=True)

    @tf.function(input_signature=signature, autograph=False)
    def compute(*tensors):
        return _values(corrupt(tf.nest.pack_sequence_as(spec, tensors, expand_composites=True)))

    return lambda: compute(*tensors)


def _in_data(corrupt, graph):
    """One element per call. Batched and merged, so that shapes are as dynamic as in training."""
    import tensorflow as tf

    options = tf.data.Options()
    # Neither threads that work ahead, which would hide time, nor changes while it is measured.
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    options.experimental_optimization.map_parallelization = False
    iterator = None

    def call():
        nonlocal iterator
        if iterator is None:  # the first call counts tracing, as in a tf.function
            dataset = tf.data.Dataset.from_tensors(graph).batch(1)
            # Cached behind the merge: what is measured begins with the map.
            dataset = dataset.map(lambda batch: batch.merge_batch_to_components()).cache().repeat()
            dataset = dataset.map(lambda graph: _values(corrupt(graph)))
            iterator = iter(dataset.with_options(options))
        return next(iterator)

    return call


def _values(graph):
    """All that a corruption changes, as ``{name: tensor}``."""
    values = dict(graph.node_sets["nodes"].features)
    for edge_set in graph.edge_sets.values():
        adjacency = edge_set.adjacency
        values |= {f"edges {name}": value for name, value in edge_set.features.items()}
        values |= {"source": adjacency.source, "target": adjacency.target}
        values |= {"edge sizes": edge_set.sizes}
    return values


_SETUPS = {"function": _in_function, "data": _in_data}

CONTESTANTS = (
    Contestant("identity", _identity),
    Contestant("ours", _ours),
    Contestant("upstream", _upstream, _UPSTREAM),
    Contestant("formula", _formula, ("mask 0.3", "edges 0.3")),
)
BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}


def soundness_error(contestant: Contestant, operation: str, graph: Graph, mode: str) -> str | None:
    """What a contestant gets wrong on a small copy of a graph, or None.

    Only a contestant that does the whole work is measured: rows are permuted as wholes, rates are
    met, other entries keep their values, and two calls draw differently.

    Args:
        contestant: Whom to check; the identity has nothing to get wrong.
        operation: What it does.
        graph: To how many of whose rows is decided here.
        mode: Of `MODES`.
    """
    if contestant.name == "identity":
        return None
    small = graph.make(min(graph.rows, 256))
    call = contestant.setup(operation, small, mode)
    before = _rows(_values(small), operation)
    draws = [_rows(call(), operation) for _ in range(2)]
    where = f"{contestant.name}, {operation} {graph.name}, {mode}"
    for name, rows in before.items():
        first, second = (draw[name] for draw in draws)
        if first == second:
            return f"{where}: {name}, the same draw twice"
        error = _CHECKS[operation](rows, first)
        if error:
            return f"{where}: {name}, {error}"
    return None


def _rows(values, operation):
    """What the operation corrupts, as lists of rows."""
    if operation.startswith("edges"):
        names = ["edges weights"]
    else:
        names = [name for name in values if name.startswith("values")]
    as_list = lambda v: v.to_list() if hasattr(v, "to_list") else v.numpy().tolist()  # noqa: E731
    return {name: as_list(values[name]) for name in names}


def _check_shuffle(before, after, least=0.9, most=1.0):
    if sorted(map(repr, before)) != sorted(map(repr, after)):
        return "other rows than before"
    moved = np.mean([a != b for a, b in zip(before, after, strict=True)])
    # Equal rows, such as empty ones, change places without being seen to.
    return None if least <= moved <= most else f"{moved:.0%} of the rows changed"


def _check_partial_shuffle(before, after):
    return _check_shuffle(before, after, 0.2, RATE + 1 / len(before))


def _check_dropout(before, after):
    before, after = _flat(before), _flat(after)
    kept = after != 0
    if not np.allclose(after[kept], before[kept] / (1 - RATE)):
        return "entries kept are not scaled by 1 / (1 - rate)"
    return _check_share(1 - kept.mean(), len(before))


def _check_mask(before, after):
    before, after = np.array(before), np.array(after)
    masked = (after == 0).all(axis=0)
    if (after != np.where(masked, 0, before)).any():
        return "other entries than whole columns changed"
    return _check_share(masked.mean(), masked.size)


def _check_edges(before, after):
    if not set(map(repr, after)) <= set(map(repr, before)):
        return "other edges than before"
    return _check_share(1 - len(after) / len(before), len(before))


def _check_share(share, count):
    bound = _DEVIATIONS * np.sqrt(RATE * (1 - RATE) / count)
    return None if abs(share - RATE) <= bound else f"a share of {share:.3f} went"


def _flat(rows):
    while any(isinstance(row, list) for row in rows):
        rows = [entry for row in rows for entry in row]
    return np.array(rows)


_CHECKS = {
    "shuffle": _check_shuffle,
    "shuffle 0.3": _check_partial_shuffle,
    "dropout 0.3": _check_dropout,
    "mask 0.3": _check_mask,
    "edges 0.3": _check_edges,
}
