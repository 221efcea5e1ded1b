"""Subgraphs from TF-GNN's sampler with keyed draws: right, uniform, the same in every run."""

import collections
import functools

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.graph.adjacency import adjacency_of
from graph_barlow_twins.pretrain.graph.data import make_graph_data

tf = pytest.importorskip("tensorflow")
import tensorflow_gnn as tfgnn  # noqa: E402
from graph_barlow_twins.pretrain.training.steps.sampler import (  # noqa: E402
    SubgraphSampler,
    UndirectedSubgraphs,
    _draw,
)

NODES = 30


@functools.cache
def small_graph(seed=0, nodes=NODES, edges=70):
    """A random graph whose last node has no links; feature 0 is the node's own number."""
    rng = np.random.default_rng(seed)
    features = np.stack([np.arange(nodes), rng.normal(size=nodes)], axis=1)
    return make_graph_data(
        name="g", features=features, edge_index=rng.integers(0, nodes - 1, (2, edges))
    )


def neighbours_of(data):
    lists = collections.defaultdict(set)
    for source, target in data.edge_index.T:
        lists[int(source)].add(int(target))
    return lists


@functools.cache  # TF-GNN's pipeline takes seconds to trace
def sampler_of(data, fan_out, seed):
    adjacency = adjacency_of(data.edge_index, data.num_nodes)
    return SubgraphSampler(data, adjacency, fan_out=fan_out, seed=seed)


def sample(data, roots, fan_out, *, seed=0, visits=None, step=0):
    """The batch, and its components as ``(nodes, edges)`` in the graph's own numbers."""
    sampler = sampler_of(data, fan_out, seed)
    visits = np.arange(len(roots)) if visits is None else visits
    batch = sampler(
        tf.constant(roots, tf.int64), tf.constant(visits, tf.int64), tf.constant(step, tf.int64)
    )
    return batch, components(batch.merge_batch_to_components())


def components(graph):
    numbers = graph.node_sets["nodes"]["features"].numpy()[:, 0].astype(int)
    sizes = graph.node_sets["nodes"].sizes.numpy()
    edge_sizes = graph.edge_sets["edges"].sizes.numpy()
    adjacency = graph.edge_sets["edges"].adjacency
    edges = numbers[np.stack([adjacency.source, adjacency.target])]
    nodes = np.split(numbers, np.cumsum(sizes)[:-1])
    return list(zip(nodes, np.split(edges, np.cumsum(edge_sizes)[:-1], axis=1), strict=True))


@pytest.mark.parametrize(
    "fan_out",
    [
        (3, 2),
        pytest.param((3,), marks=pytest.mark.slow),
        pytest.param((30, 30), marks=pytest.mark.slow),
    ],
)
def test_subgraphs_are_made_of_the_graph(fan_out):
    data = small_graph()
    neighbours = neighbours_of(data)
    roots = np.array([5, 29, 0, 5, 17])
    _, parts = sample(data, roots, fan_out)
    for root, (nodes, edges) in zip(roots, parts, strict=True):
        assert nodes[0] == root
        assert len(set(nodes)) == len(nodes)
        assert len({tuple(edge) for edge in edges.T}) == edges.shape[1]
        reached, frontier = {root}, {root}
        drawn = collections.defaultdict(set)
        for source, target in edges.T:
            assert target in neighbours[source]
            drawn[source].add(target)
        for size in fan_out:
            following = set()
            for node in frontier:
                # Drawn from in every hop that meets it, at the most with each hop's own draws.
                assert len(drawn[node]) >= min(size, len(neighbours[node]))
                following |= drawn[node]
            reached |= following
            frontier = following
        assert set(nodes) == reached


@pytest.mark.slow
def test_a_wide_fan_out_gives_the_whole_neighbourhood():
    data = small_graph()
    neighbours = neighbours_of(data)
    _, parts = sample(data, [3, 8], (30, 30))
    for root, (nodes, _) in zip((3, 8), parts, strict=True):
        within_two = {root}.union(neighbours[root], *(neighbours[n] for n in neighbours[root]))
        assert set(nodes) == within_two


@pytest.mark.slow  # TF-GNN's sampler takes ten seconds to trace
def test_features_are_those_of_the_nodes_and_only_theirs_are_read(monkeypatch):
    data = small_graph()
    read = []
    plain = type(data).feature_rows
    monkeypatch.setattr(
        type(data), "feature_rows", lambda self, rows: read.append(rows) or plain(self, rows)
    )
    batch, parts = sample(data, [5, 17, 5], (3, 2))
    features = batch.merge_batch_to_components().node_sets["nodes"]["features"].numpy()
    nodes = np.concatenate([nodes for nodes, _ in parts])
    np.testing.assert_array_equal(features, data.features[nodes])
    assert len(read) == 1
    np.testing.assert_array_equal(read[0], np.unique(nodes))


@pytest.mark.slow
def test_sparse_features():
    data = small_graph()
    sparse = make_graph_data(
        name="g", features=scipy.sparse.csr_matrix(data.features), edge_index=data.edge_index
    )
    batches = [sample(one, [4, 9], (3, 2))[0].merge_batch_to_components() for one in (data, sparse)]
    np.testing.assert_array_equal(*(one.node_sets["nodes"]["features"] for one in batches))


def as_lists(parts):
    return [(nodes.tolist(), edges.tolist()) for nodes, edges in parts]


@pytest.mark.slow
def test_draws_depend_on_seed_and_visit_alone():
    data = small_graph(edges=70)
    roots, visits = np.array([5, 6, 7, 8]), np.array([100, 101, 102, 2**31 + 7])
    _, parts = sample(data, roots, (3, 2), visits=visits)
    again = sample(data, roots[::-1], (3, 2), visits=visits[::-1], step=9)[1]
    assert as_lists(parts) == as_lists(again[::-1])
    alone = sample(data, roots[2:3], (3, 2), visits=visits[2:3])[1]
    assert as_lists(alone) == as_lists(parts[2:3])
    for changes in ({"seed": 1}, {"visits": visits + 50}):
        other = sample(data, roots, (3, 2), **{"visits": visits, **changes})[1]
        assert as_lists(other) != as_lists(parts)


@pytest.mark.slow
def test_hops_draw_apart():
    """A root that is met again two hops later draws again, not the same neighbours."""
    pairs = np.stack(np.triu_indices(12, k=1))
    data = make_graph_data(name="g", features=np.arange(24).reshape(12, 2), edge_index=pairs)
    sampler = SubgraphSampler(data, adjacency_of(data.edge_index, 12), fan_out=(2, 2, 2), seed=0)
    visits = tf.range(40, dtype=tf.int64)
    batch = sampler(tf.zeros_like(visits), visits, tf.constant(0, tf.int64))
    graph = batch.merge_batch_to_components()
    edges = graph.edge_sets["edges"]
    sizes = graph.node_sets["nodes"].sizes.numpy()
    roots = np.cumsum(sizes) - sizes
    drawn = [int((edges.adjacency.source.numpy() == root).sum()) for root in roots]
    assert min(drawn) == 2
    assert max(drawn) > 2


def test_the_context_has_step_and_columns():
    batch, _ = sample(small_graph(), [1, 2, 3], (3, 2), step=41)
    np.testing.assert_array_equal(batch.context["step"], [[41]] * 3)
    np.testing.assert_array_equal(batch.context["kept_columns"], np.ones((3, 1, 2)))


def test_floyd_draws_subsets_uniformly():
    rng = np.random.default_rng(0)
    rows, size = 60_000, 3
    words = tf.constant(rng.integers(0, 2**32, (rows, size), dtype=np.uint32))
    for degree in (4, 5):
        drawn, is_drawn = _draw(words, tf.fill([rows], tf.constant(degree, tf.int64)))
        assert is_drawn.numpy().all()
        drawn = np.sort(drawn.numpy(), axis=1)
        assert drawn.min() >= 0
        assert drawn.max() < degree
        assert (np.diff(drawn, axis=1) > 0).all()
        _, counts = np.unique(drawn, axis=0, return_counts=True)
        subsets = degree * (degree - 1) * (degree - 2) // 6
        assert len(counts) == subsets
        # Chi-square of `subsets` equal cells: mean subsets - 1, standard deviation sqrt of twice.
        expected = rows / subsets
        chi_square = ((counts - expected) ** 2 / expected).sum()
        assert abs(chi_square - (subsets - 1)) < 5 * np.sqrt(2 * (subsets - 1))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_few_neighbours_are_all_taken(degree):
    words = tf.constant(np.full((1, 3), 2**32 - 1, np.uint32))
    drawn, is_drawn = _draw(words, tf.constant([degree], tf.int64))
    np.testing.assert_array_equal(is_drawn, [[i < degree for i in range(3)]])
    np.testing.assert_array_equal(drawn[is_drawn], np.arange(degree))


def test_the_largest_word_stays_inside():
    words = tf.constant(np.full((2, 2), 2**32 - 1, np.uint32))
    drawn, _ = _draw(words, tf.constant([3, 2**31 - 1], tf.int64))
    assert set(drawn[0].numpy()) == {1, 2}
    assert set(drawn[1].numpy()) == {2**31 - 3, 2**31 - 2}


@pytest.mark.slow
@pytest.mark.parametrize("fan_out", [(3,), (3, 2), (2, 2, 2)])
def test_undirected_subgraphs_have_both_directions_and_hops(fan_out):
    data = small_graph()
    batch, before = sample(data, [5, 29, 17, 8], fan_out)
    graph = UndirectedSubgraphs(len(fan_out))(batch.merge_batch_to_components())
    hops = np.split(
        graph.node_sets["nodes"]["hop"].numpy(),
        np.cumsum(graph.node_sets["nodes"].sizes)[:-1],
    )
    targets = graph.edge_sets["edges"].adjacency.target.numpy()
    assert (np.diff(targets) >= 0).all()
    for hop, (nodes, given), (_, edges) in zip(hops, before, components(graph), strict=True):
        expected = {(s, t) for s, t in given.T} | {(t, s) for s, t in given.T}
        found = [tuple(edge) for edge in edges.T]
        assert len(found) == len(set(found))
        assert set(found) == expected
        distance = {nodes[0]: 0}
        for _ in nodes:
            for source, target in expected:
                if source in distance:
                    distance[target] = min(distance.get(target, 99), distance[source] + 1)
        assert dict(zip(nodes, hop, strict=True)) == distance


@pytest.mark.slow  # TF-GNN's sampler takes ten seconds to trace
def test_the_sampler_is_tfgnns(monkeypatch):
    """Its pieces stand on TF-GNN's interfaces, and TF-GNN's pipeline calls them, traced once."""
    from graph_barlow_twins.pretrain.training.steps.sampler import (
        FeatureRows,
        KeyedUniformEdgesSampler,
    )
    from tensorflow_gnn.experimental import sampler
    from tensorflow_gnn.experimental.sampler.subgraph_pipeline import SamplingPipeline

    assert issubclass(KeyedUniformEdgesSampler, sampler.OutgoingEdgesSampler)
    assert issubclass(FeatureRows, sampler.KeyToFeaturesAccessor)
    plain, traced = SamplingPipeline.__call__, []
    monkeypatch.setattr(
        SamplingPipeline, "__call__", lambda self, seeds: traced.append(1) or plain(self, seeds)
    )
    for roots in ([1, 2], [3, 4]):
        batch, _ = sample(small_graph(), roots, (3, 2), seed=7)  # no other test's sampler
        assert isinstance(batch, tfgnn.GraphTensor)
        assert batch.shape == [2]
    assert len(traced) == 1
