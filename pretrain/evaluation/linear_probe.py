"""Linear probe: how much of the labels a logistic regression reads from frozen embeddings.

One protocol for all embeddings that are compared: the same splits, the same grid of C.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse
from scipy.special import expit

from ...kernels.linalg import gram_matrix
from ..graph.data import LabelledNodes
from .probe import MANY_NODES, Accuracies, run_probe
from .rows import Directions, Matrix, ShiftedRows
from .softmax import fit_sigmoids, fit_softmax, log_softmax

# C of sklearn.linear_model.LogisticRegression, the inverse of the regularisation strength. Powers
# of two from 2^-10 (a strong penalty) to 2^10. All 21 whole exponents were tried: on digits and on
# Cora a finer choice only fits the noise of the validation nodes.
INVERSE_REGULARIZATIONS = tuple(2.0**e for e in (-10, -7.5, -5, -2.5, 0, 2.5, 5, 7.5, 10))

# The ends of the grid cost most of the time, and nobody wins there with so many nodes to fit on.
_FOR_MANY_NODES = INVERSE_REGULARIZATIONS[2:8]
_FALLBACK = 1.0  # C where the training part is too small to give nodes away
_MOST_AXES = 1000  # to find more takes longer than the fits


@dataclasses.dataclass(frozen=True)
class ProbeResult(Accuracies):
    """What the linear probe found.

    Attributes:
        inverse_regularizations: of each split the chosen C, the inverse of the regularisation
            strength.
    """

    inverse_regularizations: tuple[float, ...]


def linear_probe(embeddings: Matrix, data: LabelledNodes, **protocol) -> ProbeResult:
    """A multinomial logistic regression on frozen embeddings; multi-label one for each label.

    C is the one of INVERSE_REGULARIZATIONS that does best on the validation nodes, ties by log
    loss. Test nodes take no part in the choice.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR, in the order of the graph's nodes.
        data: the graph, with labels.
        **protocol: split, folds, seeds, seed, max_nodes, center; see `run_probe`, also for errors.
    """
    return run_probe(ProbeResult, _Regression, embeddings, data, **protocol)


def _span_of(rows: np.ndarray) -> np.ndarray | None:
    """An orthonormal basis of the span of rows that are fewer than columns; else None.

    The penalty keeps the solution in that span, so it is the same, of fewer numbers.
    """
    return np.linalg.qr(rows.T)[0] if len(rows) < rows.shape[1] else None


def _axes_of(rows: np.ndarray) -> np.ndarray | None:
    """The principal axes of rows; None if there are too many to be found.

    A rotation changes neither penalty nor probabilities, but the columns are uncorrelated then.
    """
    if rows.shape[1] > _MOST_AXES:
        return None
    return np.linalg.eigh(gram_matrix(rows))[1].astype(rows.dtype)


def _scores(rows: ShiftedRows, weights: np.ndarray) -> np.ndarray:
    return rows.times(weights[:-1]) + weights[-1]


def _turned(basis, weights: np.ndarray) -> np.ndarray:
    return np.vstack([basis @ weights[:-1], weights[-1:]])


def _around_zero(rows):
    zeros = np.zeros(sum(rows.shape), rows.dtype)
    return ShiftedRows(rows, zeros[: len(rows)], zeros[len(rows) :])


@dataclasses.dataclass(frozen=True)
class _Regression:
    rows: Directions
    labels: np.ndarray

    def candidates(self, num_train):
        if num_train > MANY_NODES:
            return _FOR_MANY_NODES
        return INVERSE_REGULARIZATIONS

    def fallback(self, num_train):
        return _FALLBACK

    def scores(self, train, asked, values, *, keep=None, start=None):
        """Probabilities; from the strongest penalty on, each fit starts where the last one ended.

        A class without training nodes has -1.
        """
        if self.labels.ndim == 2:
            yield from self._one_for_each(train, asked, values)
            return
        # Where fits take no time at all, their steps stay those that results were published of.
        many = len(train) > MANY_NODES
        fitted, judged, basis = self._coordinates(train, asked, turned=many)
        classes, labels = np.unique(self.labels[train], return_inverse=True)
        weights = None
        for C in values:
            if many and start and start[C].shape[1] == len(classes):
                weights = _turned(basis.T, start[C])
            weights = fit_softmax(fitted, labels, C, weights, scaled=many)
            if many and keep is not None:
                keep[C] = _turned(basis, weights)
            scores = np.full((len(asked), self.labels.max() + 1), -1.0)
            scores[:, classes] = np.exp(log_softmax(_scores(judged, weights)))
            yield scores

    def _coordinates(self, train, asked, *, turned=True) -> tuple[ShiftedRows, ShiftedRows, Any]:
        """The rows to fit on and those to judge, in the fewest columns that say the same.

        And the orthonormal basis, [K, columns], that they are coordinates in.
        """
        if self.rows.stays_sparse:
            whole = scipy.sparse.eye_array(self.rows.width)
            return self.rows.shifted(train), self.rows.shifted(asked), whole
        fitted, judged = self.rows[train], self.rows[asked]
        basis: Any = scipy.sparse.eye_array(self.rows.width)
        for found in (_span_of, _axes_of)[: 1 + turned]:
            turn = found(fitted)
            if turn is not None:
                fitted, judged, basis = fitted @ turn, judged @ turn, basis @ turn
        return _around_zero(fitted), _around_zero(judged), basis

    def _one_for_each(self, train, asked, values):
        """Probabilities of each label; one that all or no training nodes have stays 1 or 0."""
        labels = self.labels[train]
        share = labels.mean(axis=0)
        constant = np.tile(share, (len(asked), 1))
        varies = (share > 0) & (share < 1)
        if not varies.any():
            yield from [constant] * len(values)
            return
        fitted, judged, _ = self._coordinates(train, asked)
        weights = None
        for C in values:
            weights = fit_sigmoids(fitted, labels[:, varies], C, weights)
            scores = constant.copy()
            scores[:, varies] = expit(_scores(judged, weights))
            yield scores

    def confidence(self, scores, truth):
        """Accuracy takes few values, so neighbours in the grid often tie: less the log loss.

        A class may be missing among the training nodes; it has no probability and says nothing.
        """
        if truth.ndim == 2:
            likely = np.where(truth, scores, 1 - scores)
        else:
            likely = np.take_along_axis(scores, truth[:, np.newaxis], 1).ravel()
            likely = likely[likely >= 0]
        smallest = np.finfo(likely.dtype).eps
        return float(np.log(np.maximum(likely, smallest)).mean()) if len(likely) else 0.0
