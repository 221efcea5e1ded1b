"""The gates: what they say of graphs whose neighbours are alike, related, or strangers."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.encoder.channels.gates import Measured, agreement
from graph_barlow_twins.pretrain.encoder.channels.plan import measure_gates
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.npy import load_npy_folder

NODES, WORDS = 600, 200


def graph(kind, seed=0):
    """Nodes of six groups, each with words of its own; links within groups, between pairs of
    groups, or at random."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 6, NODES)
    words_of = rng.random((6, WORDS)) < 0.15
    rate = 0.3
    words = rng.random((NODES, WORDS)) < np.where(words_of[group], rate, 0.02)
    wanted = {"alike": group, "related": (group + 3) % 6, "strangers": None}[kind]
    source = rng.integers(0, NODES, 5 * NODES)
    target = rng.integers(0, NODES, 5 * NODES)
    if wanted is not None:
        members = [np.flatnonzero(group == one) for one in range(6)]
        target = np.array([rng.choice(members[one]) for one in wanted[source]])
    features = scipy.sparse.csr_matrix(words.astype(np.float32))
    return make_graph_data(name=kind, features=features, edge_index=[source, target])


def test_neighbours_that_are_alike_are_smoothed():
    found = measure_gates(graph("alike"), seed=0)
    assert found.likeness > 0.1
    assert found.is_smooth
    assert found.weights() == {"own": 0, "hop": 0, "two-hops": 0, "smooth": 1}


def test_neighbours_of_another_kind_are_channels_of_their_own():
    found = measure_gates(graph("related"), seed=0)
    assert found.likeness < 0
    assert found.weights() == {"own": 1.5, "hop": 1, "two-hops": 1, "smooth": 0}


def test_strangers_are_left_out():
    found = measure_gates(graph("strangers"), seed=0)
    assert abs(found.likeness) < 0.02
    assert found.weights() == {"own": 1.5, "hop": 0, "two-hops": 0, "smooth": 0}


@pytest.mark.parametrize("width", [30, 80])
def test_dense_features_are_judged_alike_in_any_basis(width):
    """Halves of the columns of a rotated basis would agree in their noise, too."""
    expected = {"alike": {"smooth": 1, "own": 0}, "strangers": {"own": 1.5, "hop": 0}}
    for kind, weights in expected.items():
        words = graph(kind)
        found = []
        rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))[0]
        left, values, _ = np.linalg.svd(words.features.toarray(), full_matrices=False)
        principal = left[:, :width] * values[:width]
        for features in (principal, principal @ rotation):
            data = make_graph_data(name="g", features=features, edge_index=words.edge_index)
            found.append(measure_gates(data, seed=0))
            assert found[-1].own_reliability is None
            assert found[-1].weights().items() >= weights.items()
        assert found[0].hop_reliability == pytest.approx(found[1].hop_reliability, abs=1e-3)


def test_seeds_and_rows_in_another_order_change_little():
    data = graph("related")
    first, second = (measure_gates(data, seed=seed) for seed in (0, 1))
    assert first != second
    assert first == measure_gates(data, seed=0)
    for one, other in zip(vars(first).values(), vars(second).values(), strict=True):
        assert one == pytest.approx(other, abs=0.05)


@pytest.mark.parametrize(
    ("measured", "trust", "smoothing"),
    [
        ((0.2, 0.1, 0.15), 1, 1),
        ((0.05, 0.1, 0.125), 0.5, 0.25),
        ((-0.1, 0.1, 0.3), 1, 0),
        ((0.3, 0.2, 0.1), 0, 0),
        ((0.3, 0.0, 0.0), 0, 0),
        ((0.3, -0.1, 0.5), 1, 1),
        ((0.15, None, 0.1), 0, 0.5),
        ((0.3, None, 0.3), 0.4, 1),
        ((0.05, None, 0.5), 1, 0),
    ],
)
def test_weights_by_what_is_measured(measured, trust, smoothing):
    found = Measured(*measured)
    assert found.trust == pytest.approx(trust)
    assert found.smoothing == pytest.approx(smoothing)
    weights = found.weights()
    assert weights["own"] == pytest.approx(1.5 * (1 - smoothing))
    assert weights["hop"] == weights["two-hops"] == pytest.approx(trust * (1 - smoothing))


def test_agreement_is_a_correlation_of_centred_cosines():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(30, 8)) + 5
    second = first @ rng.normal(size=(8, 6)) + rng.normal(size=(30, 6))

    def once(rows):
        rows = rows - rows.mean(axis=0)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows - rows.mean(axis=0)
        return (rows @ rows.T)[np.triu_indices(30, 1)]

    expected = np.corrcoef(once(first), once(second))[0, 1]
    assert agreement(first, second) == pytest.approx(expected)
    sparse = agreement(*map(scipy.sparse.csr_matrix, (first, second)))
    assert sparse == pytest.approx(expected)
    assert agreement(np.ones((30, 2)), first) == 0


def test_graphs_that_say_nothing():
    """Without links, or with too few to halve: the node itself."""
    rng = np.random.default_rng(0)
    words = scipy.sparse.csr_matrix((rng.random((50, 40)) < 0.1).astype(np.float32))
    with pytest.warns(UserWarning, match="no edges"):
        lonely = make_graph_data(name="g", features=words, edge_index=np.zeros((2, 0), int))
    few = make_graph_data(name="g", features=words, edge_index=[[0, 1, 2], [1, 2, 3]])
    for data in (lonely, few):
        found = measure_gates(data, seed=0)
        assert found.hop_reliability == 0
        assert found.weights()["own"] == 1.5


@pytest.mark.parametrize("offset", [3, 1000])
def test_what_all_nodes_have_in_common_does_not_matter(offset):
    words = graph("related")
    rng = np.random.default_rng(0)
    features = words.features.toarray() @ rng.normal(size=(WORDS, 60))
    features /= features.std()
    first, second = (
        measure_gates(make_graph_data(name="g", features=one, edge_index=words.edge_index), seed=0)
        for one in (features, features + offset)
    )
    assert first.hop_reliability > 0.3
    assert second.hop_reliability == pytest.approx(first.hop_reliability, abs=0.02)
    assert second.likeness == pytest.approx(first.likeness, abs=0.02)


@pytest.mark.parametrize("dtype", ["float16", ">f4", "uint8", "int64"])
def test_features_that_stay_in_a_file(tmp_path, dtype):
    words = graph("related")
    features = (20 * words.features.toarray() @ np.eye(WORDS, 60) + 1).astype(dtype)
    np.save(tmp_path / "features.npy", features)
    np.save(tmp_path / "edge_index.npy", words.edge_index)
    mapped = measure_gates(load_npy_folder(tmp_path), seed=0)
    plain = make_graph_data(name="g", features=features, edge_index=words.edge_index)
    assert mapped == measure_gates(plain, seed=0)


def test_sparse_features_that_are_nearly_full_are_judged_as_dense_ones():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 6)).astype(np.float32) * (rng.random((80, 6)) < 0.8)
    edges = rng.integers(0, 80, (2, 300))
    dense, sparse = (
        measure_gates(make_graph_data(name="g", features=one, edge_index=edges), 0)
        for one in (features, scipy.sparse.csr_matrix(features))
    )
    assert dense == sparse
