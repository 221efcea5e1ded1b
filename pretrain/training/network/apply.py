"""A stored encoder of several node sets, applied to the nodes of a network or to samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ...config.shared import GraphOptions
from ...encoder.template.model import Applier
from ...errors import InputError, shown
from ...graph.objects.graph import ObjectGraph
from .inputs import asked_network
from .sources import FileSource, MemorySource

_BATCH = 512


def embed_network(
    applier: Applier, options: GraphOptions, graph: ObjectGraph, *, quiet: bool = True
) -> np.ndarray:
    """Representations of the target's nodes, float32 [N, D], in the order of the graph's.

    Args:
        applier: of `output.template.read_template`.
        options: which data set was asked for.
        graph: what `asked_graph` has read of it.
        quiet: no progress bar.

    Raises:
        InputError: a network that is not of the encoder's schema, or representations that are not
            finite.
    """
    template = applier.template
    source: MemorySource | FileSource
    if graph.samples is not None:
        check_schema(template, graph.samples.schema, graph.data.name)
        source = FileSource(graph.samples.files, graph.data.num_nodes, template.seed)
    else:
        network = asked_network(options, graph.data, template.target)
        check_schema(template, network.schema, graph.data.name)
        if template.plan is None:
            raise InputError(
                f"{graph.data.name}: the encoder was trained on samples, and knows no fan-out: give"
                " --dataset samples:PATTERN, drawn as those were"
            )
        source = MemorySource(network, template.plan, template.seed)
    embeddings = embed_roots(applier, source, _BATCH, quiet=quiet)
    if not np.isfinite(embeddings).all():
        raise InputError(f"{graph.data.name}: the representations are not finite")
    return embeddings


def embed_roots(
    applier: Applier, source: MemorySource | FileSource, most: int, *, quiet: bool
) -> np.ndarray:
    """Representations of all roots in their order, float32 [N, D].

    Args:
        applier: of the encoder.
        source: of subgraphs.
        most: so many roots at a time.
        quiet: no progress bar.
    """
    found = np.empty((source.num_roots, applier.template.dimension), np.float32)
    batch = min(most, source.num_roots)
    with tqdm(total=source.num_roots, desc="embed", disable=quiet, unit="node") as progress:
        for start, graph in source.roots(batch, applier.template.spec):
            part = applier.of_graph(graph)
            found[start : start + len(part)] = part
            progress.update(start + len(part) - progress.n)
    return found


def check_schema(template: Any, schema: Any, name: str) -> None:
    """Raises InputError unless the schema has the sets and features that the encoder reads."""
    for node_set, columns in template.columns.items():
        if node_set not in schema.node_sets:
            raise InputError(f"{name}: expected a node set {shown(node_set)}, as in the training")
        there, before = schema.node_sets[node_set].features, template.schema.node_sets[node_set]
        for one in columns:
            if one.name not in there:
                raise InputError(
                    f"{name}: node set {shown(node_set)}: expected a feature {shown(one.name)}, as"
                    " in the training"
                )
            dtypes = [
                tf.dtypes.as_dtype(of[one.name].dtype).name for of in (there, before.features)
            ]
            if dtypes[0] != dtypes[1]:
                raise InputError(
                    f"{name}: node set {shown(node_set)}, feature {shown(one.name)}: expected"
                    f" {dtypes[1]}, as in the training, got {dtypes[0]}"
                )
    for edge_set, one in sorted(template.schema.edge_sets.items()):
        here = schema.edge_sets.get(edge_set)
        if here is None or (here.source, here.target) != (one.source, one.target):
            raise InputError(
                f"{name}: expected an edge set {shown(edge_set)} from {one.source} to {one.target},"
                " as in the training"
            )
