"""The graph that the tests of corruptors corrupt, one corruptor of every class, and comparisons."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from graph_barlow_twins.tfgnn_task import (
    Compose,
    CorruptionSpec,
    DropEdges,
    DropNodes,
    DropoutFeatures,
    MaskFeatures,
    ShuffleFeaturesGlobally,
)

FEATURE_CORRUPTORS = (ShuffleFeaturesGlobally, DropoutFeatures, MaskFeatures)
# Two components: 9 + 11 papers, 8 + 12 authors, 13 + 17 citations, 10 + 10 authorships.
PAPERS, AUTHORS, CITES, WRITES = (9, 11), (8, 12), (13, 17), (10, 10)


def numbers(rows, *columns, start=1.0):
    """Distinct positive floats of shape ``[rows, *columns]``."""
    size = int(np.prod((rows, *columns)))
    return tf.reshape(tf.range(start, start + size, dtype=tf.float32), (rows, *columns))


def indices(sizes, nodes, seed):
    """One node of the edge's own component for each edge."""
    rng = np.random.default_rng([seed, *sizes])
    offsets = np.concatenate([[0], np.cumsum(nodes)])[:-1]
    return np.concatenate(
        [
            offset + rng.integers(0, count, size)
            for offset, count, size in zip(offsets, nodes, sizes, strict=True)
        ]
    ).astype(np.int32)


def make_graph(step=0, *, extra=None, hyper=False):
    """Papers, authors, two edge sets, a context, and an auxiliary node set and edge set."""
    return _make_graph(step, hyper) if extra is None else _build_graph(step, hyper, extra)


@functools.cache  # graphs do not change, and building one takes as long as corrupting it
def _make_graph(step, hyper):
    return _build_graph(step, hyper, None)


def _build_graph(step, hyper, extra):
    papers = {"words": numbers(20, 4), "year": numbers(20), **(extra or {})}
    context = {"score": numbers(2, 30)}
    if step is not None:
        context["step"] = tf.constant([step, step], tf.int64)
    cites = tfgnn.Adjacency.from_indices(
        ("paper", indices(CITES, PAPERS, 0)), ("paper", indices(CITES, PAPERS, 1))
    )
    if hyper:
        cites = tfgnn.HyperAdjacency.from_indices(
            {
                0: ("paper", indices(CITES, PAPERS, 0)),
                1: ("paper", indices(CITES, PAPERS, 1)),
                2: ("author", indices(CITES, AUTHORS, 2)),
            }
        )
    return tfgnn.GraphTensor.from_pieces(
        context=tfgnn.Context.from_fields(features=context),
        node_sets={
            "paper": tfgnn.NodeSet.from_fields(sizes=PAPERS, features=papers),
            "author": tfgnn.NodeSet.from_fields(
                sizes=AUTHORS, features={"words": numbers(20, 3), "age": numbers(20, 1)}
            ),
            "_readout": tfgnn.NodeSet.from_fields(
                sizes=(9, 11), features={"label": numbers(20, 2)}
            ),
        },
        edge_sets={
            "cites": tfgnn.EdgeSet.from_fields(
                sizes=CITES,
                features={"id": numbers(30, start=0.0), "weight": numbers(30, 2)},
                adjacency=cites,
            ),
            "writes": tfgnn.EdgeSet.from_fields(
                sizes=WRITES,
                features={"weight": numbers(20, 2)},
                adjacency=tfgnn.Adjacency.from_indices(
                    ("author", indices(WRITES, AUTHORS, 0)),
                    ("paper", indices(WRITES, PAPERS, 1)),
                ),
            ),
            "_readout/paper": tfgnn.EdgeSet.from_fields(
                sizes=(9, 11),
                features={"weight": numbers(20, 2)},
                adjacency=tfgnn.Adjacency.from_indices(
                    ("paper", np.arange(20)), ("_readout", np.arange(20))
                ),
            ),
        },
    )


@functools.cache
def small_graph(step=0):
    """Papers and citations alone, for what has to be traced."""
    papers, cites = (12, 8), (20, 16)
    ends = [("paper", indices(cites, papers, seed)) for seed in (0, 1)]
    context = {"step": tf.constant([step, step], tf.int64)}
    return tfgnn.GraphTensor.from_pieces(
        context=tfgnn.Context.from_fields(features=context),
        node_sets={
            "paper": tfgnn.NodeSet.from_fields(sizes=papers, features={"words": numbers(20, 30)})
        },
        edge_sets={
            "cites": tfgnn.EdgeSet.from_fields(
                sizes=cites,
                features={"weight": numbers(36, 30)},
                adjacency=tfgnn.Adjacency.from_indices(*ends),
            )
        },
    )


@functools.cache
def mixed_graph(step=1):
    """With a ragged, a string, a bool and a ragged feature of uniform inner length."""
    lengths = tf.range(20) % 4
    extra = {
        "tags": tf.RaggedTensor.from_row_lengths(
            tf.range(1.0, 1 + float(tf.reduce_sum(lengths))), lengths
        ),
        "title": tf.strings.as_string(tf.range(20)),
        "flag": tf.range(20) % 2 == 0,
    }
    return make_graph(step, extra=extra)


def padded(graph, *, components=5, nodes=7, edges=11, nodes_of=None):
    """The graph with padding components behind it, so many nodes and edges more per set."""
    extra = dict.fromkeys(graph.node_sets, nodes) | (nodes_of or {})
    constraints = tfgnn.SizeConstraints(
        total_num_components=components,
        total_num_nodes={
            name: int(piece.total_size) + extra[name] for name, piece in graph.node_sets.items()
        },
        total_num_edges={
            name: int(piece.total_size) + edges for name, piece in graph.edge_sets.items()
        },
    )
    return tfgnn.keras.layers.PadToTotalSizes(constraints)(graph)[0]


def real_part(graph, components=2):
    """The graph's first components alone."""

    def cut(piece):
        sizes = piece.sizes[:components]
        rows = tf.reduce_sum(sizes)
        return sizes, {name: value[:rows] for name, value in piece.features.items()}, rows

    node_sets, edge_sets = {}, {}
    for name, piece in graph.node_sets.items():
        sizes, features, _ = cut(piece)
        node_sets[name] = tfgnn.NodeSet.from_fields(sizes=sizes, features=features)
    for name, piece in graph.edge_sets.items():
        sizes, features, rows = cut(piece)
        indices = {
            tag: (end, index[:rows])
            for tag, (end, index) in piece.adjacency.get_indices_dict().items()
        }
        if isinstance(piece.adjacency, tfgnn.Adjacency):
            adjacency = tfgnn.Adjacency.from_indices(*indices.values())
        else:
            adjacency = tfgnn.HyperAdjacency.from_indices(indices)
        edge_sets[name] = tfgnn.EdgeSet.from_fields(
            sizes=sizes, features=features, adjacency=adjacency
        )
    context = tfgnn.Context.from_fields(
        features={name: value[:components] for name, value in graph.context.features.items()}
    )
    return tfgnn.GraphTensor.from_pieces(context=context, node_sets=node_sets, edge_sets=edge_sets)


def assert_consistent(graph):
    """Sizes add up to the rows, and every edge stays within its component."""
    for piece in (*graph.node_sets.values(), *graph.edge_sets.values()):
        for value in piece.features.values():
            rows = value.nrows() if isinstance(value, tf.RaggedTensor) else len(value)
            assert int(rows) == int(np.sum(piece.sizes))
    for name, edge_set in graph.edge_sets.items():
        component = np.repeat(np.arange(len(edge_set.sizes)), edge_set.sizes)
        for end, index in edge_set.adjacency.get_indices_dict().values():
            ends = np.cumsum(graph.node_sets[end].sizes)
            of_node = np.searchsorted(ends, index, side="right")
            np.testing.assert_array_equal(of_node, component, err_msg=name)


def features_of(graph):
    """All features by path, as NumPy arrays (ragged ones as nested lists)."""
    pieces = {("context",): graph.context}
    pieces |= {("node", name): piece for name, piece in graph.node_sets.items()}
    pieces |= {("edge", name): piece for name, piece in graph.edge_sets.items()}
    return {
        "/".join((*path, name)): value if isinstance(value, tf.RaggedTensor) else value.numpy()
        for path, piece in pieces.items()
        for name, value in piece.features.items()
    }


def to_list(value):
    return value.to_list() if isinstance(value, tf.RaggedTensor) else np.asarray(value).tolist()


def same(first, second):
    """Whether two features are equal, dense or ragged."""
    return to_list(first) == to_list(second)


def changed(graph, corrupted):
    """Paths of the features that the corruption changed."""
    before, after = features_of(graph), features_of(corrupted)
    assert before.keys() == after.keys()
    return {path for path in before if not same(before[path], after[path])}


def assert_same_graph(first, second):
    assert not changed(first, second)
    for name, node_set in first.node_sets.items():
        np.testing.assert_array_equal(node_set.sizes, second.node_sets[name].sizes)
    for name, edge_set in first.edge_sets.items():
        other = second.edge_sets[name]
        np.testing.assert_array_equal(edge_set.sizes, other.sizes)
        for tag, index in edge_set.adjacency.get_indices_dict().items():
            np.testing.assert_array_equal(index[1], other.adjacency[tag])


def fingerprint(graph):
    """A hashable value that tells apart graphs with other features or other sizes."""
    features = tuple((path, str(to_list(value))) for path, value in features_of(graph).items())
    pieces = (*graph.node_sets.values(), *graph.edge_sets.values())
    sizes = tuple(str(to_list(piece.sizes)) for piece in pieces)
    return features, sizes


def make_corruptors(**options):
    """One corruptor of every class."""
    spec = CorruptionSpec(context_corruption={"step": 0.0})
    features = [c(spec, default=0.5, **options) for c in FEATURE_CORRUPTORS]
    return [
        *features,
        DropEdges(0.5, **options),
        Compose([DropEdges(0.5), MaskFeatures(spec, default=0.5)], **options),
        DropNodes(0.5, **options),
        ShuffleFeaturesGlobally(spec, default=0.5, joint=True, **options),
        DropEdges({"cites": 0.5}, undirected=("cites",), **options),
        Compose(
            [DropNodes(0.3), Compose([DropEdges(0.3), DropoutFeatures(default=0.0)])], **options
        ),
    ]


BY_CLASS = pytest.mark.parametrize("number", range(9), ids=lambda i: str(i))


def fast_by_class(*fast):
    """Like `BY_CLASS`, of which only these numbers belong to the fast layer of tests."""
    params = [i if i in fast else pytest.param(i, marks=pytest.mark.slow) for i in range(9)]
    return pytest.mark.parametrize("number", params, ids=lambda i: str(i))
