"""What the default recipe derives from a graph's own statistics; labels are never looked at."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse

from ..config import defaults as default
from ..config.defaults import GCN, LINEAR
from ..config.options import PretrainConfig
from ..graph.data import GraphData

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
    return round(default.MASK_RATE * max(0.0, 1 - 1.5 * feature_density(data)), 3)


def default_edge_rate(config: PretrainConfig) -> float:
    """0.7 of the full graph's edges; 0.3 of sampled ones, of which few are left to begin with."""
    return default.SAMPLED_EDGE_RATE if config.fan_out else default.EDGE_RATE


def default_encoder(config: PretrainConfig, data: GraphData) -> str:
    """Linear for bags of words on a full graph, unless several layers are asked for; with `hops`.

    A vocabulary often has more words than the graph has nodes. There a hidden layer learns the
    nodes by heart: on such graphs the linear encoder was 1 to 6 points better in the linear probe
    (docs/recipe.md).
    """
    if config.hops is not None:
        return LINEAR
    several = config.units is not None and len(config.units) > 1
    if config.fan_out or several or feature_density(data) > default.WORDS_DENSITY:
        return GCN
    return LINEAR


def default_units(encoder: str, data: GraphData, width: int | None = None) -> tuple[int, ...]:
    """512 and 256; of the linear encoder 512, or min(N, F) directions where that is less.

    Args:
        encoder: "linear" or "gcn".
        data: the graph.
        width: of the representation, in place of the default.
    """
    *hidden, last = default.UNITS[encoder]
    if width is None:
        width = min(last, data.num_nodes, data.num_features) if encoder == LINEAR else last
    return (*hidden, width)


def with_defaults(
    config: PretrainConfig, data: GraphData, *, width: int | None = None
) -> PretrainConfig:
    """The configuration with values in place of what was left to the graph.

    Args:
        config: as given.
        data: the graph.
        width: of the representation where the configuration leaves it open.
    """
    encoder = config.encoder or default_encoder(config, data)
    defaults = {
        "encoder": encoder,
        "units": default_units(encoder, data, width),
        "drop_edges": (default_edge_rate(config),) * 2,
        "mask_features": (default_mask_rate(data),) * 2,
    }
    if not config.fan_out:
        defaults["steps"] = default.STEPS[encoder]
    if encoder == LINEAR:
        defaults["hops"] = default.HOPS
    defaults["lambda_"] = 1 / (config.projector_units or config.units or defaults["units"])[-1]
    left = {name: one for name, one in defaults.items() if getattr(config, name) is None}
    return dataclasses.replace(config, **left)


class Recipe(PretrainConfig):
    """Stands in for the recipe until the merge."""

    def to_dict(self):
        """Without what says how to run."""
        left_out = ("output", "overwrite", "resume", "quiet", "data_dir")
        return {key: one for key, one in super().to_dict().items() if key not in left_out}


def make_recipe(config, data, width=None):
    """Stands in for the recipe until the merge."""
    resolved = with_defaults(config, data, width=width)
    return Recipe(**{f.name: getattr(resolved, f.name) for f in dataclasses.fields(resolved)})
