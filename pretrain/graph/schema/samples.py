"""Subgraphs that have been sampled: TFRecords of ``tf.Example``, one for each root."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError, shown
from ...quiet import quiet_tensorflow
from ..data import GraphData, make_graph_data
from ..objects.columns import Columns
from .features import features_of, own_parts
from .files import read_schema
from .load import label_of, labels_of
from .tables import ID, SetTable
from .values import INTEGER, NUMERIC, STRING, Feature, rows_of, typed

_SHARDS = re.compile(r"(.*)@(\d+)(\.tfrecords?)?")
_SHARD = re.compile(r"-\d{5}-of-\d{5}(\.tfrecords?)?$")
_BATCH = 1024  # records parsed at a time
_MOST_NODES = 200_000  # of each other node set: enough to tell what its features are


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """The files, and what is in them.

    Attributes:
        files: in their order.
        schema: of the subgraphs.
        target: node set of the roots, which come first in each subgraph.
        label: the feature of the target that is its label.
        data: the roots, in their order, with their own features and labels, without links.
        columns: how their features were read.
        tables: by node set, different nodes in the subgraphs: all roots, of others the first.
    """

    files: tuple[Path, ...]
    schema: Any
    target: str
    label: str | None
    data: GraphData
    columns: Columns | None
    tables: Mapping[str, SetTable]


def files_of_pattern(pattern: str) -> tuple[Path, ...]:
    """The files that ``NAME@SHARDS``, a pattern with ``*``, a folder or a name stands for.

    Raises:
        InputError: if there are none.
    """
    pattern = os.path.expanduser(pattern)
    if sharded := _SHARDS.fullmatch(pattern):
        count = int(sharded[2])
        ending = sharded[3] or ""
        names = [f"{sharded[1]}-{shard:05d}-of-{count:05d}{ending}" for shard in range(count)]
    elif os.path.isdir(pattern):
        names = sorted(glob.glob(os.path.join(glob.escape(pattern), "*.tfrecord*")))
    else:
        names = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
    missing = [one for one in names if not os.path.isfile(one)]
    if missing or not names:
        raise InputError(
            f"samples:{pattern}: there is no file {missing[0] if missing else pattern}"
        )
    return tuple(Path(one) for one in names)


def read_samples(
    pattern: str,
    schema_path: str | None,
    *,
    target: str | None = None,
    label: str | None = None,
    columns: Columns | None = None,
) -> Samples:
    """Reads who the roots are, and what is known of them.

    Args:
        pattern: see `files_of_pattern`.
        schema_path: of the subgraphs' schema; default: ``NAME.schema.pbtxt`` of the first file,
            else the one ``.pbtxt`` in its folder.
        target: node set of the roots; default: the root set of the schema, or its only set.
        label: see `load_schema_graph`.
        columns: how features are read, as at first.

    Raises:
        InputError: files that cannot be read, or do not fit the schema: with file and record.
    """
    files = files_of_pattern(pattern)
    beside = Path(f"{_SHARD.sub('', str(files[0]))}.schema.pbtxt")
    schema, _ = read_schema(schema_path or (beside if beside.is_file() else files[0].parent))
    known = sorted(name for name in schema.node_sets if not name.startswith("_"))
    roots = [target] if target else list(schema.info.root_set) or known
    if len(roots) != 1 or roots[0] not in known:
        raise InputError(f"samples:{pattern}: expected --target with one of {', '.join(known)}")
    target = roots[0]
    label = label_of(schema.node_sets[target], label, target)
    tables = {}
    for name in known:
        here = {
            key: Feature.of(one, f"node set {shown(name)}, feature {shown(key)}")
            for key, one in sorted(schema.node_sets[name].features.items())
            if not key.startswith("#")
        }
        found = _read_set(files, name, here, roots=name == target)
        if name == target:
            tables[name], root_table = found
        else:
            tables[name], _ = found
    ids = root_table.keys[ID]
    if len(np.unique(ids)) != len(ids):
        raise InputError(f"samples:{pattern}: a root is there twice")
    parts = own_parts(root_table, columns, label)
    features, used = features_of(parts, columns, f"node set {shown(target)}")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*the graph has no edges")  # the samples do
        data = make_graph_data(
            name=f"samples:{pattern}",
            features=features if features is not None else np.ones((len(ids), 1), np.float32),
            edge_index=np.zeros((2, 0), np.int64),
            node_ids=ids,
            labels=None if label is None else labels_of(root_table, label, target),
        )
    return Samples(files, schema, target, label, data, used, tables)


def _read_set(
    files: tuple[Path, ...], name: str, features: Mapping[str, Feature], *, roots: bool
) -> tuple[SetTable, SetTable]:
    """Different nodes of a set, as a table; and the roots alone, in their order."""
    with quiet_tensorflow():
        import tensorflow as tf

    dtypes = {NUMERIC: tf.float32, INTEGER: tf.int64, STRING: tf.string}
    keys = {f"nodes/{name}.#size": tf.int64, f"nodes/{name}.{ID}": tf.string}
    for key, one in features.items():
        keys[f"nodes/{name}.{key}"] = dtypes[one.kind]
        if one.size is None:
            keys[f"nodes/{name}.{key}.d1"] = tf.int64
    spec = {key: tf.io.RaggedFeature(dtype) for key, dtype in keys.items()}
    ids: list = []
    parts: dict[str, list] = {key: [] for key in features}
    lengths: dict[str, list] = {key: [] for key in features}
    is_root: list = []
    seen: set = set()
    for path in files:
        try:
            for batch in tf.data.TFRecordDataset(str(path)).batch(_BATCH):
                parsed = tf.io.parse_example(batch, spec)
                here = parsed[f"nodes/{name}.{ID}"]
                found, counts = here.values.numpy(), here.row_lengths().numpy()
                if roots and (counts == 0).any():
                    raise InputError(
                        f"{path}: expected the ids (#id) of {shown(name)} in each record"
                    )
                first = np.zeros(len(found), bool)
                if roots:
                    first[np.cumsum(counts) - counts] = True
                fresh = np.zeros(len(found), bool)
                if len(seen) < _MOST_NODES or roots:
                    for place, one in enumerate(found):
                        if first[place] or (one not in seen and len(seen) < _MOST_NODES):
                            fresh[place] = True
                            seen.add(one)
                ids.append(found[fresh])
                is_root.append(first[fresh])
                for key, feature in features.items():
                    values = parsed[f"nodes/{name}.{key}"].values.numpy()
                    if feature.size is None:
                        sizes = parsed[f"nodes/{name}.{key}.d1"].values.numpy()
                    else:
                        sizes = np.full(len(found), feature.size, np.int64)
                    if len(values) != sizes.sum() or len(sizes) != len(found):
                        raise InputError(
                            f"{path}: feature {shown(key)} of {shown(name)}: expected"
                            f" {sizes.sum():,} values for {len(found):,} nodes, got {len(values):,}"
                        )
                    parts[key].append(values[np.repeat(fresh, sizes)])
                    lengths[key].append(sizes[fresh])
        except tf.errors.OpError as error:
            raise InputError(f"cannot read {path}: {error.message}") from None
    all_ids = np.array([one.decode("utf-8", "replace") for some in ids for one in some], str)
    series = {
        key: _series(np.concatenate(parts[key]), np.concatenate(lengths[key]), feature)
        for key, feature in features.items()
    }
    root_rows = np.flatnonzero(np.concatenate(is_root))
    whole = np.unique(all_ids, return_index=True)[1]
    places = ((files[0].parent, len(all_ids)),)

    def table(rows: np.ndarray) -> SetTable:
        chosen = {key: one.iloc[rows].reset_index(drop=True) for key, one in series.items()}
        return SetTable(
            f"node set {shown(name)}", {ID: all_ids[rows]}, chosen, dict(features), places
        )

    return table(whole), table(root_rows)


def _series(values: np.ndarray, lengths: np.ndarray, feature: Feature) -> Any:
    """A column as `read_records` gives it; what is missing in a sample is NaN, "" or the least."""
    import pandas

    if feature.kind == STRING:
        values = np.array([one.decode("utf-8", "replace") for one in values], object)
    elif feature.kind == INTEGER:
        values = np.where(values == np.iinfo(np.int64).min, np.nan, values.astype(np.float64))
    if feature.is_list:
        if feature.kind == STRING and feature.size is not None:
            empty = values.reshape(len(lengths), feature.size)[:, 0] == ""
            lengths = np.where(empty, 0, lengths)
            values = values.reshape(-1, feature.size)[~empty].ravel()
        return rows_of(typed(values, feature), lengths)
    if feature.kind == STRING:
        values[values == ""] = None
    return pandas.Series(values, dtype=object if feature.kind == STRING else np.float64)
