"""Which feature is corrupted how much: specifications with wildcards."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping
from typing import Generic, TypeVar

import tensorflow as tf
import tensorflow_gnn as tfgnn

WILDCARD = "*"

T = TypeVar("T")


@dataclasses.dataclass
class CorruptionSpec(Generic[T]):
    """Corruption parameters per feature; the key "*" stands for every name not listed.

    Attributes:
        node_set_corruption: ``{node set name: {feature name: parameter}}``.
        edge_set_corruption: ``{edge set name: {feature name: parameter}}``.
        context_corruption: ``{feature name: parameter}``.

    Example: everything with parameter 1, except the context feature "id".

        >>> spec = CorruptionSpec(context_corruption={"id": 0.0}).with_default(1.0)
        >>> spec.context_corruption
        {'*': 1.0, 'id': 0.0}
        >>> spec.node_set_corruption
        {'*': {'*': 1.0}}
    """

    node_set_corruption: Mapping[str, Mapping[str, T]] = dataclasses.field(default_factory=dict)
    edge_set_corruption: Mapping[str, Mapping[str, T]] = dataclasses.field(default_factory=dict)
    context_corruption: Mapping[str, T] = dataclasses.field(default_factory=dict)

    def with_default(self, default: T) -> CorruptionSpec[T]:
        """A copy in which ``default`` fills every wildcard that is not set."""

        def filled(sets):
            return {
                WILDCARD: {WILDCARD: default},
                **{name: {WILDCARD: default, **features} for name, features in sets.items()},
            }

        return CorruptionSpec(
            node_set_corruption=filled(self.node_set_corruption),
            edge_set_corruption=filled(self.edge_set_corruption),
            context_corruption={WILDCARD: default, **self.context_corruption},
        )

    def for_node_set(self, name: str) -> Mapping[str, T]:
        """Parameters by feature name for one node set."""
        return self.node_set_corruption.get(name, self.node_set_corruption.get(WILDCARD, {}))

    def for_edge_set(self, name: str) -> Mapping[str, T]:
        """Parameters by feature name for one edge set."""
        return self.edge_set_corruption.get(name, self.edge_set_corruption.get(WILDCARD, {}))

    def check_rates(self) -> None:
        """Every parameter is a probability, for corruptors whose parameters are rates.

        Raises:
            TypeError: if one is not a number; the error names the set and the feature.
            ValueError: if one is not in [0, 1].
        """
        pieces = {"the context": self.context_corruption}
        pieces |= {f'node set "{n}"': f for n, f in self.node_set_corruption.items()}
        pieces |= {f'edge set "{n}"': f for n, f in self.edge_set_corruption.items()}
        for where, features in pieces.items():
            for name, rate in features.items():
                check_rate(rate, f'Feature "{name}" of {where}')

    @tf.autograph.experimental.do_not_convert
    def check_names(self, graph: tfgnn.GraphTensor) -> None:
        """Every node set, edge set and feature that this names exists in the graph.

        A feature under the wildcard for sets has to exist in one of those that the wildcard stands
        for.

        Raises:
            ValueError: naming what is missing, and what there is.
        """
        _check_feature_names(self.context_corruption, {"the context": graph.context}, "the context")
        for kind, sets, pieces in (
            ("node set", self.node_set_corruption, graph.node_sets),
            ("edge set", self.edge_set_corruption, graph.edge_sets),
        ):
            check_set_names(sets, pieces, kind, "The corruption spec")
            for name, features in sets.items():
                if name != WILDCARD:
                    _check_feature_names(features, {name: pieces[name]}, f'{kind} "{name}"')
                    continue
                others = {n: piece for n, piece in pieces.items() if n not in sets}
                _check_feature_names(features, others, f"any other {kind}")

    def to_config(self) -> dict:
        """Plain nested dicts, for serialisation."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: Mapping) -> CorruptionSpec:
        """The inverse of `to_config`."""
        return cls(**config)


def lookup(features: Mapping[str, T], feature_name: str, where: str) -> T:
    """The parameter for one feature: its own, else the wildcard's.

    Raises:
        ValueError: if the specification covers it by neither.
    """
    if feature_name in features:
        return features[feature_name]
    if WILDCARD in features:
        return features[WILDCARD]
    raise ValueError(
        f'The corruption spec has no entry for feature "{feature_name}" of {where}, and no "*".'
    )


def check_rate(rate: object, what: str) -> None:
    """A probability.

    Args:
        rate: the value to check.
        what: what it is the rate of, for the error.

    Raises:
        TypeError: if it is not a number.
        ValueError: if it is not in [0, 1]; NaN is not.
    """
    if isinstance(rate, bool) or not isinstance(rate, numbers.Real):
        raise TypeError(f"{what}: rate should be a number (got {rate!r})")
    if not 0 <= float(rate) <= 1:
        raise ValueError(f"{what}: rate should be in [0, 1] (got {rate})")


def check_set_names(names, pieces: Mapping, kind: str, who: str) -> None:
    """All names but the wildcard are sets of the graph.

    Raises:
        ValueError: otherwise.
    """
    unknown = sorted(set(names) - set(pieces) - {WILDCARD})
    if unknown:
        raise ValueError(
            f"{who} names {kind}s that the graph does not have: {unknown} (it has {sorted(pieces)})"
        )


def _check_feature_names(names, pieces, where):
    existing = {feature for piece in pieces.values() for feature in piece.features}
    unknown = sorted(set(names) - existing - {WILDCARD})
    if unknown:
        raise ValueError(
            f"The corruption spec names features that {where} does not have: {unknown}"
            f" (it has {sorted(existing)})"
        )
