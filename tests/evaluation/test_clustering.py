"""Clusters are judged as scikit-learn judges them, on the nodes whose labels are known."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.evaluation import probe
from graph_barlow_twins.pretrain.evaluation.clustering import clustering
from graph_barlow_twins.pretrain.graph.labels import LabelledNodes
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score


def nodes(labels):
    labels = np.asarray(labels)
    names = tuple(str(label) for label in np.unique(labels[labels >= 0]))
    return LabelledNodes("g", len(labels), labels, names)


def noisy(noise, num_nodes=150, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(num_nodes) % 3)
    return labels, np.eye(3, 4)[labels] + noise * rng.normal(size=(num_nodes, 4))


def test_separate_classes_are_found_and_noise_is_not():
    labels, embeddings = noisy(0.05)
    lengths = np.random.default_rng(1).uniform(0.01, 100, size=(150, 1))
    # Rows are scaled.
    found = clustering(embeddings * lengths, nodes(labels), seeds=3, center=False)
    np.testing.assert_allclose(found.nmi, [1, 1, 1])
    np.testing.assert_allclose(found.ari, [1, 1, 1])
    noise = np.random.default_rng(2).normal(size=(150, 4))
    found = clustering(noise, nodes(labels), seeds=3, center=False)
    assert max(found.nmi) < 0.1
    assert max(map(abs, found.ari)) < 0.1


def test_numbers_are_sklearns():
    labels, embeddings = noisy(0.5)
    found = clustering(embeddings, nodes(labels), seeds=2, seed=5, center=True)
    centred = embeddings - embeddings.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    for number, (nmi, ari) in enumerate(zip(found.nmi, found.ari, strict=True)):
        clusters = KMeans(3, n_init=10, random_state=5 + number).fit_predict(unit)
        expected = normalized_mutual_info_score(labels, clusters, average_method="arithmetic")
        assert nmi == pytest.approx(expected)
        assert ari == pytest.approx(adjusted_rand_score(labels, clusters))
        assert 0.1 < nmi < 0.9


def test_measures_by_hand():
    # Classes {0, 1}, {2, 3}; clusters by direction {0}, {1, 2, 3}.
    embeddings = np.array([[1.0, 0], [0, 1], [0, 2], [0, 3]])
    found = clustering(embeddings, nodes([0, 0, 1, 1]), seeds=1, center=False)
    joint = np.array([[1, 1], [0, 2]]) / 4
    outer = joint.sum(1, keepdims=True) * joint.sum(0)
    positive = joint > 0
    mutual = (joint[positive] * np.log(joint[positive] / outer[positive])).sum()
    entropies = [-(p * np.log(p)).sum() for p in (joint.sum(0), joint.sum(1))]
    assert found.nmi[0] == pytest.approx(mutual / np.mean(entropies))
    # Pairs together in both: 1; in classes: 2, in clusters: 3; of 6.
    assert found.ari[0] == pytest.approx((1 - 2 * 3 / 6) / ((2 + 3) / 2 - 2 * 3 / 6), abs=1e-12)


def test_unknown_labels_neither_cluster_nor_count():
    labels, embeddings = noisy(0.05)
    labels[:50] = -1
    embeddings[:50] = [1, 0, 0, 0]  # as one of the classes
    np.testing.assert_allclose(clustering(embeddings, nodes(labels), seeds=1).nmi, [1])


def test_seeds_decide_who_takes_part():
    labels, embeddings = noisy(0.5)
    first, again, other = (
        clustering(embeddings, nodes(labels), seeds=2, seed=seed, max_nodes=60)
        for seed in (0, 0, 2)
    )
    assert first == again
    assert len({*first.nmi, *other.nmi}) == 4
    with_seed_1 = clustering(embeddings, nodes(labels), seeds=1, seed=1, max_nodes=60)
    assert with_seed_1.nmi == first.nmi[1:]


def test_equal_rows_do_no_harm(recwarn):
    found = clustering(np.ones((9, 2)), nodes(np.arange(9) % 3), seeds=1)
    assert found.nmi == (0,)
    assert not recwarn.list


def test_wrong_calls_are_errors():
    labels, embeddings = noisy(0.1)
    with pytest.raises(ValueError, match="seeds: expected at least 1, got 0"):
        clustering(embeddings, nodes(labels), seeds=0)
    with pytest.raises(ValueError, match=r"expected \[150, K\]"):
        clustering(embeddings[1:], nodes(labels))
    with pytest.raises(ValueError, match="judged by labels, and there are none"):
        clustering(embeddings, nodes(np.full(150, -1)))


def test_seeds_side_by_side_give_what_one_after_the_other_does(monkeypatch):
    labels, embeddings = noisy(0.8)
    expected = clustering(embeddings, nodes(labels), seeds=5, starts=1)
    assert len(set(expected.nmi)) > 2, "or their order would not matter"
    monkeypatch.setattr(probe, "_WORTH_A_THREAD", 0)
    assert clustering(embeddings, nodes(labels), seeds=5, starts=1) == expected
