"""Subgraphs as TF-GNN's ``tf.train.Example``, under the keys of `tensorflow_gnn.write_example`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph.schema.tables import ID, SOURCE, TARGET
from ..quiet import quiet_tensorflow
from .rows import Rows

_SIZE, _LENGTHS = "#size", ".d1"


def example_of(
    node_sets: Mapping[str, tuple[np.ndarray, Mapping[str, Rows]]],
    edge_sets: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> bytes:
    """A subgraph, serialised; the same bytes for the same content.

    Args:
        node_sets: of each its ids, str [n], and its features.
        edge_sets: of each the numbers of sources and targets, int64 [m], in the order of the ids.
    """
    example = _message()()
    features = example.features.feature
    for name, (ids, columns) in node_sets.items():
        features[f"nodes/{name}.{_SIZE}"].int64_list.value.append(len(ids))
        _put(features, f"nodes/{name}.{ID}", ids)
        for feature, rows in columns.items():
            _put(features, f"nodes/{name}.{feature}", rows.values)
            if rows.lengths is not None:
                _put(features, f"nodes/{name}.{feature}{_LENGTHS}", rows.lengths)
    for name, (sources, targets) in edge_sets.items():
        features[f"edges/{name}.{_SIZE}"].int64_list.value.append(len(sources))
        _put(features, f"edges/{name}.{SOURCE}", sources)
        _put(features, f"edges/{name}.{TARGET}", targets)
    return example.SerializeToString(deterministic=True)


@functools.cache
def _message() -> Any:
    with quiet_tensorflow():
        import tensorflow as tf
    return tf.train.Example


def _put(features: Any, key: str, values: np.ndarray) -> None:
    one, kind = features[key], values.dtype.kind
    flat = values.ravel().tolist()
    if kind == "i":
        one.int64_list.value.extend(flat)
    elif kind == "f":
        one.float_list.value.extend(flat)
    else:
        one.bytes_list.value.extend([text.encode() for text in flat])
