"""Which channels a graph has, and what each is made of."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from ...config.defaults import FEW_NODES
from ...errors import InputError
from ...graph.data import GraphData
from ..start import are_words, column_weights, hop_coefficients
from .gates import OWN_WEIGHT, Measured, measure
from .weights import BACK, HOP, LINKS, OUT, OWN, SMOOTH, TWO_HOPS, Channel

# A word counts as seen so many times more than it was, and a bag of words as so many words longer:
# how rare a word is, and how much a node says, is not known from a few. The rows of dense features
# count as a hundred times longer than the mean: next to nothing of their lengths is taken away,
# before they are centred.
PRIOR = 100.0

_WIDE, _NARROW, _NARROWEST = 512, 256, 32  # columns of a channel
# On a few hundred nodes eight hops reach everybody, and what dense features say well of each alone
# is lost.
_MOST_SMOOTHED_OF_FEW = 0.5
_MOST_COLUMNS = 2560  # of all channels together, as far as each has the fewest


@dataclasses.dataclass(frozen=True)
class Planned:
    """A channel to be made.

    Attributes:
        channel: what it looks at.
        weight: length of its rows.
        width: its columns at most.
        coefficients: of the powers of its steps' product.
        is_sharpened: whether columns are scaled by their singular value. Of bags of words alone, of
            which the lesser directions are mostly noise; and not those of neighbours, whose noise
            averages out.
        prior: see `PRIOR`; 0 where only directions of rows count.
        is_scaled: whether dense columns are divided by their spread.
    """

    channel: Channel
    weight: float
    width: int
    coefficients: np.ndarray
    is_sharpened: bool
    prior: float
    is_scaled: bool = False


def measure_gates(data: GraphData, seed: int, *, scaled: bool = False) -> Measured:
    """What the gates of a graph measure; see `Measured`."""
    first, second = (column_weights(data.features, c, scaled=scaled) for c in (1.0, PRIOR))
    return measure(data, (first, second), seed)


def relation_weights(data: GraphData) -> dict[str, float]:
    """The channels of a graph with relations, by name, and their weights.

    The node itself; each relation between nodes forth and back, and the nodes that share a target
    or a source with it; of a relation to something else the nodes that share one.
    """
    names = [OWN]
    for relation in data.relations:
        forth, back = relation.name + OUT, relation.name + BACK
        shared = relation.name + OUT + BACK
        back_and_forth = relation.name + BACK + OUT
        names += [forth, back, shared, back_and_forth] if relation.between_nodes else [shared]
    return {name: OWN_WEIGHT if name == OWN else 1.0 for name in names}


def planned(
    data: GraphData, weights: Mapping[str, float], hops: int, *, scaled: bool = False
) -> list[Planned]:
    """The channels with a weight above 0, in the order given.

    Args:
        data: the graph.
        weights: by name, see `channel_weights`.
        hops: of the smoothed channel.
        scaled: whether dense columns are divided by their spread.
    """
    used = {name: weight for name, weight in weights.items() if weight > 0}
    narrow = sum(name not in (OWN, SMOOTH) for name in used)
    share = max(_NARROWEST, min(_NARROW, (_MOST_COLUMNS - _WIDE) // max(narrow, 1)))
    widths = {name: _WIDE if name in (OWN, SMOOTH) else share for name in used}
    most = min(data.num_nodes, data.num_features)
    words = are_words(data)
    prior = PRIOR * (1 if words else data.num_features)
    return [
        Planned(
            _channel(name),
            weight,
            min(widths[name], most),
            hop_coefficients(hops) if name == SMOOTH else _power(name),
            is_sharpened=words and name in (OWN, SMOOTH),
            prior=0.0 if name == SMOOTH else prior,
            is_scaled=scaled,
        )
        for name, weight in used.items()
    ]


def _power(name: str) -> np.ndarray:
    power = {OWN: 0, TWO_HOPS: 2}.get(name, 1)
    return np.eye(power + 1, dtype=np.float32)[power]


def channel_weights(
    data: GraphData, given: Sequence[str], measured: Measured | None
) -> dict[str, float]:
    """The channels of a graph and their weights.

    Args:
        data: the graph.
        given: ``NAME=WEIGHT``; then these alone.
        measured: of a graph without relations.

    Raises:
        InputError: a channel that the graph does not have, or a weight that is none.
    """
    if not given:
        if data.relations or measured is None:
            return relation_weights(data)
        are_few = data.num_nodes < FEW_NODES and not are_words(data)
        return measured.weights(_MOST_SMOOTHED_OF_FEW if are_few else 1.0)
    known = [OWN, HOP, TWO_HOPS, SMOOTH, *list(relation_weights(data))[1:]]
    weights = {}
    for one in given:
        name, equals, number = one.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not equals or not 0 <= weight < math.inf:
            raise InputError(f"--channels: expected NAME=WEIGHT with a number, got {one!r}")
        if name not in known:
            raise InputError(
                f"--channels: expected one of {', '.join(known)} for {data.name}, got {name!r}"
            )
        weights[name] = weight
    if not any(weights.values()):
        raise InputError("--channels: expected at least one weight above 0")
    return weights


def _channel(name: str) -> Channel:
    links = (LINKS + OUT,)
    if name == OWN:
        return Channel(name)
    if name in (HOP, TWO_HOPS):
        return Channel(name, links)
    if name == SMOOTH:
        return Channel(name, links, loops=True)
    relation = name.rstrip(OUT + BACK)
    steps = tuple(relation + sign for sign in name[len(relation) :])
    return Channel(name, steps, others_only=len(steps) == 2)
