"""Embedding of subgraphs by Beam, with models that are written here."""

import functools
import json

import numpy as np
import pyarrow.parquet
import pytest
import tensorflow as tf
from graph_barlow_twins.pretrain.cluster import embed as embedding
from graph_barlow_twins.pretrain.cluster.embed import embed
from graph_barlow_twins.pretrain.errors import InputError, OutputError
from graph_barlow_twins.pretrain.sampling.examples import example_of

from tests.cluster.by_loops import content_of

SHARDS, WIDTH = 3, 4


def numbers(ids):
    return np.array([[len(one), sum(one.encode()), 1, 0] for one in ids], np.float32)


@functools.cache
def load_stub(path):
    def apply(records):
        ids = [content_of(one)["nodes/a.#id"][0] for one in records]
        return np.array(ids, str), numbers(ids).reshape(-1, WIDTH)

    return apply


def write_samples(folder, ids, shards=2):
    for shard in range(shards):
        path = folder / f"s-{shard:05d}-of-{shards:05d}.tfrecord"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for one in ids[shard::shards]:
                writer.write(example_of({"a": (np.array([one, "other"], object), {})}, {}))
    (folder / "s.json").write_text(json.dumps({"roots": len(ids)}))
    return str(folder / f"s@{shards}.tfrecord")


def embedded(pattern, folder, **options):
    options = {"loader": load_stub, "quiet": True} | options
    return embed("model", pattern, str(folder / f"e@{SHARDS}.parquet"), **options)


def tables(folder):
    return [pyarrow.parquet.read_table(path) for path in sorted(folder.glob("e-*.parquet"))]


def test_each_root_has_its_row(tmp_path):
    ids = [f"n{i}é" for i in range(600)]
    assert embedded(write_samples(tmp_path, ids), tmp_path) == 600
    shards = tables(tmp_path)
    assert len(shards) == SHARDS
    found = [shard["node_id"].to_pylist() for shard in shards]
    assert all(one and one == sorted(one) for one in found)
    assert sorted(sum(found, [])) == sorted(ids)  # noqa: RUF017
    for shard, mine in zip(shards, found, strict=True):
        columns = [shard[f"dim_{i}"].to_numpy() for i in range(WIDTH)]
        np.testing.assert_array_equal(np.stack(columns, 1), numbers(mine))
    with pytest.raises(InputError, match="--overwrite"):
        embedded(str(tmp_path / "s@2"), tmp_path)


@pytest.mark.slow  # a pipeline each
def test_what_is_done_twice_is_there_once(tmp_path):
    pattern = write_samples(tmp_path, ["one"])  # and shards without a row
    assert embedded(pattern, tmp_path, options=["--direct_runner_bundle_repeat=1"]) == 1
    assert [one.num_rows for one in tables(tmp_path)].count(0) == SHARDS - 1
    assert len({tuple(one.column_names) for one in tables(tmp_path)}) == 1


@pytest.mark.slow
def test_several_processes_write_the_same(tmp_path):
    ids = [f"n{i}" for i in range(40)]
    pattern = write_samples(tmp_path, ids)
    embedded(pattern, tmp_path)
    (tmp_path / "again").mkdir()
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    embedded(pattern, tmp_path / "again", options=options)
    for path in tmp_path.glob("e-*"):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.slow
def test_roots_that_are_there_twice_are_told(tmp_path):
    pattern = write_samples(tmp_path, ["one", "two", "one"])
    with pytest.raises(InputError, match="the subgraph of 'one' is there twice"):
        embedded(pattern, tmp_path)
    assert not list(tmp_path.glob("*e*parquet*"))


@pytest.mark.slow
def test_lost_rows_fail_the_job(tmp_path, monkeypatch):
    process = embedding.Apply.process

    def losing(self, path):
        yield from (one for one in process(self, path) if one[0] == "counts")

    monkeypatch.setattr(embedding.Apply, "process", losing)
    pattern = write_samples(tmp_path, ["one", "two"])
    with pytest.raises(OutputError, match="of 2 examples, 0 came"):
        embedded(pattern, tmp_path)


@pytest.mark.slow
def test_incomplete_samples_are_told(tmp_path):
    pattern = write_samples(tmp_path, ["one", "two"])
    (tmp_path / "s.json").write_text(json.dumps({"roots": 3}))
    with pytest.raises(InputError, match="expected 3 subgraphs"):
        embedded(pattern, tmp_path)


def test_missing_samples_are_told(tmp_path):
    pattern = write_samples(tmp_path, ["one", "two"])
    with pytest.raises(InputError, match="there is no such file"):
        embedded(str(tmp_path / "x*"), tmp_path)
    (tmp_path / "s.json").unlink()
    with pytest.raises(InputError, match=r"there is no .*s\.json"):
        embedded(pattern, tmp_path)
    (tmp_path / "s-00001-of-00002.tfrecord").unlink()
    with pytest.raises(InputError, match=r"there is no file .*s-00001-of-00002"):
        embedded(pattern, tmp_path)
