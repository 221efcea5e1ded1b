"""Linear probe: how much of the labels a logistic regression reads from frozen embeddings.

One protocol for all embeddings that are compared: the same split, the same scaling, the same grid
of strengths. scikit-learn is imported inside the functions, because the command line reads this
module's constants before it needs the second that the import takes.
"""

import dataclasses
from typing import Any

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

from ..graph.data import GraphData
from .gram import pca_in_blocks
from .splits import MAX_NODES, PUBLIC_SPLIT, LabelledGraph, draw_splits, plan_probe

# C of sklearn.linear_model.LogisticRegression: the inverse weight of the L2 penalty. Powers of two
# from 2^-10 (a strong penalty) to 2^10. All 21 whole exponents were tried: on digits and on Cora a
# finer choice only fits the noise of the validation nodes.
STRENGTHS = tuple(2.0**exponent for exponent in (-10, -7.5, -5, -2.5, 0, 2.5, 5, 7.5, 10))

# "standardize": each feature to mean 0 and variance 1 over the training nodes (a feature constant
# there keeps its scale). "rows": each node's embedding to Euclidean norm 1. "none": as they are.
SCALINGS = ("standardize", "rows", "none")
SCALING = "rows"

_FALLBACK_STRENGTH = 1.0  # where the training part is too small to give nodes away
_MAX_ITERATIONS = 1000
_DENSE_ENTRIES = 10**8  # up to here (400 MB) sparse features are made dense for an exact PCA


@dataclasses.dataclass(frozen=True)
class ProbeResult:
    """What the probe found.

    Attributes:
        accuracy: in [0, 1]; of the test nodes, or the mean over the splits.
        std: standard deviation over the splits (biased); None for the public split.
        protocol: PUBLIC_SPLIT, RANDOM_SPLITS or K_FOLDS, of splits.py.
        strengths: the chosen C of each split.
        fold_accuracies: the accuracy of each split.
        num_train: nodes fitted on (mean over the splits, rounded down).
        num_test: nodes tested on (over all splits together).
    """

    accuracy: float
    std: float | None
    protocol: str
    strengths: tuple[float, ...]
    fold_accuracies: tuple[float, ...]
    num_train: int
    num_test: int

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold."""
        return dataclasses.asdict(self)


def linear_probe(
    embeddings: np.ndarray | scipy.sparse.csr_matrix,
    data: LabelledGraph,
    *,
    folds: int = 10,
    seed: int = 0,
    scaling: str = SCALING,
    split: str | None = None,
    seeds: int = 10,
    max_nodes: int = MAX_NODES,
) -> ProbeResult:
    """Accuracy of a multinomial logistic regression on frozen embeddings.

    Public and random splits: fitted on train, strength chosen on validation, accuracy on test. K
    folds: fitted on k - 1 folds, tested on the remaining one; the strength of each fold is chosen
    on a fifth of its training part, then the whole training part is fitted again. Test nodes take
    part in neither the choice nor the scaling. Nodes with unknown labels are left out.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR, in the order of the graph's nodes.
        data: the graph, with labels.
        folds: number of folds where they are used; see `plan_probe`.
        seed: of the splits, and of who takes part; the same seed gives every embedding the same.
        scaling: one of SCALINGS.
        split: "public", "random" or "folds"; None: "public" with masks, "folds" without.
        seeds: number of random splits.
        max_nodes: so many labelled nodes take part at most; see `draw_splits`.

    Raises:
        ValueError: embeddings of another shape or not finite, no labels, unknown scaling.
        InputError: labels that cannot be probed; see `plan_probe`.
    """
    if scaling not in SCALINGS:
        raise ValueError(f"scaling: expected one of {', '.join(SCALINGS)}, got {scaling!r}")
    check_embeddings(embeddings, data)
    plan = plan_probe(data, folds=folds, split=split, seeds=seeds, max_nodes=max_nodes)
    if plan is None:
        raise ValueError(f"{data.name}: a linear probe needs labels, and there are none")
    splits = draw_splits(data, plan, seed=seed, max_nodes=max_nodes)
    accuracies, strengths = [], []
    # The matrices are small: one thread fits them in milliseconds, while BLAS threads that wait for
    # a busy core (TensorFlow's threads spin too) were measured to take fifty times as long.
    with threadpool_limits(1, user_api="blas"):
        for one in splits:
            strength = _choose_strength(embeddings, data.labels, one.inner, one.validation, scaling)
            train, test = _scale(embeddings, one.train, scaling, one.train, one.test)
            model = _regression(strength).fit(train, data.labels[one.train])
            accuracies.append(float(model.score(test, data.labels[one.test])))
            strengths.append(strength)
    return ProbeResult(
        accuracy=float(np.mean(accuracies)),
        std=None if plan.protocol == PUBLIC_SPLIT else float(np.std(accuracies)),
        protocol=plan.protocol,
        strengths=tuple(strengths),
        fold_accuracies=tuple(accuracies),
        num_train=sum(len(one.train) for one in splits) // len(splits),
        num_test=sum(len(one.test) for one in splits),
    )


def baseline_embeddings(
    data: GraphData, dim: int, seed: int = 0
) -> dict[str, np.ndarray | scipy.sparse.csr_matrix]:
    """Embeddings that cost no training, to be probed beside the trained ones.

    Args:
        data: the graph; only its features are used.
        dim: dimension of the PCA, as of the trained embeddings; capped by min(N, F).
        seed: of the randomised solver that scikit-learn takes for large matrices.

    Returns:
        "raw features": [N, F], as they are. "PCA": [N, min(dim, N, F)] float32. Sparse features of
        more than 1e8 entries are reduced without centring (truncated SVD), which stays sparse.
    """
    from sklearn.decomposition import PCA, TruncatedSVD

    if dim < 1:
        raise ValueError(f"dim: expected at least 1, got {dim}")
    features = data.features
    dim = min(dim, *features.shape)
    with threadpool_limits(1, user_api="blas"):  # as in linear_probe
        if scipy.sparse.issparse(features) and np.prod(features.shape) > _DENSE_ENTRIES:
            reduced = TruncatedSVD(dim, random_state=seed).fit_transform(features)
        elif data.is_mapped:
            reduced = pca_in_blocks(data, dim)
        else:
            dense = features.toarray() if scipy.sparse.issparse(features) else features
            reduced = PCA(dim, random_state=seed).fit_transform(dense)
    return {"raw features": features, "PCA": reduced.astype(np.float32)}


def check_embeddings(embeddings: np.ndarray | scipy.sparse.csr_matrix, data: LabelledGraph) -> None:
    """Raises ValueError unless the embeddings are [N, K] and finite."""
    if embeddings.ndim != 2 or embeddings.shape[0] != data.num_nodes:
        raise ValueError(f"embeddings: expected [{data.num_nodes}, K], got {embeddings.shape}")
    values = embeddings.data if scipy.sparse.issparse(embeddings) else embeddings
    if not np.isfinite(values).all():
        raise ValueError("embeddings: expected finite values; the training may have diverged")


def _choose_strength(embeddings, labels, train, validation, scaling) -> float:
    """Returns the strength with the best accuracy on the validation nodes.

    Accuracy takes few values, so neighbouring strengths often tie; the smaller log loss decides.
    """
    from sklearn.metrics import log_loss

    if len(validation) == 0:
        return _FALLBACK_STRENGTH
    # A class may be missing on one side; it has no probability and says nothing about strengths.
    judged = validation[np.isin(labels[validation], labels[train])]
    fitted, checked, likely = _scale(embeddings, train, scaling, train, validation, judged)
    # From the strongest penalty on, each fit starts where the one before it ended.
    model = _regression(STRENGTHS[0], warm_start=True)
    scores = []
    for strength in STRENGTHS:
        model.set_params(C=strength).fit(fitted, labels[train])
        accuracy = model.score(checked, labels[validation])
        confidence = 0.0
        if len(judged):
            probabilities = model.predict_proba(likely)
            confidence = -log_loss(labels[judged], probabilities, labels=model.classes_)
        scores.append((accuracy, confidence))
    return STRENGTHS[max(range(len(scores)), key=scores.__getitem__)]


def _regression(strength: float, *, warm_start: bool = False):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS, warm_start=warm_start)


def _scale(embeddings, train: np.ndarray, scaling: str, *parts: np.ndarray) -> list:
    """The rows of each part, scaled; of a large graph only these rows are touched."""
    from sklearn.preprocessing import StandardScaler, normalize

    rows = [embeddings[part] for part in parts]
    if scaling == "none":
        return rows
    if scaling == "rows":
        return [normalize(part) if part.shape[0] else part for part in rows]
    # The intercept carries no penalty and absorbs any shift, so leaving sparse features uncentred
    # changes neither the optimum nor their sparsity.
    scaler = StandardScaler(with_mean=not scipy.sparse.issparse(embeddings)).fit(embeddings[train])
    return [scaler.transform(part) if part.shape[0] else part for part in rows]
