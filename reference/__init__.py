"""The definition of corruption, loss, gradients and metrics in readable NumPy.

Slow and obvious on purpose: every fast path of the project is tested against these functions.
Needs NumPy alone.
"""

from .corruption import Ragged, drop_edges, dropout, mask_columns, shuffle_rows, take_rows
from .loss import (
    barlow_twins_loss,
    barlow_twins_loss_and_gradients,
    cross_correlation,
    standardize,
)
from .metrics import (
    coherence,
    numerical_rank,
    pseudo_condition_number,
    rankme,
    self_clustering,
)
from .random import bernoulli, derive_key, permutation, philox4x32, random_bits

__all__ = [
    "Ragged",
    "barlow_twins_loss",
    "barlow_twins_loss_and_gradients",
    "bernoulli",
    "coherence",
    "cross_correlation",
    "derive_key",
    "drop_edges",
    "dropout",
    "mask_columns",
    "numerical_rank",
    "permutation",
    "philox4x32",
    "pseudo_condition_number",
    "random_bits",
    "rankme",
    "self_clustering",
    "shuffle_rows",
    "standardize",
    "take_rows",
]
