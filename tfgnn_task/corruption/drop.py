"""What the corruptors that drop edges and nodes share."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...kernels.corruption import graph as kernels
from ...kernels.random import derive_key
from .base import KeyedLayer, Untracked, is_open
from .padding import KnownPadding
from .spec import WILDCARD, check_rate, check_set_names
from .structure import Structure, row_count


class Drop(KeyedLayer):
    """Drops each row of the node sets, or edge sets, with a given probability.

    Args:
        rate: one probability for all sets, or ``{set name: probability}``, see the subclasses.
        **kwargs: see `KeyedLayer`.

    Raises:
        TypeError: if a rate is not a number.
        ValueError: if a rate is not in [0, 1]; when called, if a set does not exist.
    """

    # What is dropped: "node" or "edge".
    kind = ""

    def __init__(self, rate: float | Mapping[str, float] = 0.0, **kwargs):
        super().__init__(**kwargs)
        rates = dict(rate) if isinstance(rate, Mapping) else {WILDCARD: rate}
        for name, value in rates.items():
            check_rate(value, f'{self.kind.capitalize()} set "{name}"')
        self._rates = Untracked(rates)

    @tf.autograph.experimental.do_not_convert
    def corrupt_knowing(
        self, graph: tfgnn.GraphTensor, key: tf.Tensor, known: KnownPadding
    ) -> tfgnn.GraphTensor:
        """The view of ``graph`` under ``key`` (uint64 scalar)."""
        rates, who, kind = self._rates.value, type(self).__name__, f"{self.kind} set"
        pieces = graph.node_sets if self.kind == "node" else graph.edge_sets
        check_set_names(rates, pieces, kind, who)
        structure = Structure(graph, self._padding, known.real_components(self._padding))
        dropped = {}
        for name, piece in pieces.items():
            rate = rates.get(name, rates.get(WILDCARD, 0.0))
            if rate == 0 or not is_open(name, None):
                continue
            structure.refuse_removal_under_xla(f'{who} of {kind} "{name}"')
            rows, set_key = row_count(piece), derive_key(key, f"{self.kind}_set:{name}")
            draw = functools.partial(kernels.dropped_rows, set_key, rows, rate)
            drawn, node_set_names = self._drawn(graph, name, rows, draw)
            drawn &= structure.is_real(piece, rows) & structure.can_move(node_set_names)
            dropped[name] = drawn
        if not dropped:
            return graph
        return structure.without(**{f"{self.kind}s": dropped})

    def _drawn(self, graph, name, rows, draw):
        """The rows of one set that may go, and what their going touches.

        Returns:
            ``(bool [rows], names of node sets)``; each of these needs a node in the padding if
            rows are moved there. ``draw`` takes the keywords of `kernels.dropped_rows`.
        """
        raise NotImplementedError

    def get_config(self) -> dict:
        """See `tf.keras.layers.Layer`."""
        return {**super().get_config(), "rate": dict(self._rates.value)}
