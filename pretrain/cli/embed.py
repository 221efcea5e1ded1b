"""The command `embed`: an exported model, applied to another graph of the same schema."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np

from ..config import option
from ..errors import InputError
from ..graph.datasets import CHOICES, load_dataset
from ..output.folder import replacing
from ..output.model import ExportedModel

_KNN = option.integer("neighbours per node of the digits graph", 1)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument("model", metavar="MODEL", help="folder of a pretrain run, or its model/")
    parser.add_argument("--dataset", metavar="NAME", required=True, help=f"the graph: {CHOICES}")
    parser.add_argument("--data-dir", metavar="DIR", help="folder with the planetoid files")
    parser.add_argument("--knn", metavar="INT", default="10", help=f"{_KNN.help} (default: 10)")
    parser.add_argument(
        "--output", metavar="FILE.npz", required=True, help="for node_ids [N], embeddings [N, D]"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file")
    parser.add_argument("--quiet", action="store_true", help="say nothing on the way")


def run(arguments: argparse.Namespace) -> str:
    """Embeds the graph, writes the file all-or-nothing, and returns a line about it.

    Raises:
        InputError: for input or options that cannot be used; nothing has been written then.
        OSError: if the file cannot be written.
    """
    knn = _KNN.parse("--knn", arguments.knn)
    output = Path(arguments.output)
    model = ExportedModel(arguments.model)
    _check_output(output, model.path, arguments)
    data = load_dataset(arguments.dataset, arguments.data_dir, knn=knn)
    if not arguments.quiet:
        print(f"{data.name}: {data.num_nodes:,} nodes; loading the model", file=sys.stderr)
    model.load()
    model.check(data)
    embeddings = model.embed(data, quiet=arguments.quiet)
    with replacing(output) as temporary, temporary.open("wb") as file:
        np.savez(file, node_ids=data.node_ids, embeddings=embeddings)
    return f"{output}: embeddings of {len(embeddings):,} nodes, {embeddings.shape[1]} dimensions"


def _check_output(output: Path, model: Path, arguments: argparse.Namespace) -> None:
    if output.is_dir():
        raise InputError(f"--output {output} is a folder; expected a file for the embeddings")
    if not output.parent.is_dir():
        raise InputError(f"--output {output}: there is no folder {output.parent}")
    if not os.access(output.parent, os.W_OK):
        raise InputError(f"--output {output}: the folder {output.parent} is not writable")
    resolved = output.resolve()
    source = arguments.dataset.partition(":")[2]
    inputs = [model, *(Path(one) for one in (source, arguments.data_dir) if one)]
    if any(resolved.is_relative_to(one.resolve()) for one in inputs):
        raise InputError(f"--output {output} lies in an input, and would change it")
    if output.exists() and not arguments.overwrite:
        raise InputError(f"--output {output} exists; give another file, or --overwrite")
