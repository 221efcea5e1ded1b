"""The recipe of a training: what was given, and what the graph's own statistics choose.

Labels are never looked at. Why the defaults are what they are: docs/theory/recipe.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..config import defaults as default
from ..config.defaults import ADAM, CHANNELS, CLOSED_FORM, GCN, LINEAR, MT_ALBIS, TEMPLATES, WIDE
from ..config.options import PretrainConfig
from ..config.rules import step_option, view_option
from ..encoder.channels.gates import Measured
from ..encoder.channels.plan import channel_weights, measure_gates
from ..encoder.start import are_words, differ_in_scale
from ..graph.data import GraphData, feature_density

# RankMe and the like cost as much as a third of a step on Cora, and change slowly.
METRICS_EVERY_N_STEPS = 10
STEPS_PER_CHECKPOINT = 20  # of a full graph


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a training does, everything decided; see `make_recipe`.

    Names, ranges and meanings are those of `PretrainConfig`. Pairs are of the two views. None
    stands only where an option has no meaning: `hops` of a gcn, `steps` when sampling or without
    steps, `batch_size` and `epochs` on the full graph. The types say Any: nobody reads it then.

    Attributes:
        channels: weight by name, of an encoder of channels.
        measured: what the choice of encoder or channels goes by, where it does.
        scale_features: whether dense columns are divided by their spread: where they need it, and
            the encoder does it.
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
    channels: Mapping[str, float] | None
    measured: Measured | None
    drop_channels: tuple[float, float]
    scale_features: bool
    drop_edges: tuple[float, float]
    mask_features: tuple[float, float]
    drop_entries: tuple[float, float]
    lambda_: float
    projector_units: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, under the keys of `PretrainConfig.to_dict`."""
        values = vars(self) | {"measured": self.measured and dataclasses.asdict(self.measured)}
        return {
            name.rstrip("_"): list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }


def make_recipe(config: PretrainConfig, data: GraphData, width: int | None = None) -> Recipe:
    """Decides what the configuration leaves open.

    Args:
        config: as given.
        data: the graph.
        width: of the representation where the configuration leaves it open.

    Raises:
        InputError: channels that the graph does not have.
    """
    given = {field.name: getattr(config, field.name, None) for field in dataclasses.fields(Recipe)}
    sampled = bool(config.fan_out)
    scaled = config.scale_features and differ_in_scale(data)
    measured: Any = None  # Measured, where the choice goes by it
    encoder = config.encoder or _encoder_asked_for(config, data)
    if encoder is None or (encoder == CHANNELS and not (data.relations or config.channels)):
        measured = measure_gates(data, config.seed, scaled=scaled)
    if encoder is None:
        by_steps = bool(step_option(config) or view_option(config))
        encoder = _encoder_by(measured, data, scaled, by_steps)
    training = config.training or default.TRAINING[encoder]
    if training == CLOSED_FORM and encoder == GCN:
        encoder = LINEAR
    units = config.units or _units(encoder, data, width)
    is_template = encoder in TEMPLATES
    fan_out = config.fan_out
    if is_template and not (fan_out or config.sampling_spec):
        fan_out = default.TEMPLATE_FAN_OUT
    rounds = len(fan_out) or len(default.TEMPLATE_FAN_OUT)
    rounds = rounds if config.hops is None else config.hops
    sampled = sampled or is_template
    edge_rate = default.SAMPLED_EDGE_RATE if sampled else default.EDGE_RATE
    entry_rate = default.TEMPLATE_ENTRY_RATE if is_template else 0.0
    batch_size = default.TEMPLATE_BATCH_SIZE if is_template else default.BATCH_SIZE
    dimension = units[-1] * (rounds + 1) if is_template else units[-1]
    redundancy = default.MT_ALBIS_REDUNDANCY if encoder == MT_ALBIS else 1.0
    defaults = {
        "encoder": encoder,
        "training": training,
        "units": units,
        "hops": rounds if is_template else default.HOPS if encoder in (LINEAR, CHANNELS) else None,
        "steps": None if sampled or training != ADAM else default.STEPS[encoder],
        "batch_size": batch_size if sampled else None,
        "epochs": default.EPOCHS if sampled else None,
        "drop_edges": (edge_rate, edge_rate),
        "mask_features": (_mask_rate(data),) * 2,
        "drop_entries": (entry_rate, entry_rate),
        "drop_channels": (default.RELATION_RATE if data.relations else default.CHANNEL_RATE,) * 2,
        "lambda_": redundancy / (config.projector_units or (dimension,))[-1],
    }
    left = {name: value for name, value in defaults.items() if given[name] is None}
    decided: dict[str, Any] = (
        given | left | {"encoder": encoder, "measured": measured, "channels": None}
    )
    decided["fan_out"] = fan_out
    if config.fan_out and not is_template:  # more than there are would be drawn in vain
        most = max(1, int(data.adjacency.degrees.max(initial=0)))
        decided["fan_out"] = tuple(min(one, most) for one in config.fan_out)
    decided["scale_features"] = scaled and encoder in (LINEAR, CHANNELS)
    if encoder == CHANNELS:
        decided["channels"] = channel_weights(data, config.channels, measured)
    return Recipe(**decided)


def _encoder_asked_for(config: PretrainConfig, data: GraphData) -> str | None:
    """The encoder that options and shape imply; None: the gates are to say.

    Those of a training by steps, and of its views, mean the linear encoder or the gcn.
    """
    if config.hops is not None:
        return LINEAR
    several = config.units is not None and len(config.units) > 1
    if config.fan_out or several:
        return GCN
    if step_option(config) or view_option(config):
        return LINEAR if are_words(data) else None
    if config.channels or data.relations:
        return CHANNELS
    if data.num_features <= default.FEW_FEATURES:  # statistics, of which nothing is trained
        return CHANNELS if config.training == CLOSED_FORM else WIDE
    return None


def _encoder_by(measured: Measured, data: GraphData, scaled: bool, by_steps: bool) -> str:
    """Neighbours that are alike, and any in a training by steps: smoothing; others: channels.

    Smoothing is linear: a vocabulary often has more words than the graph has nodes, and there a
    hidden layer learns the nodes by heart. Only where dense features have drawn the links
    themselves is there more in them than principal directions can say, and the gcn is better, if
    it has nodes enough to learn from; but it takes columns as they are, also where they differ in
    scale. On a few nodes any training by steps learns the nodes of dense features by heart.
    """
    words, are_few = are_words(data), data.num_nodes < default.FEW_NODES
    is_smooth = measured.is_smooth and not scaled and (words or not are_few)
    if not (by_steps or is_smooth):
        return CHANNELS
    drawn_by_features = measured.is_of_the_features and not (words or scaled or are_few)
    return GCN if drawn_by_features else LINEAR


def _units(encoder: str, data: GraphData, width: int | None) -> tuple[int, ...]:
    """The default widths, no more than there are directions."""
    *hidden, last = default.UNITS[encoder]
    if encoder == LINEAR:
        last = min(last, data.num_nodes, data.num_features)
    if encoder == CHANNELS:
        last = min(last, data.num_nodes)
    return (*hidden, width or last)


def _mask_rate(data: GraphData) -> float:
    """`MASK_RATE` for the sparsest features, falling linearly to 0 where two thirds are not zero.

    In a bag of words a masked column touches few nodes; where features are dense it takes something
    from every node, and what a node has in common with its neighbours is worth more than the
    harder task. To three digits.
    """
    return round(default.MASK_RATE * max(0.0, 1 - 1.5 * feature_density(data)), 3)
