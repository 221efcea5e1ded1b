"""The corruptor of features by a specification, from which those of `corruption` derive.

Every corruptor maps a scalar GraphTensor to a GraphTensor with the same spec (`DropEdges` and
`DropNodes`: but for the number of edges and nodes). Its draws are pure functions of a key per call
(see `keys.KeySource`) and of the names of the graph's parts, so the stream of a feature does not
change when another feature is added. Auxiliary node and edge sets (named "_...") are left alone,
and so are the features that say which step, which node and which padding (``step_feature``,
``node_id_feature``, ``padding``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...kernels.random import derive_key
from .base import KeyedLayer, Untracked, is_open, naming
from .ids import edge_ids, node_ids
from .padding import KnownPadding, real_rows
from .spec import CorruptionSpec, lookup

T = TypeVar("T")


class Rows(NamedTuple):
    """What a corruption needs to know about the rows of a feature.

    Attributes:
        real: how many of them, from the first, are not padding (int32 scalar); None: all.
        ids: integer ``[rows]`` by which they are drawn; None: by their position.
    """

    real: tf.Tensor | None = None
    ids: tf.Tensor | None = None


class Corruptor(KeyedLayer, Generic[T]):
    """Corrupts features, each with the parameter that a `CorruptionSpec` names for it.

    Args:
        corruption_spec: which feature gets which parameter. It can only name what the graph has.
        corruption_fn: ``(value, parameter) -> value`` for one feature, a dense or ragged tensor.
        default: parameter for all that the spec leaves open.
        allowed_aux_node_sets_pattern: also corrupt auxiliary node sets that match this pattern.
        allowed_aux_edge_sets_pattern: the same for edge sets.
        **kwargs: see `KeyedLayer`.

    Raises:
        TypeError, ValueError: if a subclass' parameters are rates and one of them is not a number
            in [0, 1].
        ValueError: if neither ``corruption_spec`` nor ``default`` is given; when called, if the
            spec names a set or feature that the graph does not have.
    """

    # Whether the parameters are probabilities.
    parameters_are_rates = False
    # Whether `corrupt_rows` wants to know which rows are padding.
    looks_for_padding = True

    def __init__(
        self,
        corruption_spec: CorruptionSpec[T] | Mapping | None = None,
        *,
        corruption_fn: Callable[[tfgnn.Field, T], tfgnn.Field] | None = None,
        default: T | None = None,
        allowed_aux_node_sets_pattern: str | None = None,
        allowed_aux_edge_sets_pattern: str | None = None,
        **kwargs,
    ):
        if corruption_spec is None and default is None:
            raise ValueError("At least one of `corruption_spec` or `default` must be set.")
        super().__init__(**kwargs)
        if isinstance(corruption_spec, Mapping):  # from a config
            corruption_spec = CorruptionSpec.from_config(corruption_spec)
        spec = corruption_spec or CorruptionSpec()
        # Under a name that Keras does not track: it would wrap the dicts.
        self._spec = Untracked(spec if default is None else spec.with_default(default))
        if self.parameters_are_rates:
            self._spec.value.check_rates()
        self._default = default
        self._corruption_fn = corruption_fn
        self._aux_nodes = allowed_aux_node_sets_pattern
        self._aux_edges = allowed_aux_edge_sets_pattern

    def corrupt_feature(self, value: tfgnn.Field, parameter: T, key: tf.Tensor) -> tfgnn.Field:
        """Corrupts one feature; subclasses with draws of their own override this."""
        del key
        if self._corruption_fn is None:
            raise ValueError("`corruption_fn` must be set, or `corrupt_feature` overridden.")
        return self._corruption_fn(value, parameter)

    def corrupt_rows(
        self, value: tfgnn.Field, parameter: T, key: tf.Tensor, rows: Rows
    ) -> tfgnn.Field:
        """Corrupts one feature; for corruptions in which padding or node ids make a difference."""
        del rows
        return self.corrupt_feature(value, parameter, key)

    def corrupt_knowing(
        self, graph: tfgnn.GraphTensor, key: tf.Tensor, known: KnownPadding
    ) -> tfgnn.GraphTensor:
        """The view of ``graph`` under ``key`` (uint64 scalar)."""
        spec = self._spec.value
        spec.check_names(graph)
        components = known.real_components(self._padding) if self.looks_for_padding else None

        def corrupt(piece, parameters, part, where, ids, keep):
            parameters = self._effective(piece, parameters, where, keep)
            if not any(map(self._draws, parameters.values())):
                ids = None  # nor does it matter whether there are any
            rows = Rows(real_rows(piece.sizes, components), ids and ids())
            return self._corrupt_features(piece, parameters, derive_key(key, part), where, rows)

        by_id = self._node_id_feature

        def corrupt_sets(kind, pieces, parameters_of, ids_of, aux_pattern, keep):
            return {
                name: corrupt(
                    piece,
                    parameters_of(name),
                    f"{kind}_set:{name}",
                    f'{kind} set "{name}"',
                    by_id and (lambda name=name: ids_of(graph, name, by_id)),
                    keep,
                )
                for name, piece in pieces.items()
                if is_open(name, aux_pattern)
            }

        return graph.replace_features(
            context=corrupt(
                graph.context,
                spec.context_corruption,
                "context",
                "the context",
                None,
                {self._keys.step_feature, self._padding},
            ),
            node_sets=corrupt_sets(
                "node", graph.node_sets, spec.for_node_set, node_ids, self._aux_nodes, {by_id}
            ),
            edge_sets=corrupt_sets(
                "edge", graph.edge_sets, spec.for_edge_set, edge_ids, self._aux_edges, ()
            ),
        )

    def _effective(self, piece, parameters, where, keep):
        """The parameter for each feature that is to be corrupted, without those in ``keep``."""
        result = {}
        for name, value in piece.features.items():
            parameter = lookup(parameters, name, where)
            explicit = name in parameters
            if name in keep:
                if explicit and self._draws(parameter):
                    raise ValueError(
                        f'Feature "{name}" of {where} keys the corruption or marks the padding:'
                        f" it cannot be corrupted itself (the spec says {parameter})"
                    )
            elif explicit or not self._skips(value):
                result[name] = parameter
        return result

    def _draws(self, parameter):
        """Whether something happens at all with this parameter."""
        return not self.parameters_are_rates or parameter > 0

    def _skips(self, value):
        """Whether a parameter that comes from a wildcard leaves this feature alone."""
        del value
        return False

    def _corrupt_features(self, piece, parameters, key, where, rows):
        result = dict(piece.features)
        for name, parameter in parameters.items():
            with naming(f'Feature "{name}" of {where}'):
                result[name] = self.corrupt_rows(
                    result[name], parameter, derive_key(key, name), rows
                )
        return result

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`; not with a corruption_fn, which cannot be serialised."""
        if self._corruption_fn is not None:
            raise NotImplementedError(
                "A Corruptor with a corruption_fn cannot be serialised. Subclass Corruptor and"
                " override corrupt_feature instead."
            )
        return {
            **super().get_config(),
            "corruption_spec": self._spec.value.to_config(),
            "default": self._default,
            "allowed_aux_node_sets_pattern": self._aux_nodes,
            "allowed_aux_edge_sets_pattern": self._aux_edges,
        }
