"""What is computed for the report alone: two numbers on C, a map of the nodes, singular values."""

from __future__ import annotations

import importlib.metadata
import platform

import numpy as np

from ...kernels.linalg import singular_values, unit_rows
from ..evaluation.splits import stratified_sample
from ..graph.data import GraphData
from .content import Correlation, Projection, Spectra
from .map import ITERATIONS, MINIMUM_ROWS, PERPLEXITY, principal_components, tsne

# More points would hide one another, and the time of the map grows with their square.
MAX_POINTS = 3000
MAX_SHOWN_FEATURES = 128
CLUSTERS = 8
_COMPONENTS = 30  # before t-SNE: what is beyond is mostly noise, and distances cost less
_SPECTRUM_WORK = 1e10  # rows * min(rows, D)^2: about a second
_PACKAGES = ("graph-barlow-twins", "tensorflow", "tf-keras", "tensorflow-gnn", "numpy", "scipy")


def correlation(C: np.ndarray) -> Correlation:
    """Reduces C [D, D] to evenly spaced features, with two numbers about all of it."""
    D = len(C)
    shown = np.unique(np.linspace(0, D - 1, min(D, MAX_SHOWN_FEATURES)).round().astype(int))
    diagonal = np.diag(C).astype(np.float64)
    squares = float(np.sum(np.square(C, dtype=np.float64)) - np.sum(diagonal**2))
    rms = np.sqrt(max(squares, 0.0) / max(D * (D - 1), 1))
    return Correlation(C[np.ix_(shown, shown)], shown, D, float(diagonal.mean()), float(rms))


def projection(embeddings: np.ndarray, data: GraphData, seed: int) -> Projection:
    """Places the nodes in the plane, at most MAX_POINTS of them, of every class its share.

    Rows are scaled to length 1, as in the linear probe; then t-SNE on the first principal
    components, or the components themselves where there are too few rows or features.

    Args:
        embeddings: finite floats [N, D].
        data: the graph; its classes become the groups. Without labels, and of multi-label nodes,
            which are in several, k-means finds groups.
        seed: of the sample and of k-means; the same seed gives the same map on one machine.
    """
    N = data.num_nodes
    labels = data.labels if data.num_classes > 0 and not data.is_multilabel else None
    chosen = stratified_sample(
        np.arange(N),
        np.zeros(N, int) if labels is None else labels,
        MAX_POINTS,
        np.random.default_rng(seed),
        at_least=int(data.num_classes < MAX_POINTS),  # one of every class, while there is room
    )
    rows = unit_rows(np.asarray(embeddings[chosen], np.float64))
    components = principal_components(rows, min(_COMPONENTS, rows.shape[1]))
    points, method = components[:, :2], "the first two principal components"
    if points.shape[1] == 1:
        points = np.column_stack([points, np.zeros(len(points), np.float32)])
        method = "the only feature, along one line"
    if len(rows) >= MINIMUM_ROWS and rows.shape[1] > 2 and np.ptp(components) > 1e-6:
        placed = tsne(components)
        if np.isfinite(placed).all():
            points, method = (
                placed,
                (
                    f"t-SNE of the first {components.shape[1]} principal components (perplexity"
                    f" {min(PERPLEXITY, (len(rows) - 1) / 3):.3g}, {ITERATIONS} iterations, started"
                    " from the first two)"
                ),
            )
    if labels is not None:
        groups, names = labels[chosen], data.class_names
    else:
        groups = _clusters(components, seed)
        names = tuple(f"cluster {number + 1}" for number in range(groups.max() + 1))
    ids = [str(one) for one in data.node_ids[chosen]]
    return Projection(points, groups, names, ids, N, method, clustered=labels is None)


def spectra(trained: np.ndarray, untrained: np.ndarray, seed: int) -> Spectra:
    """Singular values of both [N, D], of a sample of rows where all would take long."""
    N, D = trained.shape
    rows = int(max(min(N, _SPECTRUM_WORK / D**2), min(N, _SPECTRUM_WORK ** (1 / 3))))
    chosen = np.sort(np.random.default_rng(seed).choice(N, rows, replace=False))
    return Spectra(singular_values(trained[chosen]), singular_values(untrained[chosen]), rows)


def versions() -> dict[str, str]:
    """Of Python and the packages that the numbers depend on."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not known"
    return found


def _clusters(components: np.ndarray, seed: int) -> np.ndarray:
    """Cluster of each row by k-means; cluster 0 is the largest."""
    from sklearn.cluster import KMeans

    distinct = len(np.unique(components, axis=0))
    model = KMeans(min(CLUSTERS, distinct), n_init=3, random_state=seed)
    groups = model.fit_predict(components)
    order = np.argsort(-np.bincount(groups), kind="stable")
    return np.argsort(order)[groups]
