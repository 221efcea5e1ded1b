"""Subgraphs that have been sampled: TFRecords of ``tf.Example``, one for each root."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
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
from .values import INTEGER, NUMERIC, STRING, Feature, features_in, rows_of, typed

_SHARDS = re.compile(r"(.*)@(\d+)(\.tfrecords?)?")
_SHARD = re.compile(r"-\d{5}-of-\d{5}(\.tfrecords?)?$")
_BATCH = 1024  # records parsed at a time
_DTYPES, _LENGTHS = {NUMERIC: "float32", INTEGER: "int64", STRING: "string"}, ".d1"
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
        ending = sharded[3] or ".tfrecord"
        names = [f"{sharded[1]}-{shard:05d}-of-{count:05d}{ending}" for shard in range(count)]
    elif os.path.isdir(pattern):
        names = sorted(glob.glob(os.path.join(glob.escape(pattern), "*.tfrecord*")))
    else:
        names = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else [pattern]
    if not names:
        raise InputError(f"samples:{pattern}: there is no such file")
    for one in names:
        if not os.path.isfile(one):
            raise InputError(f"samples:{pattern}: there is no file {one}")
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
    sets = {name: _NodesOf(name, schema.node_sets[name], name == target) for name in known}
    for path, parsed in _batches(files, {key: of for one in sets.values() for key, of in one.spec}):
        for one in sets.values():
            one.take(parsed, path)
    if not sets[target].count:
        raise InputError(f"samples:{pattern}: expected subgraphs, got none")
    root_table = sets[target].table(files, roots=True)
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
    tables = {name: one.table(files) for name, one in sets.items()}
    return Samples(files, schema, target, label, data, used, tables)


def _batches(files: Sequence[Path], dtypes: Mapping[str, str]) -> Iterator[tuple[Path, Any]]:
    """Each file's records, some at a time, as ragged values by their keys."""
    with quiet_tensorflow():
        import tensorflow as tf

    spec = {key: tf.io.RaggedFeature(tf.as_dtype(dtype)) for key, dtype in dtypes.items()}
    for path in files:
        try:
            for batch in tf.data.TFRecordDataset(str(path)).batch(_BATCH):
                yield path, tf.io.parse_example(batch, spec)
        except tf.errors.OpError as error:
            raise InputError(f"cannot read {path}: {error.message}") from None


class _NodesOf:
    """What is known of the nodes of one set.

    Args:
        name: of the set.
        message: of the schema.
        has_roots: whether the first node of each record is its root.
    """

    def __init__(self, name: str, message: Any, has_roots: bool):
        self._name, self._has_roots = name, has_roots
        self._features = features_in(message, f"node set {shown(name)}")
        self._seen: set[bytes] = set()
        self._ids: list[np.ndarray] = []
        self._is_root: list[np.ndarray] = []
        self._values: dict[str, list] = {key: [] for key in self._features}
        self._lengths: dict[str, list] = {key: [] for key in self._features}

    @property
    def count(self) -> int:
        """How many have been taken."""
        return sum(map(len, self._ids))

    @property
    def spec(self) -> list[tuple[str, str]]:
        """Keys and dtypes of what a record has of it."""
        found = [(self._key(ID), STRING)]
        for key, one in self._features.items():
            found.append((self._key(key), _DTYPES[one.kind]))
            if one.size is None:
                found.append((self._key(key) + _LENGTHS, "int64"))
        return found

    def _key(self, feature: str) -> str:
        return f"nodes/{self._name}.{feature}"

    def take(self, parsed: Mapping[str, Any], path: Path) -> None:
        """Takes the roots, and of the other nodes those that are new, of some records."""
        here = parsed[self._key(ID)]
        ids, counts = here.values.numpy(), here.row_lengths().numpy()
        is_root = np.zeros(len(ids), bool)
        if self._has_roots:
            if (counts == 0).any():
                raise InputError(f"{path}: expected the #id of {shown(self._name)} in each record")
            is_root[np.cumsum(counts) - counts] = True
        kept = is_root.copy()
        for place, one in enumerate(ids):
            kept[place] |= one not in self._seen and len(self._seen) < _MOST_NODES
            if kept[place]:
                self._seen.add(one)
        self._ids.append(ids[kept])
        self._is_root.append(is_root[kept])
        for key, feature in self._features.items():
            values = parsed[self._key(key)].values.numpy()
            if feature.size is None:
                lengths = parsed[self._key(key) + _LENGTHS].values.numpy()
            else:
                lengths = np.full(len(ids), feature.size, np.int64)
            if len(values) != lengths.sum() or len(lengths) != len(ids):
                raise InputError(
                    f"{path}: feature {shown(key)} of {shown(self._name)}: expected"
                    f" {lengths.sum():,} values for {len(ids):,} nodes, got {len(values):,}"
                )
            self._values[key].append(values[np.repeat(kept, lengths)])
            self._lengths[key].append(lengths[kept])

    def table(self, files: Sequence[Path], *, roots: bool = False) -> SetTable:
        """The roots in their order, or all nodes, each once."""
        ids = np.array([one.decode("utf-8", "replace") for some in self._ids for one in some], str)
        rows = np.unique(ids, return_index=True)[1]
        if roots:
            rows = np.flatnonzero(np.concatenate(self._is_root))
        columns = {}
        for key, feature in self._features.items():
            values, lengths = np.concatenate(self._values[key]), np.concatenate(self._lengths[key])
            columns[key] = _series(values, lengths, feature).iloc[rows].reset_index(drop=True)
        places = ((files[0].parent, len(ids)),)
        name = f"node set {shown(self._name)}"
        return SetTable(name, {ID: ids[rows]}, columns, self._features, places)


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
