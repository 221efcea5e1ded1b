"""An encoder of which the numbers are at hand, applied to a graph; no TensorFlow."""

from __future__ import annotations

import numpy as np

from ..graph.data import GraphData
from .blockwise import embed_in_blocks
from .channels.apply import embed_channels
from .channels.weights import ChannelWeights
from .weights import AnyWeights
from .wide.weights import WideWeights, embed_wide


def embed_with(weights: AnyWeights, data: GraphData, *, quiet: bool = True) -> np.ndarray:
    """Representations of the graph as it is, float32 [N, D].

    Args:
        weights: for as many features as the graph has.
        data: the graph, with the relations that an encoder of channels names.
        quiet: no progress bar.
    """
    if isinstance(weights, ChannelWeights):
        return embed_channels(weights, data, quiet=quiet)
    if isinstance(weights, WideWeights):
        return embed_wide(weights, data)
    return embed_in_blocks(weights, data, quiet=quiet)
