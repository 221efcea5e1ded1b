"""What the default recipe derives from a graph's own statistics; labels are never looked at."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse

from .config import PretrainConfig
from .graph_data import GraphData

_SAMPLED_ROWS = 20_000


def feature_density(data: GraphData) -> float:
    """Share of the feature entries that are not zero, in [0, 1].

    Of dense features with more rows than 20,000, so many are looked at, at equal distances.
    """
    features = data.features
    if scipy.sparse.issparse(features):
        return features.nnz / (data.num_nodes * data.num_features)
    rows = np.linspace(0, data.num_nodes - 1, min(data.num_nodes, _SAMPLED_ROWS)).astype(np.int64)
    sample = features if len(rows) == data.num_nodes else data.feature_rows(rows)
    return np.count_nonzero(sample) / sample.size


def default_mask_rate(data: GraphData) -> float:
    """0.2 for the sparsest features, falling linearly to 0 where two thirds are not zero.

    In a bag of words a masked column touches few nodes; where features are dense it takes something
    from every node, and what a node has in common with its neighbours is worth more than the
    harder task (docs/recipe.md). To three digits.
    """
    return round(0.2 * max(0.0, 1 - 1.5 * feature_density(data)), 3)


def default_edge_rate(config: PretrainConfig) -> float:
    """0.7 of the full graph's edges; 0.3 of sampled ones, of which few are left to begin with."""
    return 0.3 if config.fan_out else 0.7


def with_default_rates(config: PretrainConfig, data: GraphData) -> PretrainConfig:
    """The configuration with numbers in place of the rates that were left to the graph."""
    rates = {
        "drop_edges": default_edge_rate(config),
        "mask_features": default_mask_rate(data),
    }
    left = {name: (rate, rate) for name, rate in rates.items() if getattr(config, name) is None}
    return dataclasses.replace(config, **left)
