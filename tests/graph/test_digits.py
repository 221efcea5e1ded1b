"""The digits, which need no files, and the choices that an unknown name gets to see."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.datasets import load_dataset

from tests.graph.parts import refused


def test_digits_graph():
    data = load_dataset("digits", knn=3)
    assert (data.num_nodes, data.num_features, data.num_classes) == (1797, 64, 10)
    assert data.features.min() == 0
    assert data.features.max() == 1
    assert not data.has_masks
    # Recomputed from the definition: node 0's three nearest by cosine are among its neighbours.
    unit = data.features / np.linalg.norm(data.features, axis=1, keepdims=True)
    similarity = unit @ unit[0]
    similarity[0] = -1
    neighbours = data.edge_index[1][data.edge_index[0] == 0]
    assert set(np.argsort(-similarity)[:3]) <= set(neighbours)
    assert (np.bincount(data.edge_index[0]) >= 3).all()
    links = set(zip(*data.edge_index.tolist(), strict=True))
    assert links == {(target, source) for source, target in links}
    same = data.labels[data.edge_index[0]] == data.labels[data.edge_index[1]]
    assert same.mean() > 0.95, "neighbours by similarity nearly always show the same digit"


def test_weights_are_self_tuning():
    data = load_dataset("digits", knn=12)
    unit = data.features.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    squares = np.maximum(2 - 2 * unit @ unit.T, 0)
    np.fill_diagonal(squares, np.inf)
    scales = np.sqrt(np.sort(squares, axis=1)[:, :7].mean(axis=1))
    source, target = data.edge_index
    weights = np.exp(1 - squares[source, target] / (scales[source] * scales[target]))
    np.testing.assert_allclose(data.edge_weight, weights / weights.mean(), rtol=1e-4)
    same = data.labels[source] == data.labels[target]
    assert data.edge_weight[~same].mean() < 0.8 * data.edge_weight[same].mean()


@pytest.mark.parametrize("knn", [0, -1, 1797])
def test_digits_graph_refuses_impossible_neighbours(knn):
    refused(rf"knn: expected an integer in \[1, 1796\], got {knn}", load_dataset, "digits", knn=knn)


@pytest.mark.parametrize("spec", ["", "cora", "npz", "npz:", "planetoid:", "digits:3", "Digits"])
def test_unknown_dataset_lists_the_choices(spec):
    refused("choose one of digits, planetoid:NAME, npz:FILE", load_dataset, spec)
