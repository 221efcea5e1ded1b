"""Clustering: whether k-means, which sees no label, finds the classes."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from ..encoder.channels.start import principal_directions
from ..graph.data import LabelledNodes
from .probe import MANY_NODES, check_embeddings, side_by_side
from .rows import Directions, Matrix
from .sampling import stratified_sample
from .splits import MAX_NODES

_COMPACT = 256
STARTS = 10  # of k-means for each seed


@dataclasses.dataclass(frozen=True)
class ClusteringResult:
    """How well clusters and classes agree.

    Attributes:
        nmi: normalised mutual information with the arithmetic mean of the entropies, in [0, 1],
            one value for each seed.
        ari: adjusted Rand index, at most 1, about 0 for clusters at random; one for each seed.
    """

    nmi: tuple[float, ...]
    ari: tuple[float, ...]


def clustering(
    embeddings: Matrix,
    data: LabelledNodes,
    *,
    seeds: int = 10,
    seed: int = 0,
    starts: int = STARTS,
    max_nodes: int = MAX_NODES,
    center: bool = True,
) -> ClusteringResult:
    """k-means with one cluster for each class, on rows scaled to length 1.

    The nodes with known labels are clustered; labels serve to judge alone. At most `max_nodes`
    take part, another stratified sample for each seed.

    Args:
        embeddings: [N, K] finite numbers, dense or CSR.
        data: the graph, with labels.
        seeds: how many clusterings; number i starts from the seed `seed + i`.
        seed: in [0, 2**32 - seeds].
        starts: of k-means for each seed; the one with the smallest sum of squares counts.
        max_nodes: see above.
        center: whether the mean row is subtracted first.

    Raises:
        ValueError: embeddings of another shape or not finite, no known labels or multi-label ones,
            seeds below 1.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    if seeds < 1:
        raise ValueError(f"seeds: expected at least 1, got {seeds}")
    check_embeddings(embeddings, data)
    if data.labels is None or not data.is_known.any():
        raise ValueError(f"{data.name}: clusters are judged by labels, and there are none")
    if data.is_multilabel:
        raise ValueError(f"{data.name}: clusters are judged by one class for each node")
    known, labels = np.flatnonzero(data.is_known), data.labels
    rows = Directions(embeddings, center=center)

    def judged(number: int) -> tuple[float, float]:
        rng = np.random.default_rng([number, 1])
        nodes = stratified_sample(known, labels, max_nodes, rng)
        truth = labels[nodes]
        classes = len(np.unique(truth))
        # Elkan's bounds give the same clusters, of 20,000 nodes in 50 in less than half the time.
        bounds = len(nodes) > MANY_NODES and classes > 1
        means = KMeans(
            classes,
            n_init=starts,
            random_state=number,
            algorithm="elkan" if bounds else "lloyd",
        )
        # Many threads would add in another order in every run; with one, a seed gives one result.
        with threadpool_limits(1, user_api="openmp"):  # a setting of each thread
            found = means.fit_predict(_compact(rows, nodes))
        return normalized_mutual_info_score(truth, found), adjusted_rand_score(truth, found)

    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different rows than classes
        work = rows.width * min(len(known), max_nodes)
        found = side_by_side(judged, range(seed, seed + seeds), work)
    nmi, ari = zip(*found, strict=True)
    return ClusteringResult(tuple(map(float, nmi)), tuple(map(float, ari)))


def _compact(rows: Directions, nodes: np.ndarray) -> np.ndarray:
    """The rows; where they stay sparse, which takes k-means minutes, 256 principal directions."""
    if not rows.stays_sparse:
        return rows[nodes]
    shifted, rng = rows.shifted(nodes), np.random.default_rng(0)
    shape = (len(shifted), rows.width)
    directions, _ = principal_directions(
        shifted.times, shifted.transposed_times, shape, min(_COMPACT, *shape), rng
    )
    return shifted.times(directions)
