"""A logistic regression on sparse rows around their mean, which scikit-learn's would need dense."""

from __future__ import annotations

import numpy as np
import scipy.optimize

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
    count, width = rows.matrix.shape
    classes = int(labels.max()) + 1
    penalty = 1 / (C * count)
    everyone = np.arange(count)

    def objective(flat):
        weights = flat.reshape(width + 1, classes)
        scores = log_softmax(rows.times(weights[:-1]) + weights[-1])
        loss = -scores[everyone, labels].mean() + penalty / 2 * np.sum(weights[:-1] ** 2)
        errors = np.exp(scores)
        errors[everyone, labels] -= 1
        errors /= count
        gradient = rows.transposed_times(errors) + penalty * weights[:-1]
        return loss, np.vstack([gradient, errors.sum(axis=0)]).ravel()

    begin = np.zeros((width + 1) * classes) if start is None else start.ravel()
    options = {"maxiter": 1000, "maxcor": _MEMORY, "gtol": _TOLERANCE, "ftol": 1e-12}
    found = scipy.optimize.minimize(objective, begin, jac=True, method="L-BFGS-B", options=options)
    return found.x.reshape(width + 1, classes)


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, [M, classes]."""
    scores = scores - scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
