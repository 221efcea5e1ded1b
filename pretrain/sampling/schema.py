"""The edge sets of a TF-GNN schema, and the schema of the subgraphs that are sampled from it."""

from __future__ import annotations

from typing import Any

from ..errors import shown
from ..graph.schema.load import AUXILIARY, REVERSED_MARK, is_marked_reversed
from ..graph.schema.tables import ID
from ..graph.schema.values import STRING, Feature
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
    kinds = {}
    for name, one in sets.items():
        kinds[name] = EdgeKind(one.source, one.target, _reverse_of(name, one, sets))
    return with_reversed(kinds)


def features_of(schema: Any, node_set: str) -> dict[str, Feature]:
    """The features of a node set, in the order of their names."""
    return {
        name: Feature.of(one, f"node set {shown(node_set)}, feature {shown(name)}")
        for name, one in sorted(schema.node_sets[node_set].features.items())
        if not name.startswith("#")
    }


def _reverse_of(name: str, edge_set: Any, sets: dict[str, Any]) -> str | None:
    if not is_marked_reversed(edge_set):
        return None
    for other, one in sets.items():
        same_file = one.metadata.filename == edge_set.metadata.filename
        if (
            other != name
            and same_file
            and (one.source, one.target)
            == (
                edge_set.target,
                edge_set.source,
            )
        ):
            return other
    return None


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
        for feature, one in features_of(schema, name).items():
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
