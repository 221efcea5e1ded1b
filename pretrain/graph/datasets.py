"""From what the person wrote after `--dataset` to a graph. Formats: docs/usage/datasets.md."""

import os

from ..config.places import CHOICES, KINDS
from ..config.shared import GraphOptions
from ..errors import InputError
from .data import GraphData
from .digits import load_digits_graph
from .formats import networks, tables
from .formats.others import how_to_convert, how_to_name
from .npy import load_npy_folder
from .npz import load_npz
from .objects.columns import Columns
from .objects.graph import ObjectGraph
from .planetoid import files_of, load_planetoid

READ_BY_TENSORFLOW = ("tfgnn", "samples")


def load_dataset(
    spec: str, data_dir: str | None = None, *, knn: int = 10, split: int = 0
) -> GraphData:
    """The graph alone of `load_graph`, with the same arguments."""
    return load_graph(spec, data_dir, knn=knn, split=split).data


def asked_graph(options: GraphOptions, columns: Columns | None = None) -> ObjectGraph:
    """The graph that a command is asked for: of ``--edges`` and ``--nodes``, or of ``--dataset``.

    Args:
        options: of the command.
        columns: see `load_graph`.

    Raises:
        InputError: see `load_graph`.
    """
    if options.edges is None:
        assert options.dataset is not None  # the commands ask for one of them
        return load_graph(
            options.dataset,
            options.data_dir,
            knn=options.knn,
            split=options.split_number,
            target=options.target,
            label=options.label,
            schema=options.schema,
            columns=columns,
        )
    return tables.graph_of_tables(
        options.nodes,
        options.edges,
        id_column=options.id_column,
        label_column=options.label_column,
        columns=columns,
    )


def load_graph(
    spec: str,
    data_dir: str | None = None,
    *,
    knn: int = 10,
    split: int = 0,
    target: str | None = None,
    label: str | None = None,
    schema: str | None = None,
    columns: Columns | None = None,
) -> ObjectGraph:
    """Reads a data set.

    Args:
        spec: one of CHOICES.
        data_dir: the folder with the files of `planetoid:NAME`, or PyTorch Geometric's above it.
            Default: the environment variable GBT_DATA_DIR. The other data sets do not use it.
        knn: neighbours per node of the `digits` graph, in [1, 1796].
        split: which of several splits, of files with masks [N, S].
        target: node set of a schema; see `load_schema_graph`.
        label: its feature that is the label.
        schema: of samples; see `read_samples`.
        columns: how the columns of a table become features, as at first.

    Raises:
        InputError: unknown data set, missing or corrupt files, or a graph that is not one.
    """
    kind, colon, argument = spec.partition(":")
    if spec == "digits":
        return ObjectGraph(load_digits_graph(knn))
    argument = os.path.expanduser(argument)
    if kind not in ("tfgnn", "samples") and (how := how_to_convert(argument or spec)):
        raise InputError(f"dataset {spec!r}: expected another kind of file{how}")
    if kind == "planetoid" and argument:
        folder = os.path.expanduser(data_dir or os.environ.get("GBT_DATA_DIR", ""))
        is_path = "/" in argument or os.sep in argument
        if not (folder or is_path or files_of(argument, folder)):
            raise InputError(
                f"dataset {spec!r} needs --data-dir DIR (or the environment variable GBT_DATA_DIR):"
                f" the folder with the files ind.{argument}.*"
            )
        return ObjectGraph(load_planetoid(argument, folder))
    if kind == "npz" and argument:
        return ObjectGraph(load_npz(argument, split=split))
    if kind == "npy" and argument:
        return ObjectGraph(load_npy_folder(argument, split=split))
    if kind == "tables" and argument:
        return tables.load_tables(argument, columns)
    if kind == "tfgnn" and argument:
        from .schema.load import load_schema_graph  # TensorFlow reads schemas and records

        return load_schema_graph(argument, target=target, label=label, columns=columns)
    if kind == "samples" and argument:
        from .schema.load import sets_of
        from .schema.samples import read_samples

        found = read_samples(argument, schema, target=target, label=label, columns=columns)
        told = f"target {found.target}; labels {found.label or 'none'}"
        sets = sets_of(found.schema, found.target, {found.target: found.data.num_nodes}, {})
        return ObjectGraph(found.data, found.columns, told, found, sets)
    if kind in networks.READERS and argument:
        return networks.load_network(kind, argument, columns)
    missing = f": nothing follows {kind + colon!r}" if kind in KINDS else ""
    raise InputError(
        f"unknown dataset {spec!r}{missing or how_to_name(spec)}; choose one of {CHOICES}"
    )
