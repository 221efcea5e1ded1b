"""Checks of the untrusted parts of a graph, one function per part.

Each takes whatever a file held and returns the part in the form that `GraphData` documents, or
raises InputError with one line. Bounds are checked before anything is cast or used as an index:
a cast wraps around silently, and compiled sparse code does not look where it reads.
"""

from .edges import check_edges
from .features import check_features, csr_from_parts
from .nodes import MASKS, check_labels, check_masks, check_node_ids

__all__ = [
    "MASKS",
    "check_edges",
    "check_features",
    "check_labels",
    "check_masks",
    "check_node_ids",
    "csr_from_parts",
]
