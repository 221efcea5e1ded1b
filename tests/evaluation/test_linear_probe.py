"""The probe measures what it says, on the nodes it says."""

import dataclasses
import functools
import json

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.evaluation.linear_probe import (
    INVERSE_REGULARIZATIONS,
    linear_probe,
)
from graph_barlow_twins.pretrain.evaluation.rows import Directions
from graph_barlow_twins.pretrain.evaluation.splits import plan_probe
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier

from tests.evaluation.graphs import path_graph


def clusters(num_nodes=120, num_classes=3, noise=0.1, seed=0):
    """Labels, and embeddings [N, num_classes + 1] around one corner per class."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(num_nodes) % num_classes)
    corners = np.eye(num_classes, num_classes + 1)[labels]
    return labels, corners + noise * rng.normal(size=corners.shape)


@pytest.mark.parametrize("center", [True, False])
def test_separable_classes_are_read_and_noise_is_not(center):
    labels, embeddings = clusters()
    data = path_graph(labels)
    result = linear_probe(embeddings, data, folds=3, center=center)
    assert result.accuracy == 1
    assert result.std == 0
    assert result.protocol == "k folds"
    assert len(result.inverse_regularizations) == len(result.split_accuracies) == 3
    assert (result.num_train, result.num_test) == (80, 120)
    noise = np.random.default_rng(1).normal(size=embeddings.shape)
    assert linear_probe(noise, data, folds=2, center=center).accuracy < 0.5


def test_mean_and_deviation_are_those_of_the_folds():
    labels, embeddings = clusters(noise=0.6)
    result = linear_probe(embeddings, path_graph(labels), folds=4)
    assert 0.4 < result.accuracy < 1
    assert result.std > 0
    np.testing.assert_allclose(result.accuracy, np.mean(result.split_accuracies))
    np.testing.assert_allclose(result.std, np.std(result.split_accuracies))
    assert set(result.inverse_regularizations) <= set(INVERSE_REGULARIZATIONS)
    json.dumps(result.to_dict())


def test_the_same_seed_gives_the_same_folds():
    labels, embeddings = clusters(noise=0.6)
    data = path_graph(labels)
    first, again, other = (linear_probe(embeddings, data, folds=2, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.split_accuracies != other.split_accuracies


def test_public_split_uses_each_part_for_its_purpose():
    # Train tells classes by the first feature, the test nodes have it turned around.
    labels, embeddings = clusters(60, 2, noise=0.05)
    masks = "t" * 20 + "v" * 20 + "e" * 20
    data = path_graph(labels, masks=masks)
    result = linear_probe(embeddings, data)
    assert result.accuracy == 1
    assert result.protocol == "public split"
    assert result.std is None
    assert (result.num_train, result.num_test) == (20, 20)
    turned = embeddings.copy()
    turned[40:] = turned[40:][:, [1, 0, 2]]
    assert linear_probe(turned, data).accuracy == 0


def test_c_is_chosen_on_validation_not_on_test():
    # 40 training nodes, 60 features of noise and a weak signal: the values of C differ a lot.
    rng = np.random.default_rng(3)
    labels = np.arange(440) % 2
    embeddings = rng.normal(size=(440, 60))
    embeddings[:, 0] += 2 * labels
    data = path_graph(labels, masks="t" * 40 + "v" * 200 + "e" * 200)
    result = linear_probe(embeddings, data, center=False)
    changed = embeddings.copy()
    changed[240:] = rng.normal(size=(200, 60)) * 100
    found = linear_probe(changed, data, center=False).inverse_regularizations
    assert found == result.inverse_regularizations
    changed = embeddings.copy()
    changed[40:240, 0] = -changed[40:240, 0]  # validation now rewards ignoring the signal
    found = linear_probe(changed, data, center=False).inverse_regularizations
    assert found != result.inverse_regularizations


def test_scaling_uses_training_nodes_only():
    labels, embeddings = clusters(60, 2, noise=0.3)
    data = path_graph(labels, masks="t" * 20 + "v" * 20 + "e" * 20)
    expected = linear_probe(embeddings, data, center=False)
    # Without the mean, a wild test node changes no other node's outcome: at most 1 of 20.
    embeddings[59] = 1e6
    found = linear_probe(embeddings, data, center=False)
    assert abs(found.accuracy - expected.accuracy) <= 1 / 20 + 1e-9
    assert found.inverse_regularizations == expected.inverse_regularizations


def test_what_all_rows_share_does_not_count():
    labels, embeddings = clusters(noise=0.6)
    data = path_graph(labels)
    shifted = embeddings + np.array([1000, -5, 0, 3])
    expected = linear_probe(embeddings, data, folds=2, center=True).accuracy
    found = linear_probe(shifted, data, folds=2, center=True).accuracy
    assert found == pytest.approx(expected, abs=0.02)
    assert linear_probe(shifted, data, folds=2, center=False).accuracy < expected - 0.1


def test_measures_that_the_labels_ask_for():
    rng = np.random.default_rng(0)
    labels = (np.arange(200) % 10 == 0).astype(int)  # two classes, one of them small
    embeddings = rng.normal(size=(200, 3)) + 2.5 * labels[:, None] * np.eye(3)[0]
    data = path_graph(labels)
    found = linear_probe(embeddings, data, split="random", seeds=3)
    assert list(found.others) == ["roc_auc", "macro_f1"]
    assert all(len(values) == 3 for values in found.others.values())
    assert 0.8 < np.mean(found.others["roc_auc"]) < 1
    assert np.mean(found.others["macro_f1"]) < found.accuracy
    json.dumps(found.to_dict())
    assert linear_probe(rng.normal(size=(200, 3)), data, folds=2).others["roc_auc"] != 1
    three, matrix = clusters()
    assert linear_probe(matrix, path_graph(three), folds=2).others == {}


def several_labels(num_nodes=300, count=4, width=6):
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(num_nodes, width))
    signal = embeddings @ rng.normal(size=(width, count))
    labels = (signal + rng.normal(size=signal.shape) > [0, 0.5, 2, 3]).astype(np.int8)
    return labels, embeddings


def test_several_labels_are_read_as_by_sklearns_one_against_the_rest():
    labels, embeddings = several_labels()
    # So few nodes to choose on that values of C tie, and the log loss decides.
    found = linear_probe(embeddings, path_graph(labels, "t" * 100 + "v" * 12 + "e" * 188))
    train, validation, test = np.split(np.arange(300), [100, 112])
    rows = Directions(embeddings)

    @functools.cache
    def model(C):
        regression = LogisticRegression(C=C, max_iter=10_000, tol=1e-8)
        return OneVsRestClassifier(regression).fit(rows[train], labels[train])

    def probabilities(C, asked):
        return model(C).predict_proba(rows[asked])

    def micro(scores, truth):
        return f1_score(truth, scores >= 0.5, average="micro")

    def macro(scores, truth):
        return f1_score(truth, scores >= 0.5, average="macro")

    def area(scores, truth):
        return roc_auc_score(truth, scores, average="macro")

    def best(measure):
        def goodness(C):
            scores, truth = probabilities(C, validation), labels[validation]
            loss = np.mean([log_loss(t, s) for t, s in zip(truth.T, scores.T, strict=True)])
            return measure(scores, truth), -loss

        return max(INVERSE_REGULARIZATIONS, key=goodness)

    assert found.measure == "micro_f1"
    assert found.inverse_regularizations == (best(micro),)
    values = {"micro_f1": found.accuracy} | {key: one[0] for key, one in found.others.items()}
    for name, measure in ("micro_f1", micro), ("macro_f1", macro), ("roc_auc", area):
        expected = measure(probabilities(best(measure), test), labels[test])
        assert values.pop(name) == pytest.approx(expected, abs=2e-3)
    assert not values
    json.dumps(found.to_dict())


def test_labels_that_do_not_vary_among_the_training_nodes_have_a_constant_score():
    labels, embeddings = several_labels()
    labels[:100, 1], labels[:100, 2] = 1, 0
    data = path_graph(labels, "t" * 100 + "v" * 100 + "e" * 100)
    found = linear_probe(embeddings, data)
    only = path_graph(labels[:, [0, 3]], "t" * 100 + "v" * 100 + "e" * 100)
    areas = [one.others["roc_auc"][0] for one in (found, linear_probe(embeddings, only))]
    assert areas[0] == pytest.approx((2 * areas[1] + 0.5 + 0.5) / 4, abs=5e-3)
    # In a fold nothing may vary at all.
    lonely = np.zeros((6, 2), int)
    lonely[2] = 1
    small = linear_probe(embeddings[:6], path_graph(lonely), folds=6)
    assert small.split_accuracies == (0,) * 6


def test_constant_features_do_no_harm():
    labels, embeddings = clusters()
    padded = np.hstack([embeddings, np.full((len(labels), 2), 7.0)])
    assert linear_probe(padded, path_graph(labels), folds=2).accuracy == 1


def test_sparse_and_dense_embeddings_agree():
    labels, embeddings = clusters(noise=0.6)
    embeddings[np.abs(embeddings) < 0.4] = 0
    sparse = scipy.sparse.csr_matrix(embeddings)
    data = path_graph(labels)
    found, expected = (linear_probe(given, data, folds=2) for given in (sparse, embeddings))
    assert found.accuracy == pytest.approx(expected.accuracy, abs=0.02)


def test_unknown_labels_are_left_out():
    labels, embeddings = clusters()
    labels[:30] = -1
    embeddings[:30] = 1e6
    result = linear_probe(embeddings, path_graph(labels), folds=3, center=False)
    assert result.accuracy == 1
    assert (result.num_train, result.num_test) == (60, 90)
    masked = path_graph(labels, masks="t" * 60 + "v" * 30 + "e" * 30)
    assert linear_probe(embeddings, masked).num_train == 30


def test_small_classes_reduce_the_folds():
    labels, embeddings = clusters()
    labels[np.flatnonzero(labels == 2)[3:]] = -1
    with pytest.warns(UserWarning, match="3 probe folds instead of 10, because class 2"):
        result = linear_probe(embeddings, path_graph(labels))
    assert len(result.split_accuracies) == 3


def test_two_nodes_per_class_are_enough():
    embeddings = np.array([[0.0], [0.1], [9.0], [9.1]])
    with pytest.warns(UserWarning, match="2 probe folds"):
        result = linear_probe(embeddings, path_graph([0, 0, 1, 1]), center=True)
    assert result.accuracy == 1


@pytest.mark.parametrize(
    ("labels", "masks", "message"),
    [
        ([0, 0, 0, 1, 1, 2], None, "at least 2 nodes of every class, but class 2 has 1"),
        ([5, 5, 5, 5, 5, -1], None, "at least two classes in labels, got 1"),
        ([0, 0, 0, 1, 1, 1], "ttvvee", "at least two classes in train_mask, got 1"),
        ([[1, 0], [1, 0], [-1, -1]], None, "a label that some nodes in labels have and others"),
        ([[1, 0], [1, 0], [0, 1], [1, 1]], "ttve", "some nodes in train_mask have and others lack"),
    ],
)
def test_labels_that_cannot_be_probed_are_refused_before_training(labels, masks, message):
    with pytest.raises(InputError, match=message):
        plan_probe(path_graph(labels, masks=masks))


def test_plan():
    labels, _ = clusters()
    plan = plan_probe(path_graph(labels), folds=7)
    assert (plan.protocol, plan.num_splits) == ("k folds", 7)
    plan = plan_probe(path_graph(labels, masks="t" * 60 + "v" * 30 + "e" * 30))
    assert (plan.protocol, plan.num_splits) == ("public split", 1)
    assert plan_probe(path_graph([-1] * 6)) is None
    assert plan_probe(dataclasses.replace(path_graph(labels), labels=None)) is None


def test_wrong_calls_are_errors():
    labels, embeddings = clusters()
    data = path_graph(labels)
    with pytest.raises(ValueError, match=r"expected \[120, K\], got \(119, 4\)"):
        linear_probe(embeddings[1:], data)
    with pytest.raises(ValueError, match="folds: expected at least 2, got 1"):
        linear_probe(embeddings, data, folds=1)
    with pytest.raises(ValueError, match="needs labels"):
        linear_probe(embeddings[:6], path_graph([-1] * 6))
    embeddings[3, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        linear_probe(embeddings, data)


def test_digits_probe_is_good():
    data = load_dataset("digits")
    widened = np.maximum(data.features @ np.random.default_rng(0).normal(size=(64, 128)), 0)
    result = linear_probe(widened, data, folds=2)
    assert 0.95 < result.accuracy < 0.99


def test_cora_probe_of_raw_features(planetoid_dir):
    data = load_dataset("planetoid:cora", str(planetoid_dir))
    result = linear_probe(data.features, data)
    assert result.protocol == "public split"
    assert (result.num_train, result.num_test) == (140, 1000)
    # Published for logistic regression on bag-of-words features: 55 to 60 %.
    assert 0.54 < result.accuracy < 0.63
