"""The definition of every measure of representations, of one matrix or of two views."""

from .formulas import (
    coherence,
    numerical_rank,
    pseudo_condition_number,
    rankme,
    rankme_cap,
    self_clustering,
)
from .views import alignment, cross_correlation_metrics, uniformity

__all__ = [
    "alignment",
    "coherence",
    "cross_correlation_metrics",
    "numerical_rank",
    "pseudo_condition_number",
    "rankme",
    "rankme_cap",
    "self_clustering",
    "uniformity",
]
