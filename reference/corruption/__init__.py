"""The definition of every corruption of features and of structure."""

from .features import (
    Ragged,
    dropout,
    mask_columns,
    shuffle_rows,
    shuffled_row_indices,
    take_rows,
)
from .graph import (
    drop_edges,
    drop_nodes,
    dropped_rows,
    edge_ids,
    inverse_permutation,
    pair_representatives,
    partition_rows,
    remove_rows,
)

__all__ = [
    "Ragged",
    "drop_edges",
    "drop_nodes",
    "dropout",
    "dropped_rows",
    "edge_ids",
    "inverse_permutation",
    "mask_columns",
    "pair_representatives",
    "partition_rows",
    "remove_rows",
    "shuffle_rows",
    "shuffled_row_indices",
    "take_rows",
]
