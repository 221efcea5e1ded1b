"""The fast paths of what `graph_barlow_twins.reference` defines: loss, corruptions, metrics.

    from graph_barlow_twins.kernels import barlow_twins_loss, barlow_twins_loss_and_gradients

A name is loaded, with what it needs, when it is first asked for. `barlow_twins_loss_and_gradients`
takes NumPy arrays and needs no TensorFlow, nor does `derive_key`; all others take tensors, or what
TensorFlow makes tensors of.
"""

from typing import TYPE_CHECKING

from .._lazy import attach

if TYPE_CHECKING:
    from .corruption.features import dropout, mask_columns, shuffle_rows, shuffled_row_indices
    from .corruption.graph import (
        dropped_rows,
        edge_ids,
        pair_representatives,
        partition_rows,
        remove_rows,
    )
    from .keys import derive_key
    from .loss.entry import barlow_twins_loss
    from .loss.numba.entry import barlow_twins_loss_and_gradients
    from .metrics.formulas import (
        coherence,
        numerical_rank,
        pseudo_condition_number,
        rankme,
        rankme_cap,
        self_clustering,
    )
    from .metrics.views import alignment, cross_correlation_metrics, uniformity
    from .sorting import inverse_permutation

__getattr__, __dir__ = attach(
    __name__,
    {
        "corruption.features": "dropout mask_columns shuffle_rows shuffled_row_indices",
        "corruption.graph": "dropped_rows edge_ids pair_representatives partition_rows remove_rows",
        "keys": "derive_key",
        "loss.entry": "barlow_twins_loss",
        "loss.numba.entry": "barlow_twins_loss_and_gradients",
        "metrics.formulas": "coherence numerical_rank pseudo_condition_number rankme rankme_cap"
        " self_clustering",
        "metrics.views": "alignment cross_correlation_metrics uniformity",
        "sorting": "inverse_permutation",
    },
)

__all__ = [
    "alignment", "barlow_twins_loss", "barlow_twins_loss_and_gradients", "coherence",
    "cross_correlation_metrics", "derive_key", "dropout", "dropped_rows", "edge_ids",
    "inverse_permutation", "mask_columns", "numerical_rank", "pair_representatives",
    "partition_rows", "pseudo_condition_number", "rankme", "rankme_cap", "remove_rows",
    "self_clustering", "shuffle_rows", "shuffled_row_indices", "uniformity",
]  # fmt: skip
