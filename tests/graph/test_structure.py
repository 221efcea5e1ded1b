"""Graphs without features: what their links say."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph import structure
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.npz import load_npz
from graph_barlow_twins.pretrain.graph.structure import structural_features


def ring_of_cliques(cliques=12, size=5):
    """Undirected links in both directions, sorted."""
    A = np.kron(np.eye(cliques), np.ones((size, size))) - np.eye(cliques * size)
    for one in range(cliques):
        a, b = one * size, ((one + 1) % cliques) * size + 1
        A[a, b] = A[b, a] = 1
    return A, np.stack(np.nonzero(A))


@pytest.mark.parametrize("dense_nodes", [0, 200])
def test_the_columns(monkeypatch, dense_nodes):
    monkeypatch.setattr(structure, "_DENSE_NODES", dense_nodes)
    monkeypatch.setattr(structure, "_EIGENVECTORS", 8)
    A, edges = ring_of_cliques()
    found = structural_features(edges, len(A)).astype(np.float64)
    degree = A.sum(axis=1)
    P = A / degree[:, np.newaxis]
    np.testing.assert_allclose(found[:, 0], np.log1p(degree), rtol=1e-6)
    np.testing.assert_allclose(found[:, 1], np.diag(P @ P), rtol=1e-6)
    scale = 1 / np.sqrt(1 + degree)
    operator = scale[:, np.newaxis] * (A + np.eye(len(A))) * scale
    values = np.linalg.eigvalsh(operator)[::-1][1:9]
    spectral = found[:, 2:] / np.sqrt(len(A))
    np.testing.assert_allclose(np.linalg.norm(spectral, axis=0), np.abs(values), rtol=1e-4)
    np.testing.assert_allclose(operator @ spectral, spectral * values, atol=1e-4)
    again = structural_features(edges, len(A))
    np.testing.assert_array_equal(found.astype(np.float32), again)


@pytest.mark.parametrize("given", ["labels", "node_ids", None])
def test_how_many_nodes_there_are(tmp_path, given):
    more = {} if given is None else {given: np.arange(9)}
    np.savez(tmp_path / "g.npz", edge_index=[[0, 1, 2], [1, 2, 6]], **more)
    data = load_npz(tmp_path / "g.npz")
    assert data.num_nodes == (7 if given is None else 9)
    assert data.features.shape == (data.num_nodes, 2 + data.num_nodes - 1)
    assert np.isfinite(data.features).all()


def test_of_relations_the_ends_that_are_nodes(tmp_path):
    np.savez(
        tmp_path / "g.npz",
        edge_index_in=[[0, 1, 3], [8, 8, 9]],
        num_targets_in=10,
        edge_index_cites=[[0], [2]],
    )
    assert load_npz(tmp_path / "g.npz").num_nodes == 4


@pytest.mark.parametrize("edges", [[[0], [2**40]], np.zeros((2, 0), int), [[0.0], [1.0]]])
def test_a_number_that_links_do_not_tell(tmp_path, edges):
    np.savez(tmp_path / "g.npz", edge_index=edges)
    with pytest.raises(InputError, match="to tell the number of nodes"):
        load_npz(tmp_path / "g.npz")


def test_nodes_that_are_linked_to_something_else_alone():
    """Users and items without features: who has the same items is alike."""
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(40), 5)
    items = rng.integers(0, 10, 200) + 10 * (users % 2)
    items[::20] = rng.integers(0, 20, 10)  # so that the two groups hang together
    data = make_graph_data(
        name="g",
        node_ids=np.arange(40),
        relations={"edge_index_has": np.stack([users, items]), "num_targets_has": np.array(20)},
    )
    first = data.features[:, 2]  # the eigenvector that tells the two groups
    agree = np.mean((first > 0) == np.arange(40) % 2)
    assert max(agree, 1 - agree) >= 0.95
    assert data.features[0, 0] == pytest.approx(np.log1p(len(set(items[:5]))))
