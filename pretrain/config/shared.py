"""Options that several commands have."""

from __future__ import annotations

import dataclasses

from ..errors import InputError
from . import option
from .base import Options, field
from .places import CHOICES

DATA_DIR = option.path("folder with the planetoid files; default: $GBT_DATA_DIR", metavar="DIR")
FOLDS = option.integer(
    "folds of the probe where no split is given; default: 10, 3 of more than 10,000 labelled nodes",
    2,
)
KNN = option.integer("neighbours per node of the digits graph", 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GraphOptions(Options):
    """A command that reads a graph."""

    dataset: str | None = field(option.text(f"the graph: {CHOICES}", metavar="NAME"), None)
    data_dir: str | None = field(DATA_DIR, None)
    nodes: str | None = field(
        option.path(
            "table with a row per node: an id, features, perhaps labels; .csv, .tsv or .parquet",
            metavar="FILE",
        ),
        None,
    )
    edges: str | None = field(
        option.path(
            "table with a row per link: source and target, perhaps weight and type; in place of"
            " --dataset",
            metavar="FILE",
        ),
        None,
    )
    id_column: str | None = field(
        option.text("of --nodes; default: id, node_id, node or name, else the first one"), None
    )
    label_column: str | None = field(
        option.text("of --nodes; default: label, labels, class, y or target, if there is"), None
    )
    target: str | None = field(
        option.text("of a tfgnn: schema, the node set whose embeddings are wanted"), None
    )
    schema: str | None = field(
        option.path(
            "of samples: the schema of the subgraphs; default: the one .pbtxt beside them",
            metavar="FILE",
        ),
        None,
    )
    label: str | None = field(
        option.text(
            "of a tfgnn: schema, the feature of the target that is its label; default: label,"
            " labels, class, y or target, if there is",
            metavar="FEATURE",
        ),
        None,
    )
    split_number: int = field(
        option.integer("which of several splits, where masks are [N, S]", 0), 0
    )
    knn: int = field(KNN, 10)

    def __post_init__(self):
        super().__post_init__()
        kind = (self.dataset or "").partition(":")[0]
        for name in ("target", "label"):
            if getattr(self, name) is not None and kind not in ("tfgnn", "samples"):
                raise InputError(f"--{name} needs --dataset tfgnn:SCHEMA or samples:PATTERN")
        if self.schema is not None and kind != "samples":
            raise InputError("--schema needs --dataset samples:PATTERN")
        for name in ("nodes", "id_column", "label_column"):
            needed = "edges" if name == "nodes" else "nodes"
            if getattr(self, name) is not None and getattr(self, needed) is None:
                raise InputError(f"--{name.replace('_', '-')} needs --{needed}")
