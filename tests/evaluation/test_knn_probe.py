"""The nearest neighbours vote as scikit-learn's do; k is chosen on validation nodes."""

import json

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation.knn_probe import NEIGHBOURS, _largest, knn_probe, vote
from graph_barlow_twins.pretrain.evaluation.rows import Directions
from sklearn.neighbors import KNeighborsClassifier

from tests.evaluation.graphs import path_graph


def nearest_class(embeddings, *arguments):
    return vote(Directions(embeddings, center=False), *arguments).argmax(axis=2)


def on_circle(degrees):
    angles = np.deg2rad(np.asarray(degrees, float))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.mark.parametrize("convert", [np.asarray, scipy.sparse.csr_matrix])
def test_votes_equal_sklearns(convert):
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=300)  # two classes and odd k: no ties
    embeddings = rng.normal(size=(300, 5)) * rng.uniform(0.1, 10, size=(300, 1))
    embeddings[:, 0] += labels
    train, asked = np.arange(0, 300, 2), np.arange(1, 300, 2)
    predicted = nearest_class(convert(embeddings), labels, train, asked, (1, 5, 31))
    assert len(np.unique(predicted)) == 2
    for row, k in zip(predicted, (1, 5, 31), strict=True):
        model = KNeighborsClassifier(k, metric="cosine", algorithm="brute")
        expected = model.fit(embeddings[train], labels[train]).predict(embeddings[asked])
        np.testing.assert_array_equal(row, expected)


def test_ties_go_to_the_closer_class():
    # Asked at 0 degrees: class 2 at 10, class 0 at 20: one vote each at k = 2.
    embeddings = on_circle([10, 20, 100, 0]) * [[3], [1], [1], [0.01]]
    labels = np.array([2, 0, 1, 0])
    predicted = nearest_class(embeddings, labels, np.arange(3), np.array([3]), (1, 2, 3))
    assert predicted.tolist() == [[2], [2], [2]]
    # But a vote counts more than any closeness: two at 80 against one at 1.
    embeddings = on_circle([1, 80, 80, 0])
    labels = np.array([1, 0, 0, 0])
    assert nearest_class(embeddings, labels, np.arange(3), np.array([3]), (3,)).tolist() == [[0]]


def test_rows_of_zeros_are_far_from_all():
    embeddings = np.array([[0.0, 0.0], [1.0, 0.1], [-1.0, 0.0], [1.0, 0.0]])
    labels = np.array([0, 1, 2, 1])
    predicted = nearest_class(embeddings, labels, np.arange(3), np.array([3]), (1, 2))
    assert predicted.tolist() == [[1], [1]]


def test_each_part_of_the_public_split_has_its_purpose():
    # Every second validation node agrees with its single nearest training node alone.
    rng = np.random.default_rng(0)
    centres = np.array([0, 90, 180, 270] * 10)
    labels = np.tile([0, 1, 0, 1], 10)
    embeddings = on_circle(np.concatenate([centres, centres + 3, centres + 6]))
    embeddings += 0.001 * rng.normal(size=embeddings.shape)
    labels = np.concatenate([labels] * 3)
    data = path_graph(labels, "t" * 40 + "v" * 40 + "e" * 40)
    result = knn_probe(embeddings, data)
    assert result.accuracy == 1
    assert result.std is None
    assert result.neighbours == (1,)  # the smallest of those that tie
    swapped = embeddings.copy()
    swapped[80:] = on_circle(centres + 96)  # into the other class' neighbourhood
    assert knn_probe(swapped, data).accuracy == 0
    json.dumps(result.to_dict())


def test_k_is_chosen_on_validation_not_on_test():
    # One direction, but the nearest training node of everything is a mislabelled one.
    train = np.array(
        [[5.0, 1], *[[10 + i, 1] for i in range(9)], *[[-10 - i, 1] for i in range(9)]]
    )
    labels = np.array([1, *[0] * 9, *[1] * 9])
    asked = np.tile([[4.0, 1], [-30.0, 1]], (10, 1))
    embeddings = np.concatenate([train, asked, asked])
    labels = np.concatenate([labels, np.tile([0, 1], 20)])
    data = path_graph(labels, "t" * 19 + "v" * 20 + "e" * 20)
    result = knn_probe(embeddings, data)
    assert result.neighbours == (3,)  # 1 is wrong on half of them
    assert result.accuracy == 1
    changed = labels.copy()
    changed[19:39:2] = 1  # now the mislabelled node is right about the validation nodes
    changed_result = knn_probe(embeddings, path_graph(changed, "t" * 19 + "v" * 20 + "e" * 20))
    assert changed_result.neighbours == (1,)
    assert changed_result.accuracy == 0.5


def test_folds_and_random_splits_have_a_deviation():
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    embeddings = np.eye(3)[labels] + 0.7 * rng.normal(size=(120, 3))
    for options, count in ({"folds": 4}, 4), ({"split": "random", "seeds": 6}, 6):
        result = knn_probe(embeddings, path_graph(labels), **options)
        assert len(result.split_accuracies) == len(result.neighbours) == count
        assert result.accuracy == pytest.approx(np.mean(result.split_accuracies))
        assert result.std == pytest.approx(np.std(result.split_accuracies))
        assert 0.4 < result.accuracy < 1
        assert set(result.neighbours) <= set(NEIGHBOURS)


def test_fewer_training_nodes_than_neighbours():
    embeddings = on_circle([0, 90, 1, 91, 2, 92])
    result = knn_probe(embeddings, path_graph([0, 1, 0, 1, 0, 1], "ttvvee"))
    assert result.neighbours == (1,)
    assert result.accuracy == 1
    assert knn_probe(embeddings, path_graph([0, 1] * 3), split="random", seeds=2).accuracy == 1


def test_wrong_calls_are_errors():
    labels = np.arange(12) % 2
    embeddings = np.ones((12, 2))
    with pytest.raises(ValueError, match=r"expected \[12, K\], got \(11, 2\)"):
        knn_probe(embeddings[1:], path_graph(labels))
    with pytest.raises(ValueError, match="needs labels"):
        knn_probe(embeddings, path_graph(np.full(12, -1)))
    embeddings[3, 1] = np.nan
    with pytest.raises(ValueError, match="finite"):
        knn_probe(embeddings, path_graph(labels))


def test_votes_for_each_label_equal_sklearns():
    rng = np.random.default_rng(0)
    labels = (rng.random((200, 4)) < 0.4).astype(np.int8)
    embeddings = rng.normal(size=(200, 5))
    embeddings[:, :4] += labels
    train, asked = np.arange(0, 200, 2), np.arange(1, 200, 2)
    neighbours = (1, 5, 20)
    found = vote(Directions(embeddings, center=False), labels, train, asked, neighbours)
    for scores, k in zip(found, neighbours, strict=True):
        model = KNeighborsClassifier(k, metric="cosine", algorithm="brute")
        model.fit(embeddings[train], labels[train])
        share = np.stack([p[:, 1] for p in model.predict_proba(embeddings[asked])], axis=1)
        assert np.abs(scores - share).max() < 1 / (2 * k)  # closeness is less than half a vote
        decided = share != 0.5
        np.testing.assert_array_equal((scores >= 0.5)[decided], share[decided] > 0.5)


def test_a_tie_for_and_against_a_label_goes_to_the_closer_ones():
    embeddings = on_circle([10, 20, 0])
    labels = np.array([[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    rows = Directions(embeddings, center=False)
    (scores,) = vote(rows, labels, np.arange(2), np.array([2]), (2,))
    assert (scores >= 0.5).tolist() == [[True, False, True, False]]


def test_of_a_label_that_all_voters_have_or_none_closeness_says_nothing():
    rng = np.random.default_rng(0)
    rows = Directions(rng.normal(size=(30, 4)).astype(np.float32))
    labels = np.column_stack([np.zeros(30), np.ones(30), rng.integers(0, 2, 30)]).astype(np.int8)
    scores = vote(rows, labels, np.arange(20), np.arange(20, 30), (1, 5))
    assert (scores[..., 0] == 0).all()
    assert (scores[..., 1] == 1).all()
    assert len(np.unique(scores[1, :, 2])) > 3


@pytest.mark.parametrize("count", [1, 4, 9])
def test_the_largest_of_a_row_come_in_order_and_of_equal_ones_the_first_first(count):
    values = np.random.default_rng(0).integers(0, 4, (50, 9)) / 4.0
    expected = np.argsort(-values, axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(_largest(values, count), expected)
