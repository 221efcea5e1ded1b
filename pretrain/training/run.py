"""Training and embedding, of a full graph at once or of a large one by sampling: one interface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..config.options import PretrainConfig
from ..encoder.blockwise import EncoderWeights, embed_in_blocks
from ..graph.adjacency import adjacency_of
from ..graph.data import GraphData
from ..graph.tensor import graph_tensor_from_data, relaxed_spec
from ..output.export import embed
from ..output.folder import OutputFolder
from ..report.data import view_correlation
from .full_graph import Trained, initial_weights, make_encoder, make_task, train
from .recipe import with_defaults
from .sampled import train_sampled

Weights = Sequence[np.ndarray]  # of an encoder, in the order of `make_encoder(...).get_weights()`


class FullGraphRun:
    """Every step takes the full graph.

    Attributes:
        initial_weights: of the untrained encoder.
    """

    def __init__(self, data: GraphData, config: PretrainConfig):
        self._config = config
        self._graph = graph_tensor_from_data(data)
        self._encoder = make_encoder(relaxed_spec(self._graph), config, compiled=True)
        self.initial_weights: Weights = initial_weights(data, config)

    def train(self, folder: OutputFolder) -> Trained:
        """See `training.train`."""
        return train(self._graph, self.initial_weights, self._config, folder)

    def embed(self, weights: Weights) -> np.ndarray:
        """Representations of the graph as it is, float32 [N, D]."""
        return embed(self._encoder_with(weights), self._graph)

    def correlation(self, weights: Weights) -> np.ndarray:
        """Cross-correlation of two views, [D, D]; see `view_correlation`."""
        return view_correlation(self._encoder_with(weights), make_task(self._config), self._graph)

    def _encoder_with(self, weights: Weights):
        self._encoder.set_weights(weights)
        return self._encoder


class SampledRun:
    """Every step takes sampled subgraphs; representations are those of the full graph all the same.

    Attributes: see `FullGraphRun`.
    """

    correlation = None  # there are no two views of all nodes

    def __init__(self, data: GraphData, config: PretrainConfig):
        self._data, self._config = data, config
        self._adjacency = adjacency_of(data.edge_index, data.num_nodes)
        self.initial_weights: Weights = initial_weights(data, config)

    def train(self, folder: OutputFolder) -> Trained:
        """See `training_sampled.train_sampled`."""
        return train_sampled(
            self._data, self._adjacency, self.initial_weights, self._config, folder
        )

    def embed(self, weights: Weights) -> np.ndarray:
        """Representations of the graph as it is, float32 [N, D]."""
        return embed_in_blocks(
            EncoderWeights.from_list(weights),
            self._data,
            adjacency=self._adjacency,
            quiet=self._config.quiet,
        )


def make_run(
    data: GraphData, config: PretrainConfig, *, show: bool = True
) -> FullGraphRun | SampledRun:
    """What the configuration asks for, and the defaults where it asks for nothing."""
    config = with_defaults(config, data)
    return (SampledRun if config.fan_out else FullGraphRun)(data, config)
