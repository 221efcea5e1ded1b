"""What the scores of a probe are worth: accuracy, and what else a graph's labels ask for.

Scores are [M, classes], one row for each node that is asked about. The truth is its class, [M]; or
multi-label, [M, classes] of 0 and 1: a node is given the labels with a score of at least one half.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

ACCURACY, ROC_AUC, MACRO_F1, MICRO_F1 = "accuracy", "roc_auc", "macro_f1", "micro_f1"

# Where the largest class has more than so many times the members of the smallest, a classifier that
# never names the small ones has a good accuracy.
IMBALANCE = 5


def accuracy(scores: np.ndarray, truth: np.ndarray) -> float:
    """Share of the nodes whose class has the largest score."""
    return float(np.mean(scores.argmax(axis=1) == truth))


def roc_auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve of two classes, the columns of `scores`; 0.5 of one class alone.

    Multi-label: the mean over the labels that some of the nodes have and others lack.
    """
    from sklearn.metrics import roc_auc_score

    if truth.ndim == 2:
        return _mean_roc_auc(scores, truth)
    second = truth == scores.shape[1] - 1
    if second.all() or not second.any():
        return 0.5
    return float(roc_auc_score(second, scores[:, -1] - scores[:, 0]))


def _mean_roc_auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """By ranks, all labels at once: scikit-learn takes minutes for hundreds of labels."""
    have = truth.sum(axis=0)
    lack = len(truth) - have
    both = (have > 0) & (lack > 0)
    if not both.any():
        return 0.5
    have, lack, truth = have[both], lack[both], truth[:, both]
    from scipy.stats import rankdata  # takes longer to import than all else here

    ranks = rankdata(scores[:, both], axis=0)
    in_order = (ranks * truth).sum(axis=0) - have * (have + 1) / 2
    return float(np.mean(in_order / (have * lack)))


def macro_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the classes of the harmonic mean of precision and recall."""
    return _f1(scores, truth, "macro")


def micro_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    """Harmonic mean of precision and recall of all pairs of a node and a label, multi-label.

    With one class for each node that would be the accuracy.
    """
    return _f1(scores, truth, "micro")


def _f1(scores: np.ndarray, truth: np.ndarray, average: str) -> float:
    from sklearn.metrics import f1_score

    given = scores >= 0.5 if truth.ndim == 2 else scores.argmax(axis=1)
    return float(f1_score(truth, given, average=average, zero_division=0))


JUDGES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    ACCURACY: accuracy,
    ROC_AUC: roc_auc,
    MACRO_F1: macro_f1,
    MICRO_F1: micro_f1,
}


def judges_of(labels: np.ndarray) -> list[str]:
    """Accuracy; the ROC AUC of two classes; the macro F1 of classes that differ much in size.

    Multi-label: micro F1, ROC AUC and macro F1. The first one is the probe's `accuracy`.

    Args:
        labels: int [N] or [N, C]; negative ones are unknown.
    """
    if labels.ndim == 2:
        return [MICRO_F1, ROC_AUC, MACRO_F1]
    counts = np.bincount(labels[labels >= 0])
    counts = counts[counts > 0]
    two = [ROC_AUC] if len(counts) == 2 else []
    uneven = [MACRO_F1] if counts.max() > IMBALANCE * counts.min() else []
    return [ACCURACY, *two, *uneven]
