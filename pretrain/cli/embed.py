"""The command `embed`: an exported model, applied to another graph of the same schema."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..config import option
from ..config.base import field
from ..config.shared import GraphOptions
from ..errors import InputError
from ..graph.datasets import asked_graph
from ..graph.objects.graph import ObjectGraph
from ..output.columns import read_columns
from ..output.embeddings.kinds import ENDINGS
from ..output.embeddings.write import check_ids, check_kind, save_embeddings
from ..output.encoder_files import is_template
from ..output.lock import locked
from ..output.model import ExportedModel
from ..output.paths import check_output_file, inputs_asked_for
from ..quiet import errors_only, quiet_tensorflow
from .sample import DIRECT, RUNNER

_SAMPLES = "samples:"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbedOptions(GraphOptions):
    """What the command is asked for."""

    model: str = field(
        option.path("folder of a pretrain run, or its model/", metavar="MODEL", positional=True)
    )
    output: str = field(
        option.path(
            f"for node_ids [N], embeddings [N, D]: {ENDINGS}; of samples: NAME@SHARDS.parquet",
            metavar="FILE",
        )
    )
    trust_model: bool = field(
        option.switch(
            "execute a SavedModel, which may do whatever you may do: for models of version 0.1.0"
            " and of others; by default our own encoder takes the weights beside it"
        ),
        False,
    )
    runner: str | None = field(RUNNER, None)
    overwrite: bool = field(option.switch("replace the file"), False)
    quiet: bool = field(option.switch("say nothing on the way"), False)

    def __post_init__(self):
        super().__post_init__()
        if (self.dataset is None) == (self.edges is None):
            raise InputError("expected either --dataset or --edges")
        if self.runner is not None and self.samples is None:
            raise InputError(f"--runner needs --dataset {_SAMPLES}PATTERN")

    @property
    def samples(self) -> str | None:
        """The pattern of files of subgraphs, if they are to be embedded."""
        name = self.dataset or ""
        return name.removeprefix(_SAMPLES) if name.startswith(_SAMPLES) else None


def run(options: EmbedOptions, of_beam: Sequence[str] = ()) -> str:
    """Embeds the graph, writes the file whole or not at all, and returns a line about it.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        OSError: if the file cannot be written, or a runner fails.
    """
    if options.samples is not None and (options.runner or "@" in Path(options.output).name):
        return _embed_samples(options, options.samples, of_beam)
    if of_beam:
        raise InputError(f"unrecognized arguments: {' '.join(of_beam)}")
    output = Path(options.output)
    of_subgraphs = is_template(options.model)
    if of_subgraphs and options.trust_model:
        raise InputError(f"--trust-model has no meaning for {options.model}: its weights are known")
    model = None if of_subgraphs else ExportedModel(options.model, trust=options.trust_model)
    path = Path(options.model) if model is None else model.path
    check_output_file(output, "the embeddings", [path, *inputs_asked_for(options)])
    check_kind(output)
    if output.exists() and not options.overwrite:
        raise InputError(f"--output {output} exists; give another file, or --overwrite")
    with locked(output):
        graph = asked_graph(options, None if model is None else read_columns(path))
        check_ids(output, graph.data)
        if not options.quiet:
            told = f"{graph.data.name}: {graph.data.num_nodes:,} nodes; loading the model"
            print(told, file=sys.stderr)
        if model is None:
            embeddings = _of_subgraphs(options, graph)
        else:
            model.load()
            model.check(graph.data)
            embeddings = model.embed(graph.data, quiet=options.quiet)
        save_embeddings(embeddings, graph.data, output)
    return f"{output}: embeddings of {len(embeddings):,} nodes, {embeddings.shape[1]} dimensions"


def _of_subgraphs(options: EmbedOptions, graph: ObjectGraph) -> np.ndarray:
    """By an encoder of TF-GNN."""
    with quiet_tensorflow():
        from ..output.template import read_template
        from ..training.network.apply import embed_network

    applier = read_template(Path(options.model))
    return embed_network(applier, options, graph, quiet=options.quiet)


def _embed_samples(options: EmbedOptions, pattern: str, of_beam: Sequence[str]) -> str:
    with errors_only("root"):  # Beam's imports tell there what else one could install
        from ..cluster.embed import embed

        count = embed(
            options.model,
            pattern,
            options.output,
            runner=options.runner or DIRECT,
            options=of_beam,
            overwrite=options.overwrite,
            quiet=options.quiet,
        )
    return f"{options.output}: embeddings of {count:,} nodes"
