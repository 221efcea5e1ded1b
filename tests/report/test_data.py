"""What is computed for the report, against plain definitions."""

import graph_barlow_twins.reference as reference
import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.report import data as report_data
from graph_barlow_twins.pretrain.report.map import (
    MINIMUM_ROWS,
    _forces,
    _similarities,
    principal_components,
    tsne,
)

from tests.report.pages import make_data


def blobs(N=300, D=12, kinds=5, spread=0.3):
    rng = np.random.default_rng(0)
    labels = np.arange(N) % kinds
    return rng.normal(size=(kinds, D))[labels] + spread * rng.normal(size=(N, D)), labels


def test_forces_are_those_of_the_paper():
    X, _ = blobs(N=400)  # enough for two threads
    Y = np.random.default_rng(1).normal(size=(400, 2)).astype(np.float32)
    P = _similarities(X)
    assert P.sum() == pytest.approx(1, abs=1e-5)
    assert abs(P - P.T).max() < 1e-7
    difference = Y[:, None] - Y[None]
    kernel = 1 / (1 + np.sum(difference**2, axis=-1))
    np.fill_diagonal(kernel, 0)
    Q = kernel / kernel.sum()
    attraction = np.einsum("ij,ij,ijk->ik", P.toarray(), kernel, difference)
    pull, push = _forces(P, Y)
    np.testing.assert_allclose(pull, attraction, rtol=1e-4, atol=1e-6)
    expected = np.einsum("ij,ij,ijk->ik", Q, kernel, difference)
    np.testing.assert_allclose(push, expected, rtol=1e-4, atol=1e-6)


def test_similarities_have_the_perplexity():
    X, _ = blobs(N=200)
    P = _similarities(X).toarray() * 2 * 200  # p_j|i + p_i|j
    # Symmetrised rows have no perplexity of their own; all rows together have the mean mass 2.
    assert P.sum(axis=1).mean() == pytest.approx(2, abs=1e-4)
    from sklearn.manifold._t_sne import _joint_probabilities

    squares = np.sum((X[:, None] - X[None]) ** 2, axis=-1).astype(np.float32)
    from scipy.spatial.distance import squareform

    theirs = squareform(_joint_probabilities(squares, 20.0, 0))
    assert np.abs(P / 400 - theirs).sum() < 0.02  # ours leaves far pairs out


def test_map_keeps_neighbours_together_and_is_the_same_again():
    X, labels = blobs()
    Y = tsne(X)
    assert Y.shape == (300, 2)
    assert np.isfinite(Y).all()
    distances = np.sum((Y[:, None] - Y[None]) ** 2, axis=-1)
    np.fill_diagonal(distances, np.inf)
    nearest = labels[np.argsort(distances, axis=1)[:, :5]]
    assert (nearest == labels[:, None]).mean() > 0.98
    np.testing.assert_array_equal(tsne(X), Y)


def test_identical_rows_and_lines_have_a_finite_map():
    assert np.isfinite(tsne(np.repeat([[0.0, 1.0, 2.0], [1.0, 0.0, 0.0]], 10, axis=0))).all()
    line = np.outer(np.arange(30), [1.0, 2.0, 3.0])
    assert np.isfinite(tsne(line)).all()


def test_smallest_graphs_have_a_finite_map():
    for seed in range(3):
        for rows in (MINIMUM_ROWS, MINIMUM_ROWS + 1):
            assert np.isfinite(tsne(np.random.default_rng(seed).normal(size=(rows, 16)))).all()


def test_a_map_that_diverges_gives_way_to_principal_components(monkeypatch):
    embeddings, _ = blobs(N=40)
    monkeypatch.setattr(report_data, "tsne", lambda points: np.full((len(points), 2), np.nan))
    found = report_data.projection(embeddings, make_data(40), seed=0)
    assert found.method == "the first two principal components"
    assert np.isfinite(found.points).all()


def test_principal_components():
    X, _ = blobs()
    ours = principal_components(X, 3)
    centred = X - X.mean(axis=0)
    _, sigma, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=0), sigma[:3], rtol=1e-5)
    assert abs(np.corrcoef(ours.T) - np.eye(3)).max() < 1e-5


def points_of(labels, seed=0):
    """Groups of a map of nodes on a line, which is quick: the first of two components is zero."""
    data = make_graph_data(
        name="line", features=np.ones((len(labels), 1)), edge_index=[[0], [1]], labels=labels
    )
    return report_data.projection(np.ones((len(labels), 1)), data, seed).groups


def test_sample_has_every_class_in_its_share():
    labels = np.repeat([0, 1, 2], [8000, 1990, 10])
    groups = points_of(labels, seed=3)
    np.testing.assert_allclose(np.bincount(groups), [2400, 597, 3], atol=2)
    assert len(groups) == report_data.MAX_POINTS
    np.testing.assert_array_equal(points_of(labels, seed=3), groups)


def test_sample_of_very_many_classes_is_no_larger():
    nearly = points_of(np.arange(9000) % 2500)
    assert (len(nearly), len(np.unique(nearly))) == (report_data.MAX_POINTS, 2500)
    assert len(points_of(np.arange(9000) % 4500)) == report_data.MAX_POINTS


def test_projection_of_all_nodes_keeps_order_labels_and_names():
    data = make_data()
    found = report_data.projection(np.random.default_rng(0).normal(size=(60, 8)), data, seed=0)
    np.testing.assert_array_equal(found.groups, data.labels)
    assert found.node_ids[5] == data.node_ids[5]
    assert not found.clustered
    assert "t-SNE" in found.method


def test_clusters_find_blobs_largest_first():
    X = np.repeat(np.eye(3) * 9, [30, 20, 10], axis=0)
    found = report_data.projection(X, make_data(labels=False), seed=0)
    assert found.clustered
    np.testing.assert_array_equal(found.groups, np.repeat([0, 1, 2], [30, 20, 10]))


def test_spectra_are_those_of_the_matrices():
    rng = np.random.default_rng(0)
    for X in (rng.normal(size=(50, 7)), rng.normal(size=(6, 20))):
        found = report_data.spectra(X, 2 * X, seed=0)
        sigma = np.linalg.svd(X, compute_uv=False)
        np.testing.assert_allclose(found.trained, sigma, rtol=1e-10)
        np.testing.assert_allclose(found.untrained, 2 * sigma, rtol=1e-10)
        assert found.num_rows == len(X)


def test_spectra_are_right_down_to_where_the_picture_ends():
    rng = np.random.default_rng(0)
    U, V = (np.linalg.qr(rng.normal(size=(n, 8)))[0] for n in (50, 8))
    sigma = 10.0 ** -np.arange(8)
    found = report_data.spectra((U * sigma) @ V.T, U, seed=0)
    np.testing.assert_allclose(found.trained[:7], sigma[:7], rtol=1e-3)
    np.testing.assert_allclose(found.trained[7], sigma[7], rtol=0.2)  # 2 pixels of 214


@pytest.mark.slow  # as much work as is ever done
def test_spectra_of_a_large_matrix_are_of_a_sample():
    """Of 100,000 rows of 1,024: as many as the work of a second allows."""
    X = np.broadcast_to(np.float32(1), (100_000, 1024))
    found = report_data.spectra(X, X, seed=0)
    assert found.num_rows == int(1e10 / 1024**2)
    assert len(found.trained) == 1024


def test_correlation_says_mean_diagonal_and_rms_of_the_rest():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 100, 300))
    b += a
    found = report_data.correlation(reference.cross_correlation(a, b).astype(np.float32))
    expected = reference.cross_correlation_metrics(a, b)
    assert found.diagonal == pytest.approx(expected["correlation_diagonal"], abs=1e-5)
    assert found.off_diagonal == pytest.approx(expected["correlation_off_diagonal"], abs=1e-5)
    assert found.picture.shape == (128, 128)
    assert (found.shown[0], found.shown[-1], found.dimension) == (0, 299, 300)
    C = reference.cross_correlation(a, b)
    assert found.picture[3, 9] == pytest.approx(C[found.shown[3], found.shown[9]], abs=1e-6)
    single = report_data.correlation(np.array([[0.7]], np.float32))
    assert single.off_diagonal == 0


def test_of_multilabel_nodes_the_groups_are_clusters():
    X, labels = blobs(N=40)
    several = np.stack([labels > 1, labels < 3], axis=1)
    data = make_graph_data(name="g", features=X, edge_index=[[0], [1]], labels=several)
    found = report_data.projection(X, data, seed=0)
    alone = make_graph_data(name="g", features=X, edge_index=[[0], [1]])
    expected = report_data.projection(X, alone, seed=0)
    assert found.clustered
    assert found.group_names[0] == "cluster 1"
    np.testing.assert_array_equal(found.groups, expected.groups)
