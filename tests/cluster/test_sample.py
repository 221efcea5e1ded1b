"""What sampling by Beam writes, and what it refuses."""

import itertools
import json

import pytest
import tensorflow as tf
import tensorflow_gnn as tfgnn
from google.protobuf import text_format
from graph_barlow_twins.pretrain.cluster import draw, index, place, read
from graph_barlow_twins.pretrain.cluster.sample import sample
from graph_barlow_twins.pretrain.errors import InputError, OutputError
from graph_barlow_twins.pretrain.sampling.plan import Plan

from tests.cluster.by_loops import assert_same, awkward_flights, content_of, contents_of, subgraphs
from tests.schema.flights import flights, write

FAN_OUT = (3, 2)
SHARDS = 3


def sampled(folder, output, **options):
    options = {"target": "flight", "fan_out": FAN_OUT, "quiet": True} | options
    return sample(str(folder), str(output), **options)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Folder, tables, and what came back, of a run on awkward ones."""
    folder = tmp_path_factory.mktemp("sampling")
    sets = awkward_flights()
    write(folder / "flights", sets, ".csv")
    return folder, sets, sampled(folder / "flights", folder / f"s@{SHARDS}.tfrecord", seed=7)


def files_of(folder, name="s"):
    return [folder / f"{name}-{i:05d}-of-{SHARDS:05d}.tfrecord" for i in range(SHARDS)]


def test_subgraphs_are_those_of_loops(run):
    folder, sets, about = run
    expected = subgraphs(folder / "flights", sets, Plan.from_dict(about["plan"]), 7)
    found = [contents_of(path) for path in files_of(folder)]
    roots = [[one["nodes/flight.#id"][0] for one in shard] for shard in found]
    assert all(shard and shard == sorted(shard) for shard in roots)
    assert sorted(itertools.chain(*roots)) == sorted(expected)
    for one in itertools.chain(*found):
        assert_same(one, expected[one["nodes/flight.#id"][0]])


def test_tf_gnn_reads_them(run):
    folder, _, about = run
    written = json.loads((folder / "s.json").read_text())
    assert Plan.from_dict(written.pop("plan")) == Plan.from_dict(about["plan"])
    assert about.items() >= written.items()
    assert about["roots"] == 40
    assert about["label"] == "label"
    schema = text_format.Parse((folder / "s.schema.pbtxt").read_text(), tfgnn.GraphSchema())
    spec = tfgnn.create_graph_spec_from_schema_pb(schema)
    record = next(iter(tf.data.TFRecordDataset(str(files_of(folder)[0]))))
    graph = tfgnn.parse_single_example(spec, record)
    assert set(graph.edge_sets) >= {"flies", "flown_by", "reversed_next", "serves", "leads"}
    assert graph.node_sets["airport"]["tags"].shape.rank == 2
    assert graph.node_sets["flight"]["#id"][0] == content_of(record.numpy())["nodes/flight.#id"][0]


def test_output_is_not_replaced_unasked(run):
    folder, _, _ = run
    with pytest.raises(InputError, match=r"s-00000-of-00003.tfrecord exists; .* --overwrite"):
        sampled(folder / "flights", folder / "s@2")


@pytest.mark.parametrize("output", ["s", "s@0", "s@3.csv", "no/s@3", "flights/s@3"])
def test_output_has_to_name_shards_elsewhere(tmp_path, output):
    write(tmp_path / "flights", flights())
    with pytest.raises(InputError, match="--output"):
        sampled(tmp_path / "flights", tmp_path / output)


def test_how_much_is_drawn_has_to_be_said(tmp_path):
    write(tmp_path / "flights", flights())
    with pytest.raises(InputError, match="expected either --fan-out or --sampling-spec"):
        sampled(tmp_path / "flights", tmp_path / "s@3", fan_out=())


def repeated(sets):
    sets["plane"].keys["#id"][5] = "N001"


def dangling(sets):
    sets["stops_at"].keys["#target"][60] = "XXX"


def dangling_backwards(sets):
    sets["operates"].keys["#source"][3] = "d"


def too_few(sets):
    sets["next"].extra = "cardinality: 21"


def wrong_number(sets):
    sets["flight"].features["weekday"][2][4] = "Monday"


@pytest.mark.slow  # a pipeline each
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (repeated, r"node set 'plane': \S*plane.csv-00001-of-00002, row 2: the id 'N001' is there"
                   r" already \(.*plane.csv-00000-of-00002, row 2\)$"),
        (dangling, r"edge set 'stops_at': \S*stops_at.csv-00001-of-00002, row 21: target 'XXX' is"
                   r" no id of node set 'airport'$"),
        (dangling_backwards, r"row 4: source 'd' is no id of node set 'carrier'$"),
        (too_few, r"edge set 'next': the schema says 21 rows .* have 20$"),
        (wrong_number, r"weekday': expected an integer, got 'Monday'$"),
    ],
)  # fmt: skip
def test_wrong_tables_are_told_with_file_and_row(tmp_path, spoil, message):
    sets = flights()
    spoil(sets)
    write(tmp_path / "flights", sets, ".csv", shards=2)
    with pytest.raises(InputError, match=message):
        sampled(tmp_path / "flights", tmp_path / "s@3")
    assert [one.name for one in tmp_path.iterdir()] == ["flights"]


@pytest.mark.slow  # a pipeline each
@pytest.mark.parametrize("where", [read.Read, index.Index, draw.Draw, place.Place])
def test_lost_blocks_fail_the_job(tmp_path, monkeypatch, where):
    process, lost = where.process, []

    def losing(self, element):
        for one in process(self, element):
            if lost or one[0] == "counts":
                yield one
            else:
                lost.append(one)

    monkeypatch.setattr(where, "process", losing)
    write(tmp_path / "flights", flights())
    # Links to nodes that are lost look like links to nowhere.
    with pytest.raises((OutputError, InputError), match=r"lost|is no id of"):
        sampled(tmp_path / "flights", tmp_path / "s@3")
    assert lost
    assert [one.name for one in tmp_path.iterdir()] == ["flights"]
