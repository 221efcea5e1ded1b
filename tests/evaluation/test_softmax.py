"""The regression on shifted sparse rows is scikit-learn's on the same rows, dense."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation import softmax
from graph_barlow_twins.pretrain.evaluation.clustering import clustering
from graph_barlow_twins.pretrain.evaluation.knn_probe import knn_probe
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.evaluation.rows import Directions
from graph_barlow_twins.pretrain.evaluation.rows import directions as module
from graph_barlow_twins.pretrain.evaluation.softmax import (
    fit_sigmoids,
    fit_softmax,
    log_softmax,
)
from graph_barlow_twins.pretrain.graph.data import make_graph_data


def bags(seed=0, count=120, words=40):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    rate = np.where(np.arange(words) % 3 == labels[:, np.newaxis], 0.2, 0.08)
    features = (rng.random((count, words)) < rate) * rng.integers(1, 4, (count, words))
    features[3] = 0
    return scipy.sparse.csr_matrix(features.astype(np.float32)), labels


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("C", [0.01, 1.0, 30.0])
def test_the_same_probabilities(C, scaled):
    from sklearn.linear_model import LogisticRegression

    features, labels = bags()
    rows = Directions(features)
    nodes = np.arange(len(labels))
    dense = rows[nodes].astype(np.float64)
    np.testing.assert_allclose(rows.shifted(nodes).times(np.eye(40)), dense, atol=1e-6)
    weights = fit_softmax(rows.shifted(nodes), labels, C, scaled=scaled)
    expected = LogisticRegression(C=C, max_iter=1000, tol=1e-8).fit(dense, labels)
    scores = dense @ weights[:-1] + weights[-1]
    theirs = expected.decision_function(dense)
    np.testing.assert_allclose(scores - scores.mean(axis=1, keepdims=True), theirs, atol=0.05)


def test_the_probe_takes_it_for_wide_rows(monkeypatch):
    features, labels = bags()
    edges = np.stack([np.arange(119), np.arange(1, 120)])
    data = make_graph_data(name="g", features=features, edge_index=edges, labels=labels)
    dense = linear_probe(features, data, split="random", seeds=3)
    voted = knn_probe(features, data, split="random", seeds=3)
    clusters = clustering(features, data, seeds=2)
    monkeypatch.setattr(module, "_DENSE_ENTRIES", 0)
    assert Directions(features).stays_sparse
    wide = linear_probe(features, data, split="random", seeds=3)
    np.testing.assert_allclose(wide.split_accuracies, dense.split_accuracies, atol=0.03)
    assert dense.accuracy > 0.45
    again = knn_probe(features, data, split="random", seeds=3)
    np.testing.assert_allclose(again.split_accuracies, voted.split_accuracies, atol=0.03)
    found = clustering(features, data, seeds=2)
    np.testing.assert_allclose(found.nmi, clusters.nmi, atol=0.1)


@pytest.mark.parametrize("C", [0.01, 1.0, 30.0])
def test_a_sigmoid_for_each_label_is_sklearns_one_against_the_rest(C):
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    features, classes = bags()
    rng = np.random.default_rng(1)
    labels = np.stack([classes > 0, classes < 2, rng.random(len(classes)) < 0.1], axis=1)
    labels = labels.astype(np.int8)
    rows, nodes = Directions(features), np.arange(len(classes))
    dense = rows[nodes].astype(np.float64)
    weights = fit_sigmoids(rows.shifted(nodes), labels, C)
    elsewhere = fit_sigmoids(rows.shifted(nodes), labels, 1.0)
    again = fit_sigmoids(rows.shifted(nodes), labels, C, elsewhere)
    there = fit_sigmoids(rows.shifted(nodes), labels, C, weights)
    np.testing.assert_allclose(there, weights, rtol=1e-12)  # nothing is left to do
    regression = LogisticRegression(C=C, max_iter=10_000, tol=1e-9)
    expected = OneVsRestClassifier(regression).fit(dense, labels).predict_proba(dense)
    for one in (weights, again):
        found = 1 / (1 + np.exp(-(dense @ one[:-1] + one[-1])))
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_multilabel_probe_takes_wide_rows(monkeypatch):
    features, classes = bags()
    edges = np.stack([np.arange(119), np.arange(1, 120)])
    labels = np.stack([classes > 0, classes < 2], axis=1)
    data = make_graph_data(name="g", features=features, edge_index=edges, labels=labels)
    probes = linear_probe, knn_probe
    dense = [probe(features, data, split="random", seeds=3) for probe in probes]
    monkeypatch.setattr(module, "_DENSE_ENTRIES", 0)
    wide = [probe(features, data, split="random", seeds=3) for probe in probes]
    for found, expected in zip(wide, dense, strict=True):
        np.testing.assert_allclose(found.split_accuracies, expected.split_accuracies, atol=0.03)
        assert found.measure == "micro_f1"


def test_units_of_the_curvature_take_fewer_steps(monkeypatch):
    """Columns of very different lengths are what they are for."""
    features, labels = bags()
    nodes = np.arange(len(labels))
    wide = Directions(features.multiply(np.geomspace(1, 30, 40)).tocsr()).shifted(nodes)
    calls = []
    monkeypatch.setattr(softmax, "log_softmax", lambda x: calls.append(1) or log_softmax(x))
    steps = []
    for scaled in (True, False):
        calls.clear()
        fit_softmax(wide, labels, 30.0, scaled=scaled)
        steps.append(len(calls))
    assert 1.5 * steps[0] < steps[1]


def test_a_fit_that_starts_at_its_end_stays_there():
    features, labels = bags()
    rows = Directions(features).shifted(np.arange(len(labels)))
    weights = fit_softmax(rows, labels, 1.0)
    np.testing.assert_allclose(fit_softmax(rows, labels, 1.0, weights), weights)
