"""Logistic regressions on rows around their mean, also sparse ones.

scikit-learn's would need them dense, and would fit one label after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse
from scipy.special import expit

from .rows import ShiftedRows

_MEMORY = 10  # pairs of vectors that the solver keeps, as scikit-learn's
_TOLERANCE = 1e-4  # largest entry of the gradient of the mean loss, as scikit-learn's


def fit_softmax(
    rows: ShiftedRows, labels: np.ndarray, C: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Weights [K + 1, classes] of a multinomial regression, the last row the intercepts.

    The objective is scikit-learn's: C times the sum of the log losses plus half of the squared
    weights; intercepts are free.

    Args:
        rows: M of them.
        labels: [M] of 0 .. classes - 1, all of which occur.
        C: inverse of the regularisation strength.
        start: weights to begin with.
    """
    everyone = np.arange(len(labels))

    def loss(scores):
        scores = log_softmax(scores)
        errors = np.exp(scores)
        errors[everyone, labels] -= 1
        return -scores[everyone, labels].mean(), errors

    return _fit(loss, rows, int(labels.max()) + 1, C, start)


def fit_sigmoids(
    rows: ShiftedRows, labels: np.ndarray, C: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Weights [K + 1, labels] of a binary regression for each label, the last row the intercepts.

    They share nothing, so the sum of scikit-learn's objectives has their solutions; together they
    take one product of matrices for a step. Steps are few where columns are uncorrelated.

    Args:
        rows: M of them.
        labels: [M, labels] of 0 and 1, both of which occur in every column.
        C: inverse of the regularisation strength.
        start: weights to begin with.
    """

    def loss(scores):
        losses = np.logaddexp(0, scores) - labels * scores
        return losses.sum() / len(labels), expit(scores) - labels

    matrix: Any = rows.matrix
    squares = matrix.multiply(matrix) if scipy.sparse.issparse(matrix) else matrix * matrix
    # A sigmoid's slope is at most a quarter, so this is about the largest curvature along a column.
    # In units of its root all columns are alike to the solver, which then takes fewer steps.
    curvature = np.append((np.asarray(squares.sum(axis=0)) / 4 + 1 / C) / len(labels), 1 / 4)
    return _fit(loss, rows, labels.shape[1], C, start, np.sqrt(curvature)[:, np.newaxis])


def _fit(
    loss_of: Callable, rows: ShiftedRows, classes: int, C: float, start, scale: Any = 1.0
) -> np.ndarray:
    """`loss_of` scores [M, classes]: mean loss, and M times its gradient; solved for w * scale."""
    count, width = rows.matrix.shape
    penalty = 1 / (C * count)

    def objective(flat):
        weights = flat.reshape(width + 1, classes) / scale
        loss, errors = loss_of(rows.times(weights[:-1]) + weights[-1])
        loss += penalty / 2 * np.sum(weights[:-1] ** 2)
        errors /= count
        gradient = rows.transposed_times(errors) + penalty * weights[:-1]
        return loss, (np.vstack([gradient, errors.sum(axis=0)]) / scale).ravel()

    begin = np.zeros((width + 1) * classes) if start is None else (start * scale).ravel()
    options = {"maxiter": 1000, "maxcor": _MEMORY, "gtol": _TOLERANCE, "ftol": 1e-12}
    found = scipy.optimize.minimize(objective, begin, jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(width + 1, classes) / scale


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, [M, classes]."""
    scores = scores - scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
