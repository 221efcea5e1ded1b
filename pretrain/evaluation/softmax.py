"""Logistic regressions on rows around their mean, also sparse ones.

scikit-learn's would need them dense, and would fit one label after the other. It also takes two to
three times as many steps where many are needed: it does not know how curved the loss is along a
column. L-BFGS may see here all weights in units of the root of that curvature, see `_units`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse
from scipy.special import expit

from .rows import ShiftedRows

_MEMORY = 10  # pairs of vectors that the solver keeps, as scikit-learn's
_TOLERANCE = 1e-4  # largest entry of the gradient of the mean loss, as scikit-learn's
_LEAST_SPREAD = 1e-3  # of a label, to divide by


def fit_softmax(
    rows: ShiftedRows,
    labels: np.ndarray,
    C: float,
    start: np.ndarray | None = None,
    *,
    scaled: bool = True,
) -> np.ndarray:
    """Weights [K + 1, classes] of a multinomial regression, the last row the intercepts.

    The objective is scikit-learn's: C times the sum of the log losses plus half of the squared
    weights; intercepts are free.

    Args:
        rows: M of them.
        labels: [M] of 0 .. classes - 1, all of which occur.
        C: inverse of the regularisation strength.
        start: weights to begin with.
        scaled: whether in units of the curvature; if not, the steps are those of scikit-learn.
    """
    everyone, shares = np.arange(len(labels)), np.bincount(labels) / len(labels)

    def loss(scores):
        scores = log_softmax(scores)
        truth = scores[everyone, labels]
        errors = np.exp(scores, out=scores)
        errors[everyone, labels] -= 1
        return -truth.mean(dtype=np.float64), errors

    width = rows.matrix.shape[1]
    units = _units(rows, shares, C) if scaled else np.ones((width + 1, len(shares)))
    return _fit(loss, rows, units, C, start)


def fit_sigmoids(
    rows: ShiftedRows, labels: np.ndarray, C: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Weights [K + 1, labels] of a binary regression for each label, the last row the intercepts.

    They share nothing, so the sum of scikit-learn's objectives has their solutions; together they
    take one product of matrices for a step.

    Args:
        rows: M of them.
        labels: [M, labels] of 0 and 1, both of which occur in every column.
        C: inverse of the regularisation strength.
        start: weights to begin with.
    """

    def loss(scores):
        losses = np.logaddexp(0, scores) - labels * scores
        return losses.sum(dtype=np.float64) / len(labels), expit(scores) - labels

    return _fit(loss, rows, _units(rows, labels.mean(axis=0), C), C, start)


def _units(rows: ShiftedRows, shares: np.ndarray, C: float) -> np.ndarray:
    """Roots of about the curvature of the objective along each weight, [K + 1, classes].

    That is a column's mean square times a probability's slope p (1 - p): at most a quarter, and
    that of the class' share where nothing is known of a node yet. The geometric mean of both took
    the fewest steps. Where columns are uncorrelated, all directions are then about alike.
    """
    matrix: Any = rows.matrix
    squares = matrix.multiply(matrix) if scipy.sparse.issparse(matrix) else matrix * matrix
    sums = np.append(np.asarray(squares.sum(axis=0, dtype=np.float64)), matrix.shape[0])
    slopes = np.sqrt(np.maximum(shares * (1 - shares), _LEAST_SPREAD**2)) / 2
    penalties = np.append(np.full(matrix.shape[1], 1 / C), 0)
    return np.sqrt((np.outer(sums, slopes) + penalties[:, np.newaxis]) / matrix.shape[0])


def _fit(
    loss_of: Callable, rows: ShiftedRows, units: np.ndarray, C: float, start: np.ndarray | None
) -> np.ndarray:
    """`loss_of` scores [M, classes]: mean loss, and M times its gradient; solved for w * units.

    Products are as exact as the rows' dtype, sums over them float64.
    """
    count, steepest = rows.matrix.shape[0], np.inf
    penalty = 1 / (C * count)

    def objective(flat):
        nonlocal steepest
        weights = flat.reshape(units.shape) / units
        used = weights.astype(rows.matrix.dtype, copy=False)
        loss, errors = loss_of(rows.times(used[:-1]) + used[-1])
        loss += penalty / 2 * np.sum(weights[:-1] ** 2)
        errors /= count
        gradient = rows.transposed_times(errors) + penalty * weights[:-1]
        gradient = np.vstack([gradient, errors.sum(axis=0, dtype=np.float64)])
        steepest = np.abs(gradient).max()
        return loss, (gradient / units).ravel()

    def stop(_):
        if steepest <= _TOLERANCE:  # in the weights' own units, which the solver does not see
            raise StopIteration

    begin = np.zeros(units.size) if start is None else (start * units).ravel()
    objective(begin)
    if steepest <= _TOLERANCE:
        return begin.reshape(units.shape) / units
    from scipy.optimize import minimize  # half a second, which no start has to wait for

    options = {"maxiter": 1000, "maxcor": _MEMORY, "gtol": 0, "ftol": 1e-12}
    found = minimize(objective, begin, jac=True, method="L-BFGS-B", callback=stop, options=options)
    return found.x.reshape(units.shape) / units


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, [M, classes]."""
    scores = scores - scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
