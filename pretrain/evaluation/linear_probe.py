"""Linear probe: how much of the labels a logistic regression reads from frozen embeddings.

One protocol for all embeddings that are compared: the same splits, the same scaling, the same grid
of C. scikit-learn is imported inside the functions, because the command line reads this module's
constants before it needs the second that the import takes.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse

from ..graph.data import LabelledNodes
from .probe import Accuracies, run_probe
from .rows import Matrix, unit_rows

# C of sklearn.linear_model.LogisticRegression, the inverse of the regularisation strength. Powers
# of two from 2^-10 (a strong penalty) to 2^10. All 21 whole exponents were tried: on digits and on
# Cora a finer choice only fits the noise of the validation nodes.
INVERSE_REGULARIZATIONS = tuple(2.0**e for e in (-10, -7.5, -5, -2.5, 0, 2.5, 5, 7.5, 10))

# "standardize": each feature to mean 0 and variance 1 over the training nodes (a feature constant
# there keeps its scale). "rows": each node's embedding to Euclidean norm 1. "none": as they are.
SCALINGS = ("standardize", "rows", "none")
SCALING = "rows"

_FALLBACK = 1.0  # C where the training part is too small to give nodes away
_MAX_ITERATIONS = 1000


@dataclasses.dataclass(frozen=True)
class ProbeResult(Accuracies):
    """What the linear probe found.

    Attributes:
        inverse_regularizations: of each split the chosen C, the inverse of the regularisation
            strength.
    """

    inverse_regularizations: tuple[float, ...]


def linear_probe(
    embeddings: Matrix, data: LabelledNodes, *, scaling: str = SCALING, **protocol
) -> ProbeResult:
    """Accuracy of a multinomial logistic regression on frozen embeddings.

    C is the one of INVERSE_REGULARIZATIONS with the best accuracy on the validation nodes, ties by
    log loss. Test nodes take part neither in the choice nor in the scaling.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR, in the order of the graph's nodes.
        data: the graph, with labels.
        scaling: one of SCALINGS.
        **protocol: split, folds, seeds, seed, max_nodes; see `run_probe`, also for errors.

    Raises:
        ValueError: unknown scaling.
    """
    if scaling not in SCALINGS:
        raise ValueError(f"scaling: expected one of {', '.join(SCALINGS)}, got {scaling!r}")
    labels = data.labels

    def choose(train, validation):
        return _choose(embeddings, labels, train, validation, scaling)

    def predict(train, test, C):
        fitted, asked = _scale(embeddings, train, scaling, train, test)
        return _regression(C).fit(fitted, labels[train]).predict(asked)

    return run_probe(ProbeResult, embeddings, data, choose, predict, **protocol)


def _choose(embeddings, labels, train, validation, scaling) -> float:
    """The C with the best accuracy on the validation nodes.

    Accuracy takes few values, so neighbours in the grid often tie; the smaller log loss decides.
    """
    from sklearn.metrics import log_loss

    if len(validation) == 0:
        return _FALLBACK
    # A class may be missing on one side; it has no probability and says nothing about C.
    judged = validation[np.isin(labels[validation], labels[train])]
    fitted, checked, likely = _scale(embeddings, train, scaling, train, validation, judged)
    # From the strongest penalty on, each fit starts where the one before it ended.
    model = _regression(INVERSE_REGULARIZATIONS[0], warm_start=True)
    scores = []
    for C in INVERSE_REGULARIZATIONS:
        model.set_params(C=C).fit(fitted, labels[train])
        accuracy = model.score(checked, labels[validation])
        confidence = 0.0
        if len(judged):
            probabilities = model.predict_proba(likely)
            confidence = -log_loss(labels[judged], probabilities, labels=model.classes_)
        scores.append((accuracy, confidence))
    return INVERSE_REGULARIZATIONS[max(range(len(scores)), key=scores.__getitem__)]


def _regression(C: float, *, warm_start: bool = False):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=C, max_iter=_MAX_ITERATIONS, warm_start=warm_start)


def _scale(embeddings, train: np.ndarray, scaling: str, *parts: np.ndarray) -> list:
    """The rows of each part, scaled; of a large graph only these rows are touched."""
    rows = [embeddings[part] for part in parts]
    if scaling == "none":
        return rows
    if scaling == "rows":
        return [unit_rows(part) for part in rows]
    from sklearn.preprocessing import StandardScaler

    # The intercept carries no penalty and absorbs any shift, so leaving sparse features uncentred
    # changes neither the optimum nor their sparsity.
    scaler = StandardScaler(with_mean=not scipy.sparse.issparse(embeddings)).fit(embeddings[train])
    return [scaler.transform(part) if part.shape[0] else part for part in rows]
