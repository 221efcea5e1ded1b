"""Sums over blocks of rows give what the whole matrix gives."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation import baselines
from graph_barlow_twins.pretrain.evaluation.baselines import baseline_embeddings
from graph_barlow_twins.pretrain.graph.data import make_graph_data


@pytest.fixture(params=[7, 1000])
def block_rows(request, monkeypatch):
    monkeypatch.setattr(baselines, "_BLOCK_ROWS", request.param)


def some_rows(nodes=50, features=6):
    rng = np.random.default_rng(0)
    return rng.normal(3, 1, (nodes, features)) * np.arange(1, features + 1)


def graph(features):
    return make_graph_data(name="g", features=features, edge_index=[[0], [1]])


@pytest.mark.parametrize("dim", [1, 4, 6])
def test_pca_equals_scikit_learns(block_rows, dim):
    from sklearn.decomposition import PCA

    data = graph(some_rows())
    found = baselines.pca_in_blocks(data, dim)
    expected = PCA(dim).fit_transform(data.features)
    assert found.dtype == np.float32
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found, expected * signs, rtol=1e-4, atol=1e-4)


def test_pca_reads_a_mapped_graph_in_blocks(tmp_path, monkeypatch):
    from graph_barlow_twins.pretrain.graph.datasets import load_dataset

    np.save(tmp_path / "features.npy", some_rows())
    np.save(tmp_path / "edge_index.npy", np.array([[0], [1]]))
    data = load_dataset(f"npy:{tmp_path}")
    monkeypatch.setattr(baselines, "_BLOCK_ROWS", 20)
    found = baseline_embeddings(data, 3)
    assert found["raw features"] is data.features
    whole = dataclasses.replace(data, features=np.float32(data.features))
    expected = baseline_embeddings(whole, 3)["PCA"]
    signs = np.sign((found["PCA"] * expected).sum(axis=0))
    np.testing.assert_allclose(found["PCA"], expected * signs, rtol=1e-4, atol=1e-4)
    read = []
    plain = type(data).feature_rows
    monkeypatch.setattr(
        type(data), "feature_rows", lambda self, rows: read.append(rows) or plain(self, rows)
    )
    baseline_embeddings(data, 3)
    assert {rows.stop - rows.start for rows in read} == {20, 10}


@pytest.mark.parametrize("sparse", [False, True])
def test_baselines(sparse):
    features = np.random.default_rng(0).normal(size=(30, 8)) + 5
    given = scipy.sparse.csr_matrix(features) if sparse else features
    data = graph(given)
    found = baseline_embeddings(data, 3)
    assert list(found) == ["raw features", "PCA"]
    assert found["raw features"] is data.features
    centred = features - features.mean(0)
    singular = np.linalg.svd(centred, compute_uv=False)[:3]
    assert found["PCA"].shape == (30, 3)
    assert found["PCA"].dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found["PCA"], axis=0), singular, rtol=1e-4)
    assert baseline_embeddings(data, 512)["PCA"].shape == (30, 8)
    with pytest.raises(ValueError, match="dim: expected at least 1, got 0"):
        baseline_embeddings(data, 0)


def test_large_sparse_features_stay_sparse(monkeypatch):
    monkeypatch.setattr(baselines, "_DENSE_ENTRIES", 100)
    data = graph(scipy.sparse.csr_matrix(np.eye(30, 8)))
    monkeypatch.setattr(scipy.sparse.csr_matrix, "toarray", None)
    assert baseline_embeddings(data, 3)["PCA"].shape == (30, 3)
