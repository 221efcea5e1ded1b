"""Linear probe: how much of the labels a logistic regression reads from frozen embeddings.

One protocol for all embeddings that are compared: the same split, the same scaling, the same grid
of strengths. scikit-learn is imported inside the functions, because the command line reads this
module's constants before it needs the second that the import takes.
"""

import dataclasses
import warnings
from typing import Any

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

from .errors import InputError
from .graph_data import GraphData

# C of sklearn.linear_model.LogisticRegression: the inverse weight of the L2 penalty. Powers of two
# from 2^-10 (a strong penalty) to 2^10.
STRENGTHS = tuple(2.0**exponent for exponent in (-10, -7.5, -5, -2.5, 0, 2.5, 5, 7.5, 10))

# "standardize": each feature to mean 0 and variance 1 over the training nodes (a feature constant
# there keeps its scale). "rows": each node's embedding to Euclidean norm 1. "none": as they are.
SCALINGS = ("standardize", "rows", "none")
SCALING = "rows"

PUBLIC_SPLIT = "public split"
K_FOLDS = "k folds"

_INNER_SHARE = 0.2  # of each class in the training part of a fold, to choose the strength on
_FALLBACK_STRENGTH = 1.0  # where the training part is too small to give nodes away
_MAX_ITERATIONS = 1000
_DENSE_ENTRIES = 10**8  # up to here (400 MB) sparse features are made dense for an exact PCA


@dataclasses.dataclass(frozen=True)
class ProbePlan:
    """How a graph will be probed.

    Attributes:
        protocol: PUBLIC_SPLIT or K_FOLDS.
        folds: number of folds; 1 for the public split.
    """

    protocol: str
    folds: int


@dataclasses.dataclass(frozen=True)
class ProbeResult:
    """What the probe found.

    Attributes:
        accuracy: in [0, 1]; of the test nodes, or the mean over folds.
        std: standard deviation over folds (biased); None for the public split.
        protocol: PUBLIC_SPLIT or K_FOLDS.
        strengths: the chosen C of each fold.
        fold_accuracies: the accuracy of each fold.
        num_train: nodes fitted on (mean over folds, rounded down).
        num_test: nodes tested on (over all folds together).
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


def plan_probe(data: GraphData, *, folds: int = 10) -> ProbePlan | None:
    """Decides the protocol, so that a graph that cannot be probed is refused before training.

    With masks: the public split. With labels alone: stratified folds, at most as many as the
    smallest class has members (with a warning). Without known labels: None.

    Raises:
        InputError: fewer than two classes to tell apart, or a class with a single member.
    """
    if data.labels is None or not (data.labels >= 0).any():
        return None
    members = data.labels[data.train_mask] if data.has_masks else data.labels
    counts = np.bincount(members[members >= 0], minlength=data.num_classes)
    if (counts > 0).sum() < 2:
        raise InputError(
            f"{data.name}: a probe needs at least two classes "
            f"{'in train_mask' if data.has_masks else 'in labels'}, got {(counts > 0).sum()}"
        )
    if data.has_masks:
        return ProbePlan(PUBLIC_SPLIT, 1)
    if folds < 2:
        raise ValueError(f"folds: expected at least 2, got {folds}")
    smallest = int(counts.argmin())
    if counts[smallest] < 2:
        raise InputError(
            f"{data.name}: a probe by folds needs at least 2 nodes of every class, but class "
            f"{data.class_names[smallest]} has {counts[smallest]}; label such nodes as unknown"
        )
    if counts[smallest] < folds:
        warnings.warn(
            f"{data.name}: {counts[smallest]} probe folds instead of {folds}, because class "
            f"{data.class_names[smallest]} has only {counts[smallest]} nodes",
            stacklevel=2,
        )
    return ProbePlan(K_FOLDS, min(folds, int(counts[smallest])))


def linear_probe(
    embeddings: np.ndarray | scipy.sparse.csr_matrix,
    data: GraphData,
    *,
    folds: int = 10,
    seed: int = 0,
    scaling: str = SCALING,
) -> ProbeResult:
    """Accuracy of a multinomial logistic regression on frozen embeddings.

    Public split: fitted on train, strength chosen on validation, accuracy on test. K folds: fitted
    on k - 1 folds, tested on the remaining one; the strength of each fold is chosen on a fifth of
    its training part, then the whole training part is fitted again. Test nodes take part in neither
    the choice nor the scaling. Nodes with unknown labels are left out.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR, in the order of the graph's nodes.
        data: the graph, with labels.
        folds: number of folds where the graph has no masks; see `plan_probe`.
        seed: of the split into folds; the same seed gives every embedding the same folds.
        scaling: one of SCALINGS.

    Raises:
        ValueError: embeddings of another shape or not finite, no labels, unknown scaling.
        InputError: labels that cannot be probed; see `plan_probe`.
    """
    from sklearn.model_selection import StratifiedKFold

    _check_embeddings(embeddings, data, scaling)
    plan = plan_probe(data, folds=folds)
    if plan is None:
        raise ValueError(f"{data.name}: a linear probe needs labels, and there are none")
    known = data.labels >= 0
    rng = np.random.default_rng(seed)
    if plan.protocol == PUBLIC_SPLIT:
        train, validation, test = (
            np.flatnonzero(mask & known)
            for mask in (data.train_mask, data.val_mask, data.test_mask)
        )
        splits = [(train, train, validation, test)]
    else:
        nodes = np.flatnonzero(known)
        folder = StratifiedKFold(plan.folds, shuffle=True, random_state=seed)
        splits = []
        for fit, test in folder.split(nodes, data.labels[nodes]):
            inner, validation = _hold_out(nodes[fit], data.labels, rng)
            splits.append((nodes[fit], inner, validation, nodes[test]))
    accuracies, strengths = [], []
    # The matrices are small: one thread fits them in milliseconds, while BLAS threads that wait for
    # a busy core (TensorFlow's threads spin too) were measured to take fifty times as long.
    with threadpool_limits(1, user_api="blas"):
        for train, inner, validation, test in splits:
            strength = _choose_strength(embeddings, data.labels, inner, validation, scaling)
            scaled = _scale(embeddings, train, scaling)
            model = _regression(strength).fit(scaled[train], data.labels[train])
            accuracies.append(float(model.score(scaled[test], data.labels[test])))
            strengths.append(strength)
    return ProbeResult(
        accuracy=float(np.mean(accuracies)),
        std=float(np.std(accuracies)) if plan.protocol == K_FOLDS else None,
        protocol=plan.protocol,
        strengths=tuple(strengths),
        fold_accuracies=tuple(accuracies),
        num_train=sum(len(split[0]) for split in splits) // len(splits),
        num_test=sum(len(split[3]) for split in splits),
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
        else:
            dense = features.toarray() if scipy.sparse.issparse(features) else features
            reduced = PCA(dim, random_state=seed).fit_transform(dense)
    return {"raw features": features, "PCA": reduced.astype(np.float32)}


def _check_embeddings(embeddings: Any, data: GraphData, scaling: str) -> None:
    if scaling not in SCALINGS:
        raise ValueError(f"scaling: expected one of {', '.join(SCALINGS)}, got {scaling!r}")
    if embeddings.ndim != 2 or embeddings.shape[0] != data.num_nodes:
        raise ValueError(f"embeddings: expected [{data.num_nodes}, K], got {embeddings.shape}")
    values = embeddings.data if scipy.sparse.issparse(embeddings) else embeddings
    if not np.isfinite(values).all():
        raise ValueError("embeddings: expected finite values; the training may have diverged")


def _hold_out(
    nodes: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Splits off a fifth of each class, but never a class's last member."""
    held = []
    for label in np.unique(labels[nodes]):
        members = rng.permutation(nodes[labels[nodes] == label])
        held.append(members[: min(round(_INNER_SHARE * len(members)), len(members) - 1)])
    validation = np.concatenate(held)
    return np.setdiff1d(nodes, validation), validation


def _choose_strength(embeddings, labels, train, validation, scaling) -> float:
    """Returns the strength with the best accuracy on the validation nodes.

    Accuracy takes few values, so neighbouring strengths often tie; the smaller log loss decides.
    """
    from sklearn.metrics import log_loss

    if len(validation) == 0:
        return _FALLBACK_STRENGTH
    scaled = _scale(embeddings, train, scaling)
    # From the strongest penalty on, each fit starts where the one before it ended.
    model = _regression(STRENGTHS[0], warm_start=True)
    # A class may be missing on one side; it has no probability and says nothing about strengths.
    judged = validation[np.isin(labels[validation], labels[train])]
    scores = []
    for strength in STRENGTHS:
        model.set_params(C=strength).fit(scaled[train], labels[train])
        accuracy = model.score(scaled[validation], labels[validation])
        confidence = 0.0
        if len(judged):
            probabilities = model.predict_proba(scaled[judged])
            confidence = -log_loss(labels[judged], probabilities, labels=model.classes_)
        scores.append((accuracy, confidence))
    return STRENGTHS[max(range(len(scores)), key=scores.__getitem__)]


def _regression(strength: float, *, warm_start: bool = False):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=_MAX_ITERATIONS, warm_start=warm_start)


def _scale(embeddings, train: np.ndarray, scaling: str):
    from sklearn.preprocessing import StandardScaler, normalize

    if scaling == "none":
        return embeddings
    if scaling == "rows":
        return normalize(embeddings)
    # The intercept carries no penalty and absorbs any shift, so leaving sparse features uncentred
    # changes neither the optimum nor their sparsity.
    scaler = StandardScaler(with_mean=not scipy.sparse.issparse(embeddings))
    return scaler.fit(embeddings[train]).transform(embeddings)
