"""How well an encoder copes with a graph that is not all there: what views in training promise.

A probe is fitted on embeddings of the graph as it is, and asked about test nodes that the same
encoder has embedded from a damaged one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from ...kernels.keys import derive_key
from ..graph.data import GraphData, LabelledNodes
from ..graph.held_out import pair_keys
from .evaluate import Result, evaluate

Encoder = Callable[[GraphData], np.ndarray]  # a graph to [N, D]


@dataclasses.dataclass(frozen=True)
class Damage:
    """What goes missing.

    Attributes:
        name: in tables.
        links: share of the links.
        columns: share of the feature columns, of all nodes.
        entries: share of each node's own entries.
        relation: the name of one that goes as a whole; "": none does.
    """

    name: str
    links: float = 0.0
    columns: float = 0.0
    entries: float = 0.0
    relation: str = ""


DAMAGES = (
    Damage("70 % of the links gone", links=0.7),
    Damage("70 % of the links and half of the columns gone", links=0.7, columns=0.5),
    Damage("70 % of the links and 80 % of each node's entries gone", links=0.7, entries=0.8),
)


def damages_of(data: GraphData) -> list[Damage]:
    """DAMAGES, and of each relation to something else than nodes that it is not known."""
    others = [one.name for one in data.relations if not one.between_nodes]
    return [*DAMAGES, *(Damage(f"{name} unknown", relation=name) for name in others)]


def damaged(data: GraphData, damage: Damage, seed: int) -> GraphData:
    """The graph without what the damage takes; both directions of a link go together.

    Links of relations to something else than nodes are links, too.

    Args:
        data: the graph.
        damage: what goes.
        seed: of the draws; the same seed takes the same from every graph of the same shape.
    """
    rng = np.random.default_rng(derive_key(seed, damage.name))
    features: Any = data.features
    left = rng.random(data.num_features) >= damage.columns
    if data.is_sparse:
        features = scipy.sparse.csr_matrix(features @ scipy.sparse.diags(left.astype(np.float32)))
        features.data = features.data * (rng.random(features.nnz) >= damage.entries)
        features.eliminate_zeros()
    else:
        dense = data.feature_rows(slice(None)) * left
        features = np.where(rng.random(dense.shape) < damage.entries, np.float32(0), dense)
    # Whatever links two nodes goes or stays as a whole; relations may have links of their own.
    between = [data.edge_index, *(one.edge_index for one in data.relations if one.between_nodes)]
    keys = [pair_keys(links, data.num_nodes) for links in between]
    unique = np.unique(np.concatenate(keys))
    kept = unique[rng.random(len(unique)) >= damage.links]
    relations = []
    stays: Any
    for one in data.relations:
        if one.name == damage.relation:
            stays = np.zeros(one.edge_index.shape[1], bool)
        elif one.between_nodes:
            stays = np.isin(pair_keys(one.edge_index, data.num_nodes), kept)
        else:
            stays = rng.random(one.edge_index.shape[1]) >= damage.links
        relations.append(one.with_edges(stays))
    return dataclasses.replace(
        data.with_edges(np.isin(keys[0], kept)), features=features, relations=tuple(relations)
    )


def robustness(
    encoders: Mapping[str, Sequence[Encoder]],
    embeddings: Mapping[str, Sequence[np.ndarray]],
    data: GraphData,
    *,
    nodes: LabelledNodes | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda message: None,
    **probing: Any,
) -> dict[str, dict[str, Result]]:
    """Probes of damaged graphs.

    Args:
        encoders: by name, one for each training seed.
        embeddings: of the graph as it is, by the same names, one for each encoder.
        data: the graph.
        nodes: its nodes with other labels than its own, in its order.
        seed: of damage, and of splits.
        say: is told what comes next.
        **probing: see `evaluate`.

    Returns:
        For each of `damages_of` the graph, by its name, the probes of each encoder.
    """
    found = {}
    for damage in damages_of(data):
        say(f"robustness: {damage.name}")
        graph = damaged(data, damage, seed)
        asked = {name: [encode(graph) for encode in several] for name, several in encoders.items()}
        found[damage.name] = evaluate(
            embeddings, nodes or data, seed=seed, asked=asked, say=say, **probing
        )
    return found
