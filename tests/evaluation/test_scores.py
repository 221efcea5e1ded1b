"""The measures of a probe's scores, by hand."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.evaluation.scores import (
    accuracy,
    judges_of,
    macro_f1,
    micro_f1,
    roc_auc,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score


@pytest.mark.parametrize("classes", [(0, 1), (1, 3)])
def test_two_classes_by_hand(classes):
    """Whatever their numbers are. Of six pairs of a node of each class five are in order."""
    truth = np.array(classes)[[0, 0, 0, 1, 1]]
    second = np.array([0.1, 0.2, 0.6, 0.5, 0.9])
    scores = np.full((5, classes[1] + 1), -1.0)  # as of classes without training nodes
    scores[:, classes[0]], scores[:, classes[1]] = 0.99 - second, second
    assert roc_auc(scores, truth) == pytest.approx(5 / 6)
    assert accuracy(scores, truth) == pytest.approx(4 / 5)
    # Precision and recall: 1 and 2/3; 2/3 and 1.
    assert macro_f1(scores, truth) == pytest.approx(4 / 5)
    assert roc_auc(scores[:3], truth[:3]) == 0.5


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((5, 5), ["accuracy", "roc_auc"]),
        ((10, 0, 2), ["accuracy", "roc_auc"]),
        ((11, 2), ["accuracy", "roc_auc", "macro_f1"]),
        ((4, 5, 20), ["accuracy"]),
        ((4, 5, 21), ["accuracy", "macro_f1"]),
    ],
)
def test_what_labels_ask_for(counts, expected):
    labels = np.r_[np.repeat(np.arange(len(counts)), counts), -1, -1]
    assert judges_of(labels) == expected


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(2, 6), st.booleans())
def test_multilabel_measures_are_sklearns(seed, count, labels, tied):
    rng = np.random.default_rng(seed)
    truth = (rng.random((count, labels)) < rng.random(labels)).astype(np.int8)
    scores = rng.random((count, labels))
    scores = np.round(scores, 1) if tied else scores
    given_labels = scores >= 0.5
    for judge, average in (micro_f1, "micro"), (macro_f1, "macro"):
        expected = f1_score(truth, given_labels, average=average, zero_division=0)
        assert judge(scores, truth) == pytest.approx(expected)
    both = [c for c in range(labels) if len(np.unique(truth[:, c])) == 2]
    areas = [roc_auc_score(truth[:, c], scores[:, c]) for c in both]
    assert roc_auc(scores, truth) == pytest.approx(np.mean(areas) if both else 0.5)


def test_what_several_labels_ask_for():
    labels = np.array([[0, 1], [1, 1], [-1, -1]], np.int8)
    assert judges_of(labels) == ["micro_f1", "roc_auc", "macro_f1"]
