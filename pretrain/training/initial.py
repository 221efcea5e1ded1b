"""First weights of the encoders that are trained by steps."""

from __future__ import annotations

import numpy as np

from ..config.defaults import LINEAR
from ..encoder.start import start_weights
from ..encoder.weights import EncoderWeights
from ..graph.data import GraphData
from .recipe import Recipe


def initial_weights(data: GraphData, recipe: Recipe) -> list[np.ndarray]:
    """Of the untrained encoder: equal graphs and seeds, equal weights.

    Returns:
        Float32 arrays in the order of `encoder.weights`, which is that of ``get_weights()``.
    """
    if recipe.encoder == LINEAR:
        return start_weights(
            data, recipe.units[0], recipe.hops, recipe.seed, scaled=recipe.scale_features
        )
    return EncoderWeights.random(data.num_features, recipe.units, recipe.seed).to_list()
