"""The edge sets of a TF-GNN schema, and the schema of the subgraphs that are sampled from it."""

from __future__ import annotations

from typing import Any

from ..errors import shown
from ..graph.schema.load import AUXILIARY, REVERSED_MARK, reverse_of
from ..graph.schema.tables import ID
from ..graph.schema.values import STRING, features_in
from .plan import EdgeKind, EdgeKinds, with_reversed
from .rows import dtype_of


def edge_kinds(schema: Any) -> dict[str, EdgeKind]:
    """The edge sets that have a file, each in both directions, by name.

    A set that is marked as another's links read backwards (same file, ends exchanged) is that one's
    reverse.
    """
    sets = {
        name: one
        for name, one in sorted(schema.edge_sets.items())
        if not name.startswith(AUXILIARY) and one.metadata.filename
    }
    kinds = {
        name: EdgeKind(one.source, one.target, reverse_of(one, sets)) for name, one in sets.items()
    }
    return with_reversed(kinds)


def sampled_schema(schema: Any, kinds: EdgeKinds, node_set: str) -> Any:
    """The schema of sampled subgraphs: all edge sets in both directions, roots with their ids.

    It names no files. Features are float32, int64 or strings, one, several or, ragged, any number
    of them for each node; those of edges are left out.

    Args:
        schema: of the graph.
        kinds: see `edge_kinds`.
        node_set: of the roots.
    """
    import tensorflow as tf
    import tensorflow_gnn as tfgnn

    found = tfgnn.GraphSchema()
    ends = {end for one in kinds.values() for end in (one.source, one.target)} | {node_set}
    for name in sorted(ends):
        here = found.node_sets[name]
        here.description = schema.node_sets[name].description or name  # an empty entry is none
        for feature, one in features_in(schema.node_sets[name], f"node set {shown(name)}").items():
            dtype = tf.as_dtype(dtype_of(one)) if one.kind != STRING else tf.string
            here.features[feature].dtype = dtype.as_datatype_enum
            if one.is_list:
                here.features[feature].shape.dim.add().size = one.size or -1
        here.features[ID].dtype = tf.string.as_datatype_enum
    for name, kind in kinds.items():
        here = found.edge_sets[name]
        here.source, here.target = kind.source, kind.target
        if kind.reverse_of is not None:
            extra = here.metadata.extra.add()
            extra.key, extra.value = REVERSED_MARK
    found.info.root_set.append(node_set)
    return found
