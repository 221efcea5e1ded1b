"""Corruptors: Keras layers that turn a graph into a corrupted view of it.

Every corruptor maps a scalar GraphTensor to a GraphTensor with the same spec (`DropEdges`: but for
the number of edges). Its draws are pure functions of a key per call (see `random.KeySource`) and of
the names of the graph's parts, so the stream of a feature does not change when another feature is
added. Auxiliary node and edge sets (named "_...") are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ..kernels import corruption as kernels
from ..kernels.random import derive_key
from .corruption_base import PACKAGE, KeyedLayer, Untracked, is_open
from .corruption_spec import CorruptionSpec, lookup

T = TypeVar("T")


class Corruptor(KeyedLayer, Generic[T]):
    """Corrupts features, each with the parameter that a `CorruptionSpec` names for it.

    Args:
        corruption_spec: which feature gets which parameter.
        corruption_fn: ``(value, parameter) -> value`` for one feature, a dense or ragged tensor.
        default: parameter for all that the spec leaves open.
        seed: integer for a reproducible sequence of draws, None for fresh entropy.
        step_feature: integer context feature that keys the draws, see `random.KeySource`.
        allowed_aux_node_sets_pattern: also corrupt auxiliary node sets that match this pattern.
        allowed_aux_edge_sets_pattern: likewise for edge sets.
        **kwargs: passed on to `tf.keras.layers.Layer`.

    Raises:
        ValueError: if neither ``corruption_spec`` nor ``default`` is given.
    """

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

    def corrupt(self, graph: tfgnn.GraphTensor, key: tf.Tensor) -> tfgnn.GraphTensor:
        """The view of ``graph`` under ``key`` (uint64 scalar)."""
        spec = self._spec.value
        context = self._corrupt_features(
            graph.context, spec.context_corruption, derive_key(key, "context"), "the context"
        )
        node_sets = {
            name: self._corrupt_features(
                node_set,
                spec.for_node_set(name),
                derive_key(key, f"node_set:{name}"),
                f'node set "{name}"',
            )
            for name, node_set in graph.node_sets.items()
            if is_open(name, self._aux_nodes)
        }
        edge_sets = {
            name: self._corrupt_features(
                edge_set,
                spec.for_edge_set(name),
                derive_key(key, f"edge_set:{name}"),
                f'edge set "{name}"',
            )
            for name, edge_set in graph.edge_sets.items()
            if is_open(name, self._aux_edges)
        }
        return graph.replace_features(context=context, node_sets=node_sets, edge_sets=edge_sets)

    def _corrupt_features(self, piece, parameters, key, where):
        result = {}
        for name, value in piece.features.items():
            parameter = lookup(parameters, name, where)
            try:
                result[name] = self.corrupt_feature(value, parameter, derive_key(key, name))
            except (TypeError, ValueError) as error:
                # Keep the type, say where: the operation itself cannot know.
                raise type(error)(f'Feature "{name}" of {where}: {error}') from error
        return result

    def get_config(self):
        """See `tf.keras.layers.Layer`; only for classes that define `corrupt_feature`."""
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


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class ShuffleFeaturesGlobally(Corruptor[float]):
    """Permutes the rows of each feature across all components of the batch, each by itself.

    The parameter is the share of rows to permute, 1 by default. Any dtype, dense and ragged. See
    `Corruptor` for the arguments.
    """

    def __init__(self, corruption_spec=None, *, default: float = 1.0, **kwargs):
        super().__init__(corruption_spec, default=default, **kwargs)

    def corrupt_feature(self, value, parameter, key):
        """See reference.corruption.shuffle_rows."""
        return kernels.shuffle_rows(value, parameter, key)


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class DropoutFeatures(Corruptor[float]):
    """Sets entries to 0 at random and scales the others by ``1 / (1 - rate)``.

    The parameter is the rate, 0 by default. Floating features, dense and ragged. See `Corruptor`
    for the arguments.
    """

    def __init__(self, corruption_spec=None, *, default: float = 0.0, **kwargs):
        super().__init__(corruption_spec, default=default, **kwargs)

    def corrupt_feature(self, value, parameter, key):
        """See reference.corruption.dropout."""
        if parameter == 0:  # the identity for every dtype
            return value
        return kernels.dropout(value, parameter, key)


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class MaskFeatures(Corruptor[float]):
    """Sets whole feature columns to 0, the same ones for all rows; no scaling.

    The parameter is the rate, 0 by default. Dense floating features. See `Corruptor` for the
    arguments. Source: GRACE (Zhu et al. 2020), section 3.2.
    """

    def __init__(self, corruption_spec=None, *, default: float = 0.0, **kwargs):
        super().__init__(corruption_spec, default=default, **kwargs)

    def corrupt_feature(self, value, parameter, key):
        """See reference.corruption.mask_columns."""
        if parameter == 0:  # the identity for every dtype
            return value
        return kernels.mask_columns(value, parameter, key)


@tf.keras.utils.register_keras_serializable(package=PACKAGE)
class Compose(KeyedLayer):
    """Applies corruptors one after the other, each under a key derived from this layer's.

    Args:
        corruptors: corruptor layers of this module; their own seeds are not used.
        seed: integer for a reproducible sequence of draws, None for fresh entropy.
        step_feature: integer context feature that keys the draws, see `random.KeySource`.
        **kwargs: passed on to `tf.keras.layers.Layer`.

    Raises:
        TypeError: if one of the corruptors has no ``corrupt(graph, key)``.
    """

    def __init__(self, corruptors: Sequence[KeyedLayer], **kwargs):
        super().__init__(**kwargs)
        corruptors = [
            tf.keras.utils.deserialize_keras_object(c) if isinstance(c, Mapping) else c
            for c in corruptors
        ]
        for corruptor in corruptors:
            if not isinstance(corruptor, KeyedLayer):
                raise TypeError(f"Compose expects corruptors (got {type(corruptor).__name__})")
        self._corruptors = corruptors

    def corrupt(self, graph: tfgnn.GraphTensor, key: tf.Tensor) -> tfgnn.GraphTensor:
        """The view of ``graph`` under ``key`` (uint64 scalar)."""
        for index, corruptor in enumerate(self._corruptors):
            graph = corruptor.corrupt(graph, derive_key(key, index))
        return graph

    def get_config(self):
        """See `tf.keras.layers.Layer`."""
        serialize = tf.keras.utils.serialize_keras_object
        return {**super().get_config(), "corruptors": [serialize(c) for c in self._corruptors]}
