"""The file with the embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..graph.data import GraphData
from .replace import replacing


def save_embeddings(embeddings: np.ndarray, data: GraphData, path: Path) -> None:
    """Writes ``node_ids`` [N] and ``embeddings`` float32 [N, D], whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, node_ids=data.node_ids, embeddings=embeddings)
