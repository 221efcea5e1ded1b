"""What the F x F Gram matrix of a tall matrix tells, computed in blocks of rows."""

from __future__ import annotations

import numpy as np

from ..graph.adjacency import blocks
from ..graph.data import GraphData

_BLOCK_ROWS = 1 << 14


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
    count = data.num_nodes
    total = np.zeros(data.num_features)
    for block in blocks(count, _BLOCK_ROWS):
        total += data.feature_rows(block).sum(axis=0, dtype=np.float64)
    mean = total / count
    scatter = np.zeros((data.num_features, data.num_features))
    for block in blocks(count, _BLOCK_ROWS):
        centred = data.feature_rows(block) - mean
        scatter += centred.T @ centred
    _, vectors = np.linalg.eigh(scatter)
    basis = vectors[:, ::-1][:, :dim]
    largest = np.abs(basis).argmax(axis=0)
    basis = basis * np.sign(basis[largest, np.arange(dim)])
    reduced = np.empty((count, dim), np.float32)
    for block in blocks(count, _BLOCK_ROWS):
        reduced[block] = (data.feature_rows(block) - mean) @ basis
    return reduced
