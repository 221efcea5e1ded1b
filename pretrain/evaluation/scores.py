"""What the scores of a probe are worth: accuracy, and what else a graph's labels ask for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

ACCURACY, ROC_AUC, MACRO_F1 = "accuracy", "roc_auc", "macro_f1"

# Where the largest class has more than so many times the members of the smallest, a classifier that
# never names the small ones has a good accuracy.
IMBALANCE = 5


def accuracy(scores: np.ndarray, truth: np.ndarray) -> float:
    """Share of the nodes whose class has the largest score; scores [M, classes], truth [M]."""
    return float(np.mean(scores.argmax(axis=1) == truth))


def roc_auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve of two classes, the columns of `scores`; 0.5 of one class alone."""
    from sklearn.metrics import roc_auc_score

    second = truth == scores.shape[1] - 1
    if second.all() or not second.any():
        return 0.5
    return float(roc_auc_score(second, scores[:, -1] - scores[:, 0]))


def macro_f1(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the classes of the harmonic mean of precision and recall."""
    from sklearn.metrics import f1_score

    return float(f1_score(truth, scores.argmax(axis=1), average="macro", zero_division=0))


JUDGES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    ACCURACY: accuracy,
    ROC_AUC: roc_auc,
    MACRO_F1: macro_f1,
}


def judges_of(labels: np.ndarray) -> list[str]:
    """Accuracy; the ROC AUC of two classes; the macro F1 of classes that differ much in size.

    Args:
        labels: int [N]; negative ones are unknown.
    """
    counts = np.bincount(labels[labels >= 0])
    counts = counts[counts > 0]
    two = [ROC_AUC] if len(counts) == 2 else []
    uneven = [MACRO_F1] if counts.max() > IMBALANCE * counts.min() else []
    return [ACCURACY, *two, *uneven]
