"""Options that several commands have."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from . import option

DATA_DIR = option.text("folder with the planetoid files; default: $GBT_DATA_DIR", metavar="DIR")
FOLDS = option.integer(
    "folds of the probe where no split is given; default: 10, 3 of more than 10,000 labelled nodes",
    2,
)
KNN = option.integer("neighbours per node of the digits graph", 1)
NODES = option.text(
    "table with a row per node: an id, features, perhaps labels; .csv, .tsv or .parquet",
    metavar="FILE",
)
EDGES = option.text(
    "table with a row per link: source and target, perhaps weight and type; in place of --dataset",
    metavar="FILE",
)
ID_COLUMN = option.text("of --nodes; default: id, node_id, node or name, else the first one")
LABEL_COLUMN = option.text("of --nodes; default: label, labels, class, y or target, if there is")
SPLIT_NUMBER = option.integer("which of several splits, where masks are [N, S]", 0)


def check_tables(options: Any) -> None:
    """Options of tables need the one of links."""
    for name in ("nodes", "id_column", "label_column"):
        needed = "edges" if name == "nodes" else "nodes"
        if getattr(options, name) is not None and getattr(options, needed) is None:
            raise InputError(f"--{name.replace('_', '-')} needs --{needed}")
