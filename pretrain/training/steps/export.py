"""Export of an encoder that was trained by steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...encoder.weights import ENCODER_WEIGHTS
from ...graph.data import GraphData
from ...graph.tensor import plain_spec
from ...output.export import export_model
from ...output.folder import OutputFolder
from ..recipe import Recipe
from .build import make_encoder


def export_keras(
    data: GraphData, recipe: Recipe, weights: Sequence[np.ndarray], folder: OutputFolder
) -> None:
    """Writes the recipe's encoder with these weights, for graphs in the plain form."""
    spec = plain_spec(data)
    encoder = make_encoder(spec, recipe)
    encoder.set_weights(weights)
    export_model(encoder, ENCODER_WEIGHTS[recipe.encoder].from_list(weights), spec, folder)
