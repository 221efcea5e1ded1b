"""Which feature is corrupted how much: specifications with wildcards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Generic, TypeVar

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
