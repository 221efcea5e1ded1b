"""Subgraphs in files: who the roots are, what is known of them, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.schema.load import load_schema_graph
from graph_barlow_twins.pretrain.graph.schema.samples import read_samples
from graph_barlow_twins.pretrain.sampling.examples import example_of
from graph_barlow_twins.pretrain.sampling.memory import MemorySampler
from graph_barlow_twins.pretrain.sampling.network import read_network
from graph_barlow_twins.pretrain.sampling.plan import plan_by_fan_out

from tests.schema.flights import FLIGHTS, flights, write

SHARDS = 3


def save(folder, network, found, roots):
    """The subgraphs, shard by shard, and their schema."""
    files = [folder / f"s-{i:05d}-of-{SHARDS:05d}.tfrecord" for i in range(SHARDS)]
    writers = [tf.io.TFRecordWriter(str(path)) for path in files]
    sizes = {**found.node_sizes, **{f"{name}/": of for name, of in found.edge_sizes.items()}}
    ends = {name: np.cumsum([0, *of]) for name, of in sizes.items()}
    for place in range(len(roots)):

        def part(name, place=place):
            return slice(ends[name][place], ends[name][place + 1])

        nodes = {name: found.nodes[name][part(name)] for name in found.nodes}
        node_sets = {
            name: (
                one.ids[nodes[name]],
                {key: rows.take(nodes[name]) for key, rows in one.features.items()},
            )
            for name, one in network.node_sets.items()
        }
        edge_sets = {name: tuple(e[:, part(f"{name}/")]) for name, e in found.edges.items()}
        writers[place % SHARDS].write(example_of(node_sets, edge_sets))
    for one in writers:
        one.close()
    (folder / "s.schema.pbtxt").write_text(str(network.schema))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With flights/, and their samples s@3.tfrecord."""
    folder = tmp_path_factory.mktemp("samples")
    write(folder / "flights", flights())
    network = read_network(folder / "flights", "flight", "label")
    roots = np.arange(FLIGHTS)
    plan = plan_by_fan_out(network.kinds, "flight", (3, 2))
    save(folder, network, MemorySampler(network, plan, 0)(roots), roots)
    return folder


@pytest.mark.parametrize("pattern", ["s@3.tfrecord", "s@3", "s-*.tfrecord", "."])
def test_roots_are_the_nodes_of_the_graph(folder, pattern):
    found = read_samples(str(folder / pattern), None)
    graph = load_schema_graph(folder / "flights", target="flight")
    assert (found.target, found.label) == ("flight", "label")
    ids = found.data.node_ids.tolist()
    assert sorted(ids) == sorted(graph.data.node_ids.tolist())
    order = [graph.data.node_ids.tolist().index(one) for one in ids]
    names = [found.data.class_names[x] if x >= 0 else "" for x in found.data.labels]
    expected = [graph.data.class_names[x] if x >= 0 else "" for x in graph.data.labels[order]]
    assert names == expected
    # Of the roots' own features; those of other sets are joined in the graph alone.
    kinds = {one.name: one.kind for one in found.columns.columns}
    assert kinds == {"minutes": "number", "remark": "text", "weekday": "category"}
    planes = found.tables["plane"]
    assert set(planes.features["model"].dropna()) <= {"A320", "B737", "E190"}
    assert planes.features["model"].isna().sum() <= 1


@pytest.mark.parametrize(
    ("pattern", "options", "message"),
    [
        ("s@4.tfrecord", {}, "there is no file .*s-00000-of-00004.tfrecord"),
        ("t-*.tfrecord", {}, "there is no such file"),
        ("s@3.tfrecord", {"target": "pilot"}, "expected --target with one of airport, carrier"),
        ("s@3.tfrecord", {"label": "tail"}, "no feature 'tail'"),
    ],
)
def test_what_does_not_fit_is_refused(folder, pattern, options, message):
    with pytest.raises(InputError, match=message):
        read_samples(str(folder / pattern), None, **options)


def test_a_root_that_is_there_twice_is_refused(folder, tmp_path):
    for number in range(2):
        content = (folder / f"s-{number:05d}-of-00003.tfrecord").read_bytes()
        (tmp_path / f"{number}.tfrecord").write_bytes(content)
        (tmp_path / f"again-{number}.tfrecord").write_bytes(content)
    with pytest.raises(InputError, match="a root is there twice"):
        read_samples(str(tmp_path), str(folder / "s.schema.pbtxt"))


def test_a_damaged_file_is_refused(folder, tmp_path):
    content = (folder / "s-00000-of-00003.tfrecord").read_bytes()
    (tmp_path / "s.tfrecord").write_bytes(content[:-5])
    with pytest.raises(InputError, match=r"cannot read .*s\.tfrecord"):
        read_samples(str(tmp_path), str(folder / "s.schema.pbtxt"))
