"""What is computed for the report alone: C of two views, a map of the nodes, singular values."""

from __future__ import annotations

import importlib.metadata
import platform

import numpy as np

from ...kernels.linalg import unit_rows
from ..graph.data import GraphData
from .content import Correlation, Projection, Spectrum
from .map import ITERATIONS, MINIMUM_ROWS, PERPLEXITY, principal_components, tsne

# More points would hide one another, and the time of the map grows with their square.
MAX_POINTS = 3000
MAX_SHOWN_FEATURES = 128
CLUSTERS = 8
_COMPONENTS = 30  # before t-SNE: what is beyond is mostly noise, and distances cost less
_SPECTRUM_WORK = 1e10  # rows * min(rows, D)^2: about a second
_PACKAGES = ("graph-barlow-twins", "tensorflow", "tf-keras", "tensorflow-gnn", "numpy", "scipy")


def view_correlation(encoder, task, graph, step: int = 0) -> np.ndarray:
    """The cross-correlation of the encoder's representations of two corrupted views.

    Args:
        encoder: graph to graph.
        task: of `training.make_task`, with a pair of corruptors.
        graph: the full graph.
        step: whose draws the views use; two encoders see the same views at the same step.

    Returns:
        C, float32 [D, D]; row i belongs to feature i of the first view. Of the representations:
        a projector, if the task has one, is not applied.
    """
    import tensorflow as tf
    import tensorflow_gnn as tfgnn

    from ...reference.loss import cross_correlation
    from ..encoder.apply import embed
    from ..graph.tensor import with_step

    (_, *views), _ = task.preprocess(with_step(graph, tf.constant(step, tf.int64)))
    representations = []
    for view in views:
        # The encoder's graphs have no step.
        features = {name: view.context[name] for name in graph.context.features}
        plain = tfgnn.GraphTensor.from_pieces(
            context=tfgnn.Context.from_fields(features=features),
            node_sets=dict(view.node_sets),
            edge_sets=dict(view.edge_sets),
        )
        representations.append(embed(encoder, plain))
    return cross_correlation(*representations).astype(np.float32)


def correlation(C: np.ndarray) -> Correlation:
    """Reduces C [D, D] to evenly spaced features, with two numbers about all of it."""
    D = len(C)
    shown = np.unique(np.linspace(0, D - 1, min(D, MAX_SHOWN_FEATURES)).round().astype(int))
    diagonal = np.diag(C).astype(np.float64)
    squares = float(np.sum(np.square(C, dtype=np.float64)) - np.sum(diagonal**2))
    rms = np.sqrt(max(squares, 0.0) / max(D * (D - 1), 1))
    return Correlation(C[np.ix_(shown, shown)], shown, D, float(diagonal.mean()), float(rms))


def projection(embeddings: np.ndarray, data: GraphData, seed: int) -> Projection:
    """Places the nodes in the plane, at most MAX_POINTS of them.

    Rows are scaled to length 1, as in the linear probe; then t-SNE on the first principal
    components, or the components themselves where there are too few rows or features.

    Args:
        embeddings: finite floats [N, D].
        data: the graph; its labels become the groups. Without labels k-means finds groups.
        seed: of the sample and of k-means; the same seed gives the same map on one machine.
    """
    N = data.num_nodes
    has_labels = data.labels is not None and data.num_classes > 0
    chosen = _sample(data.labels if has_labels else None, N, seed)
    rows = unit_rows(np.asarray(embeddings[chosen], np.float64))
    components = principal_components(rows, min(_COMPONENTS, rows.shape[1]))
    points = None
    if len(rows) >= MINIMUM_ROWS and rows.shape[1] > 2 and np.ptp(components) > 1e-6:
        points = tsne(components)
    if points is not None and np.isfinite(points).all():
        method = (
            f"t-SNE of the first {components.shape[1]} principal components (perplexity"
            f" {min(PERPLEXITY, (len(rows) - 1) / 3):.3g}, {ITERATIONS} iterations, started from"
            " the first two)"
        )
    else:
        points = components[:, :2]
        method = "the first two principal components"
        if points.shape[1] == 1:
            points = np.column_stack([points, np.zeros(len(points), np.float32)])
            method = "the only feature, along one line"
    if has_labels:
        groups, names = data.labels[chosen], data.class_names
    else:
        groups = _clusters(components, seed)
        names = tuple(f"cluster {number + 1}" for number in range(groups.max() + 1))
    ids = [str(one) for one in data.node_ids[chosen]]
    return Projection(points, groups, names, ids, N, method, clustered=not has_labels)


def spectrum(trained: np.ndarray, untrained: np.ndarray, seed: int) -> Spectrum:
    """Singular values of both [N, D], of a sample of rows where all would take long."""
    N, D = trained.shape
    rows = int(max(min(N, _SPECTRUM_WORK / D**2), min(N, _SPECTRUM_WORK ** (1 / 3))))
    chosen = np.sort(np.random.default_rng(seed).choice(N, rows, replace=False))
    return Spectrum(*(_singular_values(one[chosen]) for one in (trained, untrained)), rows)


def versions() -> dict[str, str]:
    """Of Python and the packages that the numbers depend on."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not known"
    return found


def _sample(labels: np.ndarray | None, N: int, seed: int) -> np.ndarray:
    """Ascending nodes, of every class its share (at least one node while there is room)."""
    if N <= MAX_POINTS:
        return np.arange(N)
    rng = np.random.default_rng(seed)
    if labels is None:
        return np.sort(rng.choice(N, MAX_POINTS, replace=False))
    # In random order within each class; a node's place in its class, relative to the class's size,
    # makes every prefix stratified.
    order = rng.permutation(N)
    order = order[np.argsort(labels[order], kind="stable")]
    _, first, counts = np.unique(labels[order], return_index=True, return_counts=True)
    place = np.arange(N) - np.repeat(first, counts)
    priority = place / np.repeat(counts, counts)
    return np.sort(order[np.argsort(priority, kind="stable")[:MAX_POINTS]])


def _clusters(components: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    distinct = len(np.unique(components, axis=0))
    model = KMeans(min(CLUSTERS, distinct), n_init=3, random_state=seed)
    groups = model.fit_predict(components)
    # Cluster 1 is the largest.
    order = np.argsort(-np.bincount(groups), kind="stable")
    return np.argsort(order)[groups]


def _singular_values(X: np.ndarray) -> np.ndarray:
    X = np.asarray(X, np.float64)
    if len(X) > X.shape[1]:  # those of the triangle, without the long orthogonal factor
        X = np.linalg.qr(X, mode="r")
    return np.linalg.svd(X, compute_uv=False)
