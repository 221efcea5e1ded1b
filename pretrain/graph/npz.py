"""One npz file with a graph of one's own. The keys are documented in docs/usage/datasets.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, told_of
from .array_files import check_keys, is_among, read_npz
from .checks import MASKS, csr_from_parts
from .data import GraphData, make_graph_data
from .formats.keys import FOREIGN_KEYS, IGNORED_KEYS, in_our_terms
from .relations import EDGES, TARGETS, WEIGHTS

_CSR_KEYS = ("features_data", "features_indices", "features_indptr", "features_shape")
_OPTIONAL_KEYS = ("edge_weight", "labels", *MASKS, "node_ids")
# * stands for the name of a relation.
_RELATIONS = ("edge_type", f"{EDGES}*", f"{TARGETS}*", f"{WEIGHTS}*")
ALLOWED_KEYS = ("features", *_CSR_KEYS, "edge_index", *_OPTIONAL_KEYS, *_RELATIONS)


def load_npz(path: str | Path, *, split: int = 0) -> GraphData:
    """Reads a graph from one npz file, without unpickling anything.

    Args:
        path: the file.
        split: which of several splits.

    Raises:
        InputError: missing or corrupt file, unknown or missing keys, object arrays, or parts that
            do not make a graph.
    """
    keys, also = (*ALLOWED_KEYS, *FOREIGN_KEYS), (*FOREIGN_KEYS, *IGNORED_KEYS)
    arrays = read_npz(path, keys, allowed=ALLOWED_KEYS, also=also)
    arrays = in_our_terms(arrays, path)
    return graph_from_arrays(arrays, path, name=f"npz:{path}", split=split)


def graph_from_arrays(
    parts: Mapping[str, Any], path: str | Path, *, name: str, split: int = 0
) -> GraphData:
    """Makes a graph of arrays under the keys of docs/usage/datasets.md.

    Args:
        parts: arrays by key.
        path: where they came from, for messages.
        name: of the graph.
        split: which of several splits.

    Raises:
        InputError: unknown or missing keys, or parts that do not make a graph.
    """
    kinds = {key: part for key, part in parts.items() if is_among(key, _RELATIONS)}
    between = [key for key in kinds if key.startswith(EDGES)]
    required = () if between else ("edge_index",)
    check_keys(path, parts, required=required, allowed=ALLOWED_KEYS)
    csr_given = [key for key in _CSR_KEYS if key in parts]
    if "features" in parts and csr_given:
        raise InputError(f"{path}: expected either features or {', '.join(_CSR_KEYS)}, got both")
    missing = [key for key in _CSR_KEYS if key not in parts]
    if csr_given and missing:
        raise InputError(f"{path}: CSR features lack {', '.join(missing)}")
    with told_of(f"{path}: features"):
        features = (
            csr_from_parts(*(parts[k] for k in _CSR_KEYS)) if csr_given else parts.get("features")
        )
    optional: dict[str, Any] = {key: parts.get(key) for key in _OPTIONAL_KEYS}
    return make_graph_data(
        name=name,
        features=features,
        edge_index=parts.get("edge_index"),
        relations=kinds,
        split=split,
        **optional,
    )
