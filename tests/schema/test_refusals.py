"""What is wrong in a schema or its files is said in one line, with file and row."""

import pytest
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.schema.load import load_schema_graph

from tests.schema.flights import FLIGHTS, flights, write


def replaced(sets, name, key, row, value):
    one = sets[name]
    values = one.keys[key] if key in one.keys else one.features[key][2]
    values[row] = value


CASES = {
    "an id twice": (
        lambda sets: replaced(sets, "plane", "#id", 5, "N002"),
        r"node set 'plane': .*plane\.csv, row 6: the id 'N002' is there already \(.*, row 3\)",
    ),
    "a link to nobody": (
        lambda sets: replaced(sets, "stops_at", "#target", 3, "XXX"),
        r"edge set 'stops_at': .*stops_at\.csv, row 4: target 'XXX' is no id of node set 'airport'",
    ),
    "no id": (
        lambda sets: replaced(sets, "flown_by", "#source", 0, ""),
        r"edge set 'flown_by': .*flown_by\.csv, row 1: there is no source",
    ),
    "a word for a number": (
        lambda sets: replaced(sets, "flight", "minutes", 7, "long"),
        r"flight\.csv, row 8: feature 'minutes': expected a number, got 'long'",
    ),
    "half an integer": (
        lambda sets: replaced(sets, "flight", "weekday", 2, 1.5),
        r"flight\.csv, row 3: feature 'weekday': expected an integer, got '1\.5'",
    ),
    "a vector that is too short": (
        lambda sets: replaced(sets, "airport", "place", 1, [1.0]),
        r"airport\.csv, row 2: feature 'place': expected 2 values, got 1",
    ),
    "fewer rows than said": (
        lambda sets: setattr(sets["plane"], "extra", "cardinality: 9"),
        r"node set 'plane': the schema says 9 rows .*, its files have 8",
    ),
    "a file that is not there": (
        lambda sets: setattr(sets["plane"], "file", "planes.csv"),
        r"node set 'plane': there is no file .*planes\.csv",
    ),
    "a file of another kind": (
        lambda sets: setattr(sets["plane"], "file", "graph_schema.pbtxt"),
        r"node set 'plane': .*: expected a name with \.csv or \.tfrecord in it",
    ),
    "an unknown node set": (
        lambda sets: setattr(sets["flown_by"], "ends", ("flight", "rocket")),
        r"graph_schema\.pbtxt: edge set 'flown_by': its target is 'rocket'; there are the node"
        r" sets airport, carrier, flight, plane",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_line_says_what_is_wrong(tmp_path, case):
    spoil, message = CASES[case]
    sets = flights()
    spoil(sets)
    with pytest.raises(InputError, match=message) as caught:
        load_schema_graph(write(tmp_path, sets), target="flight")
    assert "\n" not in str(caught.value)


def test_a_record_of_another_dtype_is_named(tmp_path):
    sets = flights()
    folder = write(tmp_path, sets, ".tfrecord")
    sets["flight"].features["minutes"] = ("DT_INT64", [], list(range(FLIGHTS)))
    text = (folder / "graph_schema.pbtxt").read_text()
    write(tmp_path / "integers", {"flight": sets["flight"]}, ".tfrecord")
    (tmp_path / "integers" / "flight.tfrecord").replace(folder / "flight.tfrecord")
    (folder / "graph_schema.pbtxt").write_text(text)
    with pytest.raises(InputError, match="row 1: feature 'minutes': expected float, got int64"):
        load_schema_graph(folder, target="flight")


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    folder = write(tmp_path, flights(), ".tfrecord")
    whole = (folder / "plane.tfrecord").read_bytes()
    (folder / "plane.tfrecord").write_bytes(whole[:-5])
    with pytest.raises(InputError, match=r"node set 'plane': cannot read .*plane\.tfrecord"):
        load_schema_graph(folder, target="flight")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "rocket"}, "--target: .* has no node set 'rocket', but airport, carrier"),
        ({"target": "plane", "label": "colour"}, "node set 'plane' has no feature 'colour', but"),
        (
            {"target": "flight", "label": "minutes"},
            "'minutes' of node set 'flight': expected classes, got",
        ),
    ],
)
def test_what_the_schema_does_not_have_is_refused(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        load_schema_graph(write(tmp_path, flights()), **options)


def test_the_target_is_asked_for_where_it_is_not_clear(tmp_path):
    sets = flights()
    del sets["flight"].features["label"]
    with pytest.raises(InputError, match="expected --target with one of airport, carrier, flight"):
        load_schema_graph(write(tmp_path, sets))


def test_a_folder_without_a_schema_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected one schema \(\*\.pbtxt\) in it, got none"):
        load_schema_graph(tmp_path)
    (tmp_path / "s.pbtxt").write_text("node_sets { nonsense: 1 }")
    with pytest.raises(InputError, match=r"s\.pbtxt: expected a TF-GNN schema"):
        load_schema_graph(tmp_path)
