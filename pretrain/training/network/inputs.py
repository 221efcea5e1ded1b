"""From options to an encoder of several node sets and the subgraphs that it is trained on."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from ...config.options import PretrainConfig
from ...config.shared import GraphOptions
from ...encoder.template.model import Template
from ...errors import InputError, shown
from ...graph.data import GraphData
from ...graph.schema.samples import Samples
from ...sampling.network import Network, columns_of, network_of, read_network
from ...sampling.plan import plan_by_fan_out, plan_from_file
from ...sampling.rows import Rows, rows_in
from ..recipe import Recipe
from .sources import FileSource, MemorySource


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkInputs:
    """What `NetworkRun` takes.

    Attributes:
        template: the encoder.
        source: of subgraphs.
        told: about node sets and edge sets, lines for a log.
        features: by node set, `Rows` by name, of its nodes, or of many of them.
    """

    template: Template
    source: MemorySource | FileSource
    told: tuple[str, ...]
    features: Mapping[str, Mapping[str, Rows]]


def network_inputs(
    config: PretrainConfig, recipe: Recipe, data: GraphData, samples: Samples | None = None
) -> NetworkInputs:
    """Reads all node sets and edge sets, and plans the sampling.

    Args:
        config: whose data set is asked for.
        recipe: of an encoder of TF-GNN.
        data: the target's nodes.
        samples: subgraphs in files, where the data set is such.

    Raises:
        InputError: see `read_network`, `plan_from_file`.
    """
    if samples is not None:
        if config.fan_out or config.sampling_spec:
            given = "--fan-out" if config.fan_out else "--sampling-spec"
            raise InputError(f"{given} has no meaning for samples: they have been drawn")
        columns = {
            name: columns_of(table, samples.label if name == samples.target else None, name)
            for name, table in samples.tables.items()
        }
        template = _template(recipe, samples.target, columns, samples.schema, None)
        source = FileSource(samples.files, data.num_nodes, recipe.seed)
        features = {name: rows_in(table) for name, table in samples.tables.items()}
        return NetworkInputs(template, source, _told(columns), features)
    network = asked_network(config, data, config.target)
    if config.sampling_spec is not None:
        plan = plan_from_file(config.sampling_spec, network.kinds)
        if plan.node_set != network.target:
            raise InputError(
                f"--sampling-spec: {config.sampling_spec} starts from {shown(plan.node_set)}, but"
                f" --target is {shown(network.target)}"
            )
    else:
        plan = plan_by_fan_out(network.kinds, network.target, recipe.fan_out)
    columns = {name: one.columns for name, one in network.node_sets.items()}
    template = _template(recipe, network.target, columns, network.schema, plan)
    features = {
        name: {key: rows for key, rows in one.features.items() if isinstance(rows, Rows)}
        for name, one in network.node_sets.items()
    }
    sampled = MemorySource(network, plan, recipe.seed)
    return NetworkInputs(template, sampled, (*_sizes(network), *_told(columns)), features)


def asked_network(options: GraphOptions, data: GraphData, target: str | None) -> Network:
    """All node sets of the schema that a command is asked for; of another graph, its nodes.

    Args:
        options: of the command.
        data: what `asked_graph` has read.
        target: the node set whose embeddings are wanted; see `read_network`.

    Raises:
        InputError: see `read_network`.
    """
    kind, _, path = (options.dataset or "").partition(":")
    if kind == "tfgnn" and options.edges is None:
        return read_network(os.path.expanduser(path), target, options.label)
    return network_of(data)


def _template(recipe: Recipe, target: str, columns: Any, schema: Any, plan: Any) -> Template:
    return Template(
        recipe.encoder, recipe.units[0], recipe.hops, target, columns, schema, plan, recipe.seed
    )


def _sizes(network: Network) -> list[str]:
    nodes = ", ".join(f"{name} {len(one.ids):,}" for name, one in network.node_sets.items())
    edges = ", ".join(f"{name} {one.shape[1]:,}" for name, one in network.links.items())
    return [f"node sets: {nodes}", f"edge sets, each in both directions: {edges}"]


def _told(columns: Any) -> tuple[str, ...]:
    found = []
    for name, of_set in columns.items():
        what = ", ".join(f"{one.name} ({one.kind} of {one.width:,})" for one in of_set)
        found.append(f"initial states of {name}: {what or 'one, learnt'}")
    return tuple(found)
