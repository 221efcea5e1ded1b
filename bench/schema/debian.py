"""`python -m bench.schema.debian FOLDER` writes the packages of Debian as TF-GNN has graphs.

Then ``graph-barlow-twins pretrain --dataset tfgnn:FOLDER --target package --label section``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import graph_barlow_twins  # noqa: F401 - Keras 2
import numpy as np
import tensorflow as tf

from ..graphs import DATA, large_sections

SCHEMA = """
node_sets { key: "package" value {
  features { key: "words" value { dtype: DT_INT64 shape { dim { size: -1 } } } }
  features { key: "section" value { dtype: DT_STRING } }
  metadata { filename: "package.tfrecord@4" cardinality: %(packages)d } } }
node_sets { key: "maintainer" value {
  metadata { filename: "maintainer.csv" cardinality: %(maintainers)d } } }
"""
EDGE_SET = """
edge_sets { key: "%s" value {
  source: "package" target: "%s" metadata { filename: "%s.tfrecord" } } }
"""
RELATIONS = {
    "depends": "package",
    "recommends": "package",
    "suggests": "package",
    "maintained_by": "maintainer",
}


def example(features: Mapping[str, Any]) -> bytes:
    """A serialised ``tf.Example``."""
    message = tf.train.Example()
    for name, values in features.items():
        feature = message.features.feature[name]
        if isinstance(values, str):
            feature.bytes_list.value.append(values.encode())
        else:
            feature.int64_list.value.extend(values)
    return message.SerializeToString()


def write_records(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """A file of TFRecords."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for one in records:
            writer.write(example(one))


def write(folder: Path, limit: int | None = None) -> None:
    """The schema and its files.

    Args:
        folder: where.
        limit: only so many packages, the first ones, and their links.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with np.load(DATA / "debian" / "debian.npz") as file:
        arrays = {key: file[key] for key in file.files}
    names = arrays["package_name"][:limit]
    count, maintainers = len(names), int(arrays["number_of_maintainers"])
    sections = large_sections(arrays["package_section"][:limit])
    words = np.split(arrays["package_words_values"], arrays["package_words_row_splits"][1:-1])
    for shard in range(4):
        write_records(
            folder / f"package.tfrecord-{shard:05d}-of-00004",
            (
                {"#id": str(names[row]), "words": words[row], "section": str(sections[row])}
                for row in range(shard * count // 4, (shard + 1) * count // 4)
            ),
        )
    ids = {"package": names, "maintainer": np.arange(maintainers).astype(str)}
    (folder / "maintainer.csv").write_text("id\n" + "\n".join(ids["maintainer"]) + "\n", "utf-8")
    text = SCHEMA % {"packages": count, "maintainers": maintainers}
    for name, target in RELATIONS.items():
        links = arrays[f"edge_{name}"]
        links = links[:, (links[0] < count) & ((links[1] < count) | (target != "package"))]
        write_records(
            folder / f"{name}.tfrecord",
            ({"#source": str(names[a]), "#target": str(ids[target][b])} for a, b in links.T),
        )
        text += EDGE_SET % (name, target, name)
    (folder / "graph_schema.pbtxt").write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
