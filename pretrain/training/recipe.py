"""The recipe of a training: what was given, and what the graph's own statistics choose.

Labels are never looked at. Why the defaults are what they are: docs/recipe.md.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ..config import defaults as default
from ..config.defaults import ADAM, CLOSED_FORM, GCN, LINEAR
from ..config.options import PretrainConfig
from ..graph.data import GraphData, feature_density


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a training does, everything decided; see `make_recipe`.

    Names, ranges and meanings are those of `PretrainConfig`. Pairs are of the two views. None
    stands only where an option has no meaning: `hops` of a gcn, `steps` when sampling or without
    steps, `batch_size` and `epochs` on the full graph. The types say Any: nobody reads it then.
    """

    seed: int
    training: str
    steps: int | Any
    fan_out: tuple[int, ...]
    batch_size: int | Any
    epochs: int | Any
    learning_rate: float
    warmup_steps: int
    schedule: str
    early_stopping: str
    patience: int
    weight_decay: float
    encoder: str
    units: tuple[int, ...]
    hops: int | Any
    drop_edges: tuple[float, float]
    mask_features: tuple[float, float]
    drop_entries: tuple[float, float]
    lambda_: float
    projector_units: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, under the keys of `PretrainConfig.to_dict`."""
        return {
            name.rstrip("_"): list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
        }


def make_recipe(config: PretrainConfig, data: GraphData, width: int | None = None) -> Recipe:
    """Decides what the configuration leaves open.

    Args:
        config: as given.
        data: the graph.
        width: of the representation where the configuration leaves it open.
    """
    given = {field.name: getattr(config, field.name) for field in dataclasses.fields(Recipe)}
    sampled = bool(config.fan_out)
    encoder = config.encoder or _encoder(config, data)
    units = config.units or _units(encoder, data, width)
    edge_rate = default.SAMPLED_EDGE_RATE if sampled else default.EDGE_RATE
    defaults = {
        "encoder": encoder,
        "units": units,
        "hops": default.HOPS if encoder == LINEAR else None,
        "steps": None if sampled or config.training != ADAM else default.STEPS[encoder],
        "batch_size": default.BATCH_SIZE if sampled else None,
        "epochs": default.EPOCHS if sampled else None,
        "drop_edges": (edge_rate, edge_rate),
        "mask_features": (_mask_rate(data),) * 2,
        "lambda_": 1 / (config.projector_units or units)[-1],
    }
    left = {name: value for name, value in defaults.items() if given[name] is None}
    return Recipe(**(given | left))


def _encoder(config: PretrainConfig, data: GraphData) -> str:
    """Linear for bags of words on a full graph, unless several layers are asked for; with `hops`.

    A vocabulary often has more words than the graph has nodes. There a hidden layer learns the
    nodes by heart: on such graphs the linear encoder was 1 to 6 points better in the linear probe.
    """
    if config.hops is not None or config.training == CLOSED_FORM:
        return LINEAR
    several = config.units is not None and len(config.units) > 1
    if config.fan_out or several or feature_density(data) > default.WORDS_DENSITY:
        return GCN
    return LINEAR


def _units(encoder: str, data: GraphData, width: int | None) -> tuple[int, ...]:
    """The default widths; the linear encoder has no more than min(N, F) directions."""
    *hidden, last = default.UNITS[encoder]
    if encoder == LINEAR:
        last = min(last, data.num_nodes, data.num_features)
    return (*hidden, width or last)


def _mask_rate(data: GraphData) -> float:
    """`MASK_RATE` for the sparsest features, falling linearly to 0 where two thirds are not zero.

    In a bag of words a masked column touches few nodes; where features are dense it takes something
    from every node, and what a node has in common with its neighbours is worth more than the
    harder task. To three digits.
    """
    return round(default.MASK_RATE * max(0.0, 1 - 1.5 * feature_density(data)), 3)
