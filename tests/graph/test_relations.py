"""Relations: what a file may say of its links' kinds, and what becomes of them."""

import dataclasses

import numpy as np
import pytest
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges
from graph_barlow_twins.pretrain.graph.npy import load_npy_folder
from graph_barlow_twins.pretrain.graph.npz import load_npz

from tests.graph.relational import GROUPS, NODES, packages

FEATURES = {"features": np.eye(4, dtype=np.float32)}
CITES = np.array([[0, 1, 1, 2, 3], [1, 2, 2, 2, 0]])  # one twice, one a loop


def written(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_one_array_for_each_relation(tmp_path):
    file = written(
        tmp_path / "g.npz",
        **FEATURES,
        edge_index_cites=CITES,
        edge_index_in=np.array([[0, 1, 1], [5, 5, 5]]),
        num_targets_in=6,
    )
    data = load_npz(file)
    cites, inside = data.relations
    assert (cites.name, cites.num_targets, cites.between_nodes) == ("cites", 4, True)
    np.testing.assert_array_equal(cites.edge_index, [[0, 1, 3], [1, 2, 0]])
    assert (inside.name, inside.num_targets, inside.between_nodes) == ("in", 6, False)
    np.testing.assert_array_equal(inside.edge_index, [[0, 1], [5, 5]])
    # All links between nodes, both ways.
    np.testing.assert_array_equal(data.edge_index, [[0, 0, 1, 1, 2, 3], [1, 3, 0, 2, 1, 0]])
    assert data.relation("in") is inside


def test_a_folder_has_them_too(tmp_path):
    for name, array in (*FEATURES.items(), ("edge_index_cites", CITES)):
        np.save(tmp_path / f"{name}.npy", array)
    (cites,) = load_npy_folder(tmp_path).relations
    np.testing.assert_array_equal(cites.edge_index, [[0, 1, 3], [1, 2, 0]])


@pytest.mark.parametrize(
    ("types", "names"),
    [(np.array([7, 2, 2, 2, 7]), ["type 2", "type 7"]), (np.array(list("babab")), ["a", "b"])],
)
def test_types_of_edges(tmp_path, types, names):
    data = load_npz(written(tmp_path / "g.npz", **FEATURES, edge_index=CITES, edge_type=types))
    assert [one.name for one in data.relations] == names
    links = {tuple(pair) for one in data.relations for pair in one.edge_index.T}
    assert links == {(0, 1), (1, 2), (3, 0)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"edge_index_": CITES}, "unknown keys edge_index_"),
        ({"num_targets_x": 3, "edge_index_y": CITES}, "num_targets_x: there is no edge_index_x"),
        ({"num_targets_x": 3}, "the key edge_index is missing"),
        ({"edge_index_a>": CITES}, "relation 'a>': expected a name without < and >"),
        ({"edge_index_links": CITES}, "relation 'links': expected a name"),
        ({"edge_index_x": CITES.T}, r"edge_index_x: edge_index: expected shape \[2, E\]"),
        ({"edge_index_x": CITES + 2}, r"expected nodes in \[0, 4\), got"),
        ({"edge_index_x": CITES, "num_targets_x": 2}, r"expected targets in \[0, 2\), got 2"),
        ({"edge_index_x": CITES + 3, "num_targets_x": 9}, r"expected sources in \[0, 4\), got 6"),
        ({"edge_index_x": CITES * 1.0, "num_targets_x": 9}, "expected integers"),
        ({"edge_index_x": CITES, "num_targets_x": [1, 2]}, "num_targets: expected an integer"),
        ({"edge_index_x": CITES, "num_targets_x": -1}, "num_targets: expected an integer"),
        ({"edge_index_x": CITES, "num_targets_x": 1.5}, "num_targets: expected an integer"),
        ({"edge_index": CITES, "edge_type": [1]}, "edge_type: expected integers or strings"),
        ({"edge_index": CITES, "edge_type": np.ones(5)}, "edge_type: expected integers"),
        (
            {"edge_index": CITES, "edge_type": np.arange(5), "edge_index_x": CITES},
            "expected either edge_type or edge_index_NAME",
        ),
        (
            {"edge_index": np.zeros((2, 200), int), "edge_type": np.arange(200)},
            "expected at most 100 types, got 200",
        ),
        ({f"edge_index_{n}": CITES for n in range(101)}, "at most 100 relations, got 101"),
    ],
)
def test_what_is_refused(tmp_path, arrays, message):
    with pytest.raises(InputError, match=message):
        load_npz(written(tmp_path / "g.npz", **FEATURES, **arrays))


def test_the_digest_knows_relations():
    plain = make_graph_data(name="g", **FEATURES, edge_index=CITES)
    typed = [
        make_graph_data(name="g", **FEATURES, edge_index=CITES, relations={"edge_type": types})
        for types in (np.array([0, 1, 1, 1, 1]), np.array([1, 1, 1, 1, 0]))
    ]
    assert len({one.digest() for one in (plain, *typed)}) == 3


def test_held_out_links_are_in_no_relation():
    data = packages()
    left, held_out = hold_out_edges(data, 0.3, seed=0)
    gone = {frozenset(pair) for pair in held_out.positives.T.tolist()}
    for one, before in zip(left.relations, data.relations, strict=True):
        kept = {frozenset(pair) for pair in one.edge_index.T.tolist()}
        if one.between_nodes:
            all_of_them = {frozenset(pair) for pair in before.edge_index.T.tolist()}
            assert kept == all_of_them - gone
        else:
            assert one is before


def test_there_is_no_such_relation():
    with pytest.raises(InputError, match="expected a relation 'likes', but it has cites, uses"):
        packages().relation("likes")
    nobody = dataclasses.replace(packages(), relations=())
    with pytest.raises(InputError, match="but it has none"):
        nobody.relation("likes")
    assert packages().relation("belongs").num_targets == GROUPS < NODES
