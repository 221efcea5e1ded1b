"""reference/metrics/formulas.py against metrics by hand."""

import numpy as np
from graph_barlow_twins import reference

from tests.views import make_views


def test_metrics_by_hand():
    X = np.zeros((6, 3))
    X[0, 0], X[2, 1], X[5, 2] = 4.0, 2.0, 2.0
    np.testing.assert_allclose(reference.numerical_rank(X), 24 / 16)
    np.testing.assert_allclose(reference.pseudo_condition_number(X), 2.0)
    np.testing.assert_allclose(reference.rankme(X), np.exp(1.5 * np.log(2)))
    np.testing.assert_allclose(reference.coherence(X), 2.0)
    # three orthonormal directions: actual 3, expected 3 + 3 * 2 / 3
    np.testing.assert_allclose(reference.self_clustering(X), (3 - 5) / (9 - 5))


def test_metrics_of_deficient_matrices():
    zero, rank_one = np.zeros((5, 3)), np.outer(np.arange(1.0, 6), [1.0, 2.0, 3.0])
    assert reference.numerical_rank(zero) == 0
    np.testing.assert_allclose(reference.rankme(zero), 1.0)
    for X in (zero, rank_one):
        assert reference.pseudo_condition_number(X) == 0
        assert reference.coherence(X) == 5 / 3
        np.testing.assert_allclose(reference.self_clustering(X), 1.0)
    np.testing.assert_allclose(reference.numerical_rank(rank_one), 1.0)
    np.testing.assert_allclose(reference.rankme(rank_one), 1.0, atol=1e-9)


def test_self_clustering_can_centre():
    X = make_views(9, 4, "float64")[0] + 7
    np.testing.assert_allclose(
        reference.self_clustering(X, subtract_mean=True),
        reference.self_clustering(X - X.mean(axis=0)),
    )


def test_orthogonal_rows_have_the_least_self_clustering():
    for D in (2, 3, 5):
        np.testing.assert_allclose(reference.self_clustering(np.eye(D)), -1 / (D - 1))


def test_rankme_adds_its_epsilon():
    """To each of the shares of the singular values, as in the paper: here one 1 and the rest 0."""
    D, epsilon = 1000, 1e-12
    X = np.zeros((D, D))
    X[0, 0] = 3.0
    entropy = -(1 + epsilon) * np.log1p(epsilon) - (D - 1) * epsilon * np.log(epsilon)
    np.testing.assert_allclose(reference.rankme(X) - 1, np.expm1(entropy), rtol=1e-6)
