"""The definition of corruption, loss, gradients and metrics in readable NumPy.

Slow and obvious on purpose: every fast path of the project is tested against these functions.
Needs NumPy alone.
"""

from .corruption import (
    Ragged,
    drop_edges,
    drop_nodes,
    dropout,
    dropped_rows,
    edge_ids,
    inverse_permutation,
    mask_columns,
    pair_representatives,
    partition_rows,
    remove_rows,
    shuffle_rows,
    shuffled_row_indices,
    take_rows,
)
from .loss import barlow_twins_loss, barlow_twins_loss_and_gradients, cross_correlation, standardize
from .metrics import (
    alignment,
    coherence,
    cross_correlation_metrics,
    numerical_rank,
    pseudo_condition_number,
    rankme,
    rankme_cap,
    self_clustering,
    uniformity,
)
from .random import bernoulli, derive_key, permutation, philox4x32, random_bits, row_words

__all__ = [
    "Ragged",
    "alignment",
    "barlow_twins_loss",
    "barlow_twins_loss_and_gradients",
    "bernoulli",
    "coherence",
    "cross_correlation",
    "cross_correlation_metrics",
    "derive_key",
    "drop_edges",
    "drop_nodes",
    "dropout",
    "dropped_rows",
    "edge_ids",
    "inverse_permutation",
    "mask_columns",
    "numerical_rank",
    "pair_representatives",
    "partition_rows",
    "permutation",
    "philox4x32",
    "pseudo_condition_number",
    "random_bits",
    "rankme",
    "rankme_cap",
    "remove_rows",
    "row_words",
    "self_clustering",
    "shuffle_rows",
    "shuffled_row_indices",
    "standardize",
    "take_rows",
    "uniformity",
]
