"""Runs without steps: of the encoders of channels and of few features. NumPy and SciPy alone."""

from __future__ import annotations

import time

import numpy as np

from ..config.defaults import CHANNELS, CLOSED_FORM
from ..encoder.by_weights import embed_with
from ..encoder.channels.plan import planned
from ..encoder.channels.start import start_channels
from ..encoder.channels.weights import ChannelWeights
from ..encoder.wide.weights import WideWeights, start_wide
from ..graph.data import GraphData
from ..output.folder import OutputFolder
from .channel_dropout import train_channels
from .export import export_weights
from .recipe import Recipe
from .trained import Trained


class DirectRun:
    """The encoder is found at once; a resumed run finds it again.

    Args and attributes: see `full_graph.FullGraphRun`; the weights are `ChannelWeights` or
    `WideWeights`.
    """

    correlation = None  # views are taken in expectation

    def __init__(self, data: GraphData, recipe: Recipe, *, show: bool = False):
        self._data, self._recipe, self._show = data, recipe, show
        self.initial_weights: ChannelWeights | WideWeights
        width = recipe.units[0]
        if recipe.encoder == CHANNELS:
            plans = planned(data, recipe.channels or {}, recipe.hops, scaled=recipe.scale_features)
            self.initial_weights, self._covariance = start_channels(
                data, plans, width, recipe.seed, quiet=not show
            )
        else:
            self.initial_weights = start_wide(data, width, recipe.seed)

    def train(self, folder: OutputFolder | None = None) -> Trained:
        """The trained encoder, at once; nothing is written to the folder."""
        del folder
        start, weights = time.perf_counter(), self.initial_weights
        losses: tuple[float, ...] = ()
        if self._recipe.training == CLOSED_FORM:
            assert isinstance(weights, ChannelWeights)
            weights, losses = train_channels(self._covariance, self._recipe, weights)
        return Trained(weights, {"loss": list(losses)}, time.perf_counter() - start, 0)

    def embed(self, weights: ChannelWeights | WideWeights) -> np.ndarray:
        """Representations of the graph as it is, float32 [N, D]."""
        return embed_with(weights, self._data, quiet=not self._show)

    def export(self, weights: ChannelWeights | WideWeights, folder: OutputFolder) -> None:
        """Writes the SavedModel and the weights beside it; imports TensorFlow."""
        export_weights(self._data, self._recipe, weights, folder)
