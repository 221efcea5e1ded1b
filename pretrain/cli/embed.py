"""The command `embed`: an exported model, applied to another graph of the same schema."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np

from ..config import option
from ..config.base import field
from ..config.shared import GraphOptions
from ..errors import InputError
from ..graph.datasets import asked_graph
from ..output.columns import read_columns
from ..output.embeddings.kinds import ENDINGS
from ..output.embeddings.write import check_ids, check_kind, save_embeddings
from ..output.lock import locked
from ..output.model import ExportedModel
from ..output.paths import check_output_file, inputs_asked_for
from ..output.template import is_template, read_template


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedOptions(GraphOptions):
    """What the command is asked for."""

    model: str = field(
        option.path("folder of a pretrain run, or its model/", metavar="MODEL", positional=True)
    )
    output: str = field(
        option.path(f"for node_ids [N], embeddings [N, D]: {ENDINGS}", metavar="FILE")
    )
    trust_model: bool = field(
        option.switch(
            "execute a SavedModel, which may do whatever you may do: for models of version 0.1.0"
            " and of others; by default our own encoder takes the weights beside it"
        ),
        False,
    )
    overwrite: bool = field(option.switch("replace the file"), False)
    quiet: bool = field(option.switch("say nothing on the way"), False)

    def __post_init__(self):
        super().__post_init__()
        if (self.dataset is None) == (self.edges is None):
            raise InputError("expected either --dataset or --edges")


def run(options: EmbedOptions) -> str:
    """Embeds the graph, writes the file whole or not at all, and returns a line about it.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        OSError: if the file cannot be written.
    """
    output = Path(options.output)
    if is_template(options.model):
        return _run_template(options, output)
    model = ExportedModel(options.model, trust=options.trust_model)
    check_output_file(output, "the embeddings", [model.path, *inputs_asked_for(options)])
    check_kind(output)
    if output.exists() and not options.overwrite:
        raise InputError(f"--output {output} exists; give another file, or --overwrite")
    with locked(output):
        data = asked_graph(options, read_columns(model.path)).data
        check_ids(output, data)
        if not options.quiet:
            print(f"{data.name}: {data.num_nodes:,} nodes; loading the model", file=sys.stderr)
        model.load()
        model.check(data)
        embeddings = model.embed(data, quiet=options.quiet)
        save_embeddings(embeddings, data, output)
    return _told(output, embeddings)


def _run_template(options: EmbedOptions, output: Path) -> str:
    """As `run`, of an encoder of TF-GNN."""
    from ..training.network.apply import embed_network

    if options.trust_model:
        raise InputError(f"--trust-model has no meaning for {options.model}: its weights are known")
    check_output_file(output, "the embeddings", [Path(options.model), *inputs_asked_for(options)])
    check_kind(output)
    if output.exists() and not options.overwrite:
        raise InputError(f"--output {output} exists; give another file, or --overwrite")
    with locked(output):
        applier = read_template(Path(options.model))
        graph = asked_graph(options)
        check_ids(output, graph.data)
        embeddings = embed_network(applier, options, graph, quiet=options.quiet)
        save_embeddings(embeddings, graph.data, output)
    return _told(output, embeddings)


def _told(output: Path, embeddings: np.ndarray) -> str:
    return f"{output}: embeddings of {len(embeddings):,} nodes, {embeddings.shape[1]} dimensions"
