"""The encoders by name: initial states, rounds of messages, all states of a node together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_gnn as tfgnn

from ...config.defaults import GRAPH_SAGE, HEADS, HGT, MT_ALBIS
from ...graph.objects.column import Column
from .inputs import input_sizes
from .layers import FirstNodes, initial_states
from .within import WithinHops


def build_template(
    spec: tfgnn.GraphTensorSpec,
    columns: Mapping[str, Sequence[Column]],
    *,
    encoder: str,
    units: int,
    rounds: int,
    target: str,
) -> tf.keras.Model:
    """From graphs with an encoder's input to their roots with hidden states.

    Messages go against the edges, which lead away from the root: to their source. The state of a
    root is what it was at the start and after each round, side by side, [B, (rounds + 1) * units]:
    the probes of Xu et al. 2018, "Representation learning on graphs with jumping knowledge
    networks", https://arxiv.org/abs/1806.03536, find more in it than in the last one.

    Args:
        spec: of the graphs, scalar, see `inputs.EncodeFeatures`.
        columns: by node set.
        encoder: "mt_albis", "graph_sage" or "hgt", of tensorflow_gnn.models.
        units: width of the states.
        rounds: of message passing.
        target: node set of the roots.
    """
    graph = inputs = tf.keras.Input(type_spec=_sorted(spec))
    graph = initial_states(input_sizes(columns), units)(graph)
    states = [FirstNodes(target)(graph)]
    for done in range(rounds):
        if done:  # what is farther away no longer reaches the root
            graph = WithinHops(rounds - done, target)(graph)
        graph = _UPDATES[encoder](units, f"round_{done + 1}")(graph)
        states.append(FirstNodes(target)(graph))
    joined = tf.keras.layers.Concatenate()(states)
    graph = WithinHops(0, target)(graph)
    graph = graph.replace_features(node_sets={target: {tfgnn.HIDDEN_STATE: joined}})
    return tf.keras.Model(inputs, graph, name=encoder)


def _sorted(spec: tfgnn.GraphTensorSpec) -> tfgnn.GraphTensorSpec:
    """With its sets in the order of their names.

    That of a schema is another one in each process, and layers draw and list their weights by it.
    """
    return tfgnn.GraphTensorSpec.from_piece_specs(
        context_spec=spec.context_spec,
        node_sets_spec=dict(sorted(spec.node_sets_spec.items())),
        edge_sets_spec=dict(sorted(spec.edge_sets_spec.items())),
    )


def _mt_albis(units: int, name: str) -> tf.keras.layers.Layer:
    from tensorflow_gnn.models import mt_albis

    del name  # it takes none

    # A message says what its sender is, and those of each edge set stay apart: `start_layers`.
    return mt_albis.MtAlbisGraphUpdate(
        units=units,
        message_dim=units,
        receiver_tag=tfgnn.SOURCE,
        simple_conv_use_receiver_state=False,
        edge_set_combine_type="concat",
    )


def _graph_sage(units: int, name: str) -> tf.keras.layers.Layer:
    from tensorflow_gnn.models import graph_sage

    return graph_sage.GraphSAGEGraphUpdate(
        units=units, receiver_tag=tfgnn.SOURCE, use_pooling=False, l2_normalize=False, name=name
    )


def _hgt(units: int, name: str) -> tf.keras.layers.Layer:
    from tensorflow_gnn.models import hgt

    return hgt.HGTGraphUpdate(
        num_heads=HEADS, per_head_channels=units // HEADS, receiver_tag=tfgnn.SOURCE, name=name
    )


_UPDATES: dict[str, Callable[[int, str], Any]] = {
    MT_ALBIS: _mt_albis,
    GRAPH_SAGE: _graph_sage,
    HGT: _hgt,
}
