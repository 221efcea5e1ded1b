"""A graph of a TF-GNN schema: its target's features, what is joined to them, and its relations."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.schema.load import load_schema_graph

from tests.schema.flights import AIRPORTS, FLIGHTS, PLANES, flights, write


def dense(data):
    return data.feature_rows(slice(None))


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    return load_schema_graph(write(tmp_path_factory.mktemp("csv"), flights()), target="flight")


def column(read, name):
    """The features that came of a column, [N, width]."""
    at = 0
    for one in read.columns.columns:
        if one.name == name:
            return dense(read.data)[:, at : at + one.width]
        at += one.width
    raise KeyError(name)


def test_nodes_and_labels_are_the_target_s(read):
    assert read.data.num_nodes == FLIGHTS
    assert list(read.data.node_ids[:2]) == ["f0", "f1"]
    assert read.data.class_names == ("late", "on time")
    assert list(read.data.labels[:4]) == [0, -1, 1, 0]
    assert "label" not in {one.name for one in read.columns.columns}


def test_each_edge_set_that_touches_the_target_is_a_relation(read):
    sizes = {one.name: one.num_targets for one in read.data.relations}
    assert sizes == {"flown_by": PLANES, "next": FLIGHTS, "operates": 3, "stops_at": AIRPORTS}
    operates = read.data.relation("operates")  # from the carriers: turned round
    assert np.array_equal(operates.edge_index, [range(FLIGHTS), [i % 3 for i in range(FLIGHTS)]])
    weights = read.data.relation("next").edge_weight
    assert weights.max() == pytest.approx(2 * weights.min())
    assert "owns" in read.told


def test_features_of_the_one_plane_are_joined(read):
    sets = flights()
    planes = [sets["plane"].keys["#id"].index(one) for one in sets["flown_by"].keys["#target"]]
    models = np.array(sets["plane"].features["model"][2])[planes]
    expected = np.stack([models == one for one in ("A320", "B737", "E190")], axis=1)
    assert np.array_equal(column(read, "flown_by.model"), expected)  # "" is none of them


def test_features_of_several_airports_are_averaged_or_counted(read):
    sets = flights()
    stops = np.zeros((FLIGHTS, AIRPORTS))
    for source, target in zip(*sets["stops_at"].keys.values(), strict=True):
        stops[int(source[1:]), sets["airport"].keys["#id"].index(target)] = 1
    tags = sets["airport"].features["tags"][2]
    has = np.array([[word in one for word in ("city", "hub", "sea")] for one in tags])
    assert np.array_equal(column(read, "stops_at.tags"), stops @ has)
    gates = sets["airport"].features["gates"][2]
    counts = np.array([[one.count(gate) for gate in (1, 2, 12)] for one in gates])
    assert np.array_equal(column(read, "stops_at.gates"), stops @ counts)
    is_open = stops @ np.array(sets["airport"].features["open"][2]) / 2
    expected = (is_open - is_open.mean()) / is_open.std()
    assert np.allclose(column(read, "stops_at.open"), expected, atol=1e-6)
    place = stops @ np.array(sets["airport"].features["place"][2]) / 2
    assert np.allclose(column(read, "stops_at.place"), (place - place.mean()) / place.std())


def test_texts_are_words_and_names_are_nothing(read):
    kinds = {one.name: one.kind for one in read.columns.columns}
    assert kinds["remark"] == "text"  # though it is another one in each row
    assert "number" not in kinds
    assert "say nothing of a node are left out: number;" in read.told


def test_columns_come_in_one_order(read):
    """A map of a message has another order in each process."""
    own = [one.name for one in read.columns.columns if "." not in one.name]
    assert own == sorted(own)


def test_integers_of_few_values_are_categories(read):
    weekdays = flights()["flight"].features["weekday"][2]
    assert np.array_equal(column(read, "weekday"), np.eye(8)[weekdays][:, 1:])


@pytest.mark.parametrize(("suffix", "shards"), [(".tfrecord", 1), (".tfrecord", 3), (".csv", 3)])
def test_records_and_shards_hold_the_same_graph(read, tmp_path, suffix, shards):
    other = load_schema_graph(write(tmp_path, flights(), suffix, shards), target="flight")
    assert np.allclose(dense(other.data), dense(read.data), atol=1e-6)
    assert other.columns.to_list()[0]["name"] == read.columns.to_list()[0]["name"]
    assert np.array_equal(other.data.labels, read.data.labels)
    for one in read.data.relations:
        assert np.array_equal(other.data.relation(one.name).edge_index, one.edge_index)


def test_a_set_that_reads_another_one_backwards_is_no_further_relation(read, tmp_path):
    sets = flights()
    backwards = flights()["flown_by"]
    backwards.name, backwards.ends, backwards.file = "flies", ("plane", "flight"), "flown_by.csv"
    backwards.extra = "extra { key: 'edge_type' value: 'reversed' }"
    sets["flies"] = backwards
    both = load_schema_graph(write(tmp_path / "both", sets), target="flight").data
    assert [one.name for one in both.relations] == [one.name for one in read.data.relations]
    sets["flown_by"].name, sets["flown_by"].extra = "flown_by", backwards.extra
    sets["flown_by"].ends, sets["flies"].extra = ("plane", "flight"), ""
    del sets["flies"]
    alone = load_schema_graph(write(tmp_path / "alone", sets), target="flight").data
    expected = read.data.relation("flown_by").edge_index
    assert np.array_equal(alone.relation("flown_by").edge_index, expected)


def test_another_graph_is_read_by_the_columns_of_the_first(read, tmp_path):
    sets = flights()
    sets["flight"].features["weekday"] = ("DT_INT64", [], [3] * FLIGHTS)
    other = load_schema_graph(write(tmp_path, sets), target="flight", columns=read.columns)
    assert other.data.num_features == read.data.num_features
    assert np.array_equal(column(other, "weekday"), np.eye(8)[[3] * FLIGHTS][:, 1:])


def test_several_planes_of_a_flight_count_each(read, tmp_path):
    """Also where each flight had one at first."""
    sets = flights()
    sets["flown_by"].keys["#source"].append("f0")
    first = sets["flown_by"].keys["#target"][0]
    planes = sets["plane"].keys["#id"]
    second = planes[(planes.index(first) + 1) % len(planes)]
    sets["flown_by"].keys["#target"].append(second)
    other = load_schema_graph(write(tmp_path, sets), target="flight", columns=read.columns)
    seats = column(other, "flown_by.seats")
    assert np.array_equal(seats[1:], column(read, "flown_by.seats")[1:])
    assert seats[0].sum() == 2


def test_shards_and_edge_sets_may_be_empty(tmp_path):
    sets = flights()
    for values in sets["next"].keys.values():
        values.clear()
    sets["next"].features.clear()
    for suffix in (".csv", ".tfrecord"):
        folder = write(tmp_path / suffix[1:], sets, suffix, shards=8)  # six airports
        data = load_schema_graph(folder, target="flight").data
        assert data.relation("next").edge_index.shape == (2, 0)
        assert data.relation("stops_at").num_targets == AIRPORTS


def test_a_label_of_several_classes(tmp_path):
    sets = flights()
    rows = [[i % 2, 1 - i % 2] if i else [] for i in range(FLIGHTS)]
    sets["flight"].features["label"] = ("DT_INT64", [2], rows)
    for suffix in (".csv", ".tfrecord"):
        data = load_schema_graph(write(tmp_path / suffix[1:], sets, suffix)).data
        assert data.labels[:3].tolist() == [[-1, -1], [1, 0], [0, 1]]


def test_names_that_relations_may_not_have(tmp_path):
    sets = flights()
    sets["flown_by"].name, sets["operates"].name = "links", "a>b"
    sets["_readout"] = flights()["carrier"]
    sets["_readout"].name = "_readout"
    sets["_readout/seed"] = flights()["operates"]
    sets["_readout/seed"].name, sets["_readout/seed"].file = "_readout/seed", "no"
    sets["_readout/seed"].ends = ("flight", "_readout")
    data = load_schema_graph(write(tmp_path, sets), target="flight").data
    assert {one.name for one in data.relations} == {"links_", "a_b", "next", "stops_at"}


def test_a_label_that_was_a_feature_stays_one(read, tmp_path):
    folder = write(tmp_path, flights())
    again = load_schema_graph(folder, target="flight", label="weekday", columns=read.columns)
    assert again.data.num_classes == 7
    assert np.array_equal(dense(again.data), dense(read.data))


def test_the_target_is_guessed_where_one_alone_has_labels(tmp_path):
    assert load_schema_graph(write(tmp_path, flights())).data.num_nodes == FLIGHTS


def test_any_feature_may_be_the_label(tmp_path):
    data = load_schema_graph(write(tmp_path, flights()), target="plane", label="model").data
    assert data.class_names == ("A320", "B737", "E190")
    assert {one.name for one in data.relations} == {"flown_by", "owns"}
