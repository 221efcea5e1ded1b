"""How a corruption is called: eagerly, in a tf.function, in a tf.data map, under XLA.

A setup takes a corruption, ``graph -> graph``, and a graph, and returns a function without
arguments that corrupts the graph once, with fresh draws, and returns what `values` does. On a CPU
all of it is done when that returns.
"""

from __future__ import annotations

from collections.abc import Callable

from .cases import RATE

# TensorFlow's string takes so many bytes, and those of up to 22 characters lie within.
_STRING_BYTES = 24
# What `as_measured` appends: few, since what is measured is what happens to the real ones.
_PADDING_ROWS = 8


def as_measured(operation: str, graph, mode: str):
    """The graph that contestants get in a mode: under XLA padded, if edges are to be dropped.

    What is dropped has to go somewhere, as all sizes are static there: into the padding component.
    """
    if mode != "xla" or not operation.startswith("edges"):
        return graph
    import tensorflow_gnn as tfgnn

    def totals(pieces):
        return {name: int(piece.total_size) + _PADDING_ROWS for name, piece in pieces.items()}

    constraints = tfgnn.SizeConstraints(
        total_num_components=int(graph.num_components) + 1,
        total_num_nodes=totals(graph.node_sets),
        total_num_edges=totals(graph.edge_sets),
    )
    return tfgnn.keras.layers.PadToTotalSizes(constraints)(graph)[0]


def bytes_written(operation: str, graph, mode: str) -> int:
    """What the result of an operation takes: every value once, of edges those that are kept.

    Neither row splits of ragged features nor sizes count, nor what an operation needs on its way,
    random numbers for example.

    Args:
        operation: On features or edges.
        graph: As `as_measured` gives it.
        mode: Of `corruption_cases.MODES`; under XLA all edges are written, as their number stays.
    """
    share = 1.0
    if operation.startswith("edges") and mode != "xla":
        share -= RATE
    return round(share * sum(map(size_in_bytes, corrupted(operation, graph).values())))


def size_in_bytes(value) -> int:
    """Of the values of a tensor, dense or ragged."""
    flat = getattr(value, "flat_values", value)
    itemsize = _STRING_BYTES if flat.dtype == "string" else flat.dtype.size
    return flat.shape.num_elements() * itemsize


def corrupted(operation: str, graph) -> dict:
    """What an operation writes, as ``{name: tensor}``."""
    if not operation.startswith("edges"):
        return dict(graph.node_sets["nodes"].features)
    edges = graph.edge_sets["edges"]
    features = {f"edges {name}": value for name, value in edges.features.items()}
    return {**features, "source": edges.adjacency.source, "target": edges.adjacency.target}


def values(operation: str, graph) -> dict:
    """`corrupted`, and the sizes where those change."""
    if not operation.startswith("edges"):
        return corrupted(operation, graph)
    return {**corrupted(operation, graph), "edge sizes": graph.edge_sets["edges"].sizes}


def eagerly(corrupt: Callable, graph, read: Callable) -> Callable:
    """Op by op from Python, which also packs the GraphTensor that comes out."""
    import tensorflow as tf

    spec = _spec_for_fresh_draws(graph)
    if spec != graph.spec:  # upstream's layers are built in the first call, for its spec
        tf.function(corrupt, autograph=False).get_concrete_function(spec)
    return lambda: read(corrupt(graph))


def in_function(corrupt: Callable, graph, read: Callable) -> Callable:
    """In a tf.function. Dense features are static."""
    return _compute(corrupt, graph, read, _spec_for_fresh_draws(graph), jit_compile=False)


def under_xla(corrupt: Callable, graph, read: Callable) -> Callable:
    """Compiled by XLA, with static shapes."""
    return _compute(corrupt, graph, read, graph.spec, jit_compile=True)


def in_data(corrupt: Callable, graph, read: Callable) -> Callable:
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
            dataset = dataset.map(lambda graph: read(corrupt(graph)))
            iterator = iter(dataset.with_options(options))
        return next(iterator)

    return call


def _spec_for_fresh_draws(graph):
    """With an unknown number of rows for ragged features.

    Where it is static, upstream's shuffle draws while its layer is built, and repeats that
    permutation in every call.
    """
    import tensorflow as tf

    features = graph.node_sets["nodes"].features.values()
    if any(isinstance(value, tf.RaggedTensor) for value in features):
        return graph.spec.relax(num_nodes=True)
    return graph.spec


def _compute(corrupt, graph, read, spec, jit_compile):
    """With the graph as the argument: as a constant it would be folded."""
    import tensorflow as tf

    tensors = tf.nest.flatten(graph, expand_composites=True)
    signature = tf.nest.flatten(spec, expand_composites=True)

    @tf.function(input_signature=signature, autograph=False, jit_compile=jit_compile)
    def compute(*tensors):
        return read(corrupt(tf.nest.pack_sequence_as(spec, tensors, expand_composites=True)))

    return lambda: compute(*tensors)


SETUPS = {"eager": eagerly, "function": in_function, "data": in_data, "xla": under_xla}
