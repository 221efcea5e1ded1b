"""Embeddings that cost no training, to be measured beside the trained ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from threadpoolctl import threadpool_limits

from ...kernels.linalg import gram_matrix
from ..graph.adjacency import blocks
from ..graph.data import GraphData
from .rows import Matrix

RAW, PCA, UNTRAINED = "raw features", "PCA", "untrained encoder"

_DENSE_ENTRIES = 10**8  # up to here (400 MB) sparse features are made dense for an exact PCA
_BLOCK_ROWS = 1 << 14


def baseline_embeddings(data: GraphData, dim: int, seed: int = 0) -> dict[str, Matrix]:
    """The features themselves, and their principal components.

    Args:
        data: the graph; only its features are used.
        dim: dimension of the PCA, as of the trained embeddings; capped by min(N, F).
        seed: of the randomised solver that scikit-learn takes for large matrices.

    Returns:
        "raw features": [N, F], as they are. "PCA": [N, min(dim, N, F)] float32. Sparse features of
        more than 1e8 entries are reduced without centring (truncated SVD), which stays sparse.
    """
    from sklearn import decomposition

    if dim < 1:
        raise ValueError(f"dim: expected at least 1, got {dim}")
    features: Any = data.features
    dim = min(dim, *features.shape)
    with threadpool_limits(1, user_api="blas"):  # as in run_probe
        if scipy.sparse.issparse(features) and np.prod(features.shape) > _DENSE_ENTRIES:
            reduced = decomposition.TruncatedSVD(dim, random_state=seed).fit_transform(features)
        elif data.is_mapped:
            reduced = pca_in_blocks(data, dim)
        else:
            dense = features.toarray() if scipy.sparse.issparse(features) else features
            reduced = decomposition.PCA(dim, random_state=seed).fit_transform(dense)
    return {RAW: features, PCA: reduced.astype(np.float32)}


def pca_in_blocks(data: GraphData, dim: int) -> np.ndarray:
    """Principal components of the features, without all of them in memory.

    Eigenvectors of the covariance matrix, which is summed up in float64 over blocks of rows; each
    has its largest entry positive.

    Args:
        data: the graph; its features are read three times, in blocks.
        dim: number of components, at most min(N, F).

    Returns:
        float32 [N, dim], the centred features in the basis of the components, largest first.
    """
    parts = list(blocks(data.num_nodes, _BLOCK_ROWS))
    total = sum(data.feature_rows(part).sum(axis=0, dtype=np.float64) for part in parts)
    mean = total / data.num_nodes
    scatter = sum(gram_matrix(data.feature_rows(part) - mean) for part in parts)
    _, vectors = np.linalg.eigh(scatter)
    basis = vectors[:, ::-1][:, :dim]
    largest = np.abs(basis).argmax(axis=0)
    basis = basis * np.sign(basis[largest, np.arange(dim)])
    reduced = np.empty((data.num_nodes, dim), np.float32)
    for part in parts:
        reduced[part] = (data.feature_rows(part) - mean) @ basis
    return reduced
