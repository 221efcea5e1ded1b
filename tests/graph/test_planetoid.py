"""Graphs from Planetoid files come in with every row in its place, or the file is named."""

import pickle
from collections import defaultdict

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.output.paths import inputs_of

from tests.graph.parts import refused


def write_planetoid(folder, protocol=2, **changes):
    """A citeseer in small: 502 + 2 nodes before the test nodes 504, 506, 507; 505 is left out."""
    rng = np.random.default_rng(0)
    features = scipy.sparse.csr_matrix((rng.random((507, 6)) < 0.5).astype(np.float32))
    one_hot = np.eye(3, dtype=np.int32)[np.arange(507) % 3]
    links = defaultdict(list, {node: [] for node in range(508)})
    links[0], links[1], links[2] = [1, 504], [0, 0, 1], [2]
    parts = {
        "x": features[:2],
        "y": one_hot[:2],
        "allx": features[:504],
        "ally": one_hot[:504],
        "tx": features[504:],
        "ty": one_hot[504:],
        "graph": links,
        "test.index": "507\n504\n506\n",
    } | changes
    for part, value in parts.items():
        path = folder / f"ind.tiny.{part}"
        if isinstance(value, str | bytes):
            path.write_bytes(value.encode() if isinstance(value, str) else value)
        elif value is not None:
            path.write_bytes(pickle.dumps(value, protocol))
    return features.toarray(), one_hot


def test_cora(planetoid_dir):
    data = load_dataset("planetoid:cora", str(planetoid_dir))
    assert (data.num_nodes, data.num_features, data.num_classes) == (2708, 1433, 7)
    assert data.num_edges == 2 * 5278
    masks = (data.train_mask, data.val_mask, data.test_mask)
    assert [int(mask.sum()) for mask in masks] == [140, 500, 1000]
    assert (np.bincount(data.labels[data.train_mask]) == 20).all()
    assert (data.labels >= 0).all()
    assert set(data.features.data) == {1.0}
    # Rows of tx put in the wrong order still pass all counts, but linked papers would then agree
    # in topic and in words no more often than chance (measured with shuffled rows: 0.19 and 1.0
    # words; in the right order 0.81 and 3.0).
    source, target = data.edge_index[:, data.test_mask[data.edge_index[0]]]
    assert (data.labels[source] == data.labels[target]).mean() > 0.75
    shared = data.features[source].multiply(data.features[target]).sum(1)
    assert shared.mean() > 2.5


def test_planetoid_puts_test_rows_where_the_index_says(tmp_path):
    features, one_hot = write_planetoid(tmp_path)
    data = load_dataset("planetoid:tiny", str(tmp_path))
    assert data.num_nodes == 508
    dense = data.features.toarray()
    np.testing.assert_array_equal(dense[:504], features[:504])
    np.testing.assert_array_equal(dense[[507, 504, 506]], features[504:])
    np.testing.assert_array_equal(dense[505], 0)
    np.testing.assert_array_equal(data.labels[[507, 504, 506]], one_hot[504:].argmax(1))
    assert data.labels[505] == -1
    np.testing.assert_array_equal(np.flatnonzero(data.train_mask), [0, 1])
    np.testing.assert_array_equal(np.flatnonzero(data.val_mask), np.arange(2, 502))
    np.testing.assert_array_equal(np.flatnonzero(data.test_mask), [504, 506, 507])
    np.testing.assert_array_equal(data.edge_index, [[0, 0, 1, 504], [1, 504, 0, 0]])


def same_graph(data, expected):
    np.testing.assert_array_equal(data.features.toarray(), expected.features.toarray())
    for part in ("edge_index", "labels", "train_mask", "val_mask", "test_mask"):
        np.testing.assert_array_equal(getattr(data, part), getattr(expected, part))


REWRITTEN = {
    kind.__name__: kind
    for kind in (
        scipy.sparse.csr_array, scipy.sparse.csc_matrix, scipy.sparse.csc_array,
        scipy.sparse.lil_matrix, scipy.sparse.lil_array, scipy.sparse.coo_matrix,
        scipy.sparse.coo_array,
    )
} | {
    "dense": lambda matrix: matrix.toarray(),
    "every other column of a dense one": lambda matrix: np.repeat(matrix.toarray(), 2, 1)[:, ::2],
    "np.matrix": lambda matrix: matrix.todense(),
    "bool": lambda matrix: matrix.astype(bool),
}  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("form", REWRITTEN)
def test_files_that_newer_programs_rewrote(form, protocol, tmp_path):
    features, one_hot = write_planetoid(tmp_path)
    expected = load_dataset("planetoid:tiny", str(tmp_path))
    matrix = scipy.sparse.csr_matrix(features)
    links = {node: np.array([], np.int64) for node in range(508)}
    links |= {0: [np.int64(1), 504], 1: (0, 0, 1), 2: np.array([2])}
    write_planetoid(
        tmp_path, protocol, allx=REWRITTEN[form](matrix[:504]), tx=REWRITTEN[form](matrix[504:]),
        ally=one_hot[:504].astype(bool), ty=one_hot[504:].astype(float), graph=links,
    )  # fmt: skip
    same_graph(load_dataset("planetoid:tiny", str(tmp_path)), expected)


@pytest.mark.parametrize("folder", [".", "raw", "Tiny/raw", "tiny"])
def test_folders_as_other_libraries_lay_them_out(folder, tmp_path, monkeypatch):
    place = tmp_path / folder
    place.mkdir(parents=True, exist_ok=True)
    write_planetoid(place)
    for litter in (".DS_Store", "._ind.tiny.graph", "ind.tiny.graph~", "Thumbs.db"):
        (place / litter).write_bytes(b"litter")
    for name in ("tiny", "Tiny", "TINY"):
        data = load_dataset(f"planetoid:{name}", str(tmp_path))
        assert (data.num_nodes, data.name) == (508, "planetoid:tiny")
        assert place / "ind.tiny.graph" in inputs_of(f"planetoid:{name}", str(tmp_path))
    assert load_dataset(f"planetoid:{place}").num_nodes == 508
    assert load_dataset(f"planetoid:{place}/Tiny").num_nodes == 508
    monkeypatch.chdir(place.parent)
    elsewhere = tmp_path / "elsewhere"
    for name in (place.name, f"./{place.name}", f"{place.name}/", f"{place.name}/tiny"):
        for data_dir in (None, str(elsewhere)):
            assert load_dataset(f"planetoid:{name}", data_dir).num_nodes == 508
            assert place / "ind.tiny.graph" in [
                one.absolute() for one in inputs_of(f"planetoid:{name}", data_dir)
            ]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GBT_DATA_DIR", "~")
    assert load_dataset("planetoid:tiny").num_nodes == 508


def test_planetoid_folder_from_the_environment(tmp_path, monkeypatch):
    write_planetoid(tmp_path)
    monkeypatch.setenv("GBT_DATA_DIR", str(tmp_path))
    assert load_dataset("planetoid:tiny").num_nodes == 508
    monkeypatch.delenv("GBT_DATA_DIR")
    refused("needs --data-dir DIR", load_dataset, "planetoid:tiny")


EVIL = b"cos\nsystem\n(S'true'\ntR."
EYE = np.eye(3, dtype=np.int32)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("allx", None, r"missing in .*: ind\.tiny\.allx \(data sets there: tiny\)"),
        ("test.index", None, r"missing in .*: ind\.tiny\.test\.index"),
        ("allx", pickle.dumps(np.ones((9, 9)), 2)[:-40], r"ind\.tiny\.allx: truncated or corrupt"),
        ("graph", EVIL, r"ind\.tiny\.graph: refused to load os\.system"),
        ("tx", EVIL, r"ind\.tiny\.tx: refused to load os\.system"),
        ("tx", [1, 2], r"ind\.tiny\.tx: expected a matrix of features, got list"),
        ("tx", scipy.sparse.csr_matrix(np.eye(3, 5)), r"tiny\.tx: expected 6 columns.*, got 5"),
        ("tx", scipy.sparse.csr_matrix(np.eye(2, 6)), r"tiny\.tx: expected 3 rows.*, got 2"),
        ("ty", EYE[:2], r"ind\.tiny\.ty: expected 3 rows, as test.index, got 2"),
        ("ty", np.ones((3, 3), np.int32), r"ind\.tiny\.ty: expected rows with at most one 1"),
        ("y", np.ones(3, np.int32), r"ind\.tiny\.y: expected one-hot labels.*shape \(3,\)"),
        ("y", EYE[np.zeros(9, int)], r"ind\.tiny\.allx: expected at least 9 \+ 500 rows, got 504"),
        ("ally", EYE, r"ind\.tiny\.ally: expected 504 rows, as in allx, got 3"),
        ("graph", [[1]], r"ind\.tiny\.graph: expected a dict"),
        ("graph", {0: 1}, r"ind\.tiny\.graph: expected a dict from node to list"),
        ("graph", {0: [1.5]}, r"ind\.tiny\.graph: expected nodes to be integers"),
        ("graph", {0: [[1]]}, r"ind\.tiny\.graph: expected nodes to be integers"),
        ("graph", {0: [2**70]}, r"ind\.tiny\.graph: expected node numbers that fit int64"),
        ("graph", {n: [n + 1] for n in range(508)}, r"tiny: edge_index: .*got 508 as the target"),
        ("test.index", "504\nabc\n507\n", r"test\.index: expected one node number per line"),
        ("test.index", "504\n504\n507\n", r"test\.index: expected different node numbers"),
        ("test.index", "", r"test\.index: expected different node numbers, got none"),
        ("test.index", "503\n504\n507\n", r"test\.index: expected nodes from 504 on.*got 503"),
        ("test.index", "504\n506\n999999999999\n", r"expected nodes below 508.*got 999999999999"),
        ("test.index", "504\n506\n9999999999999999999999\n", "expected one node number per line"),
    ],
)
def test_planetoid_files_that_are_wrong_are_named(tmp_path, part, value, message):
    write_planetoid(tmp_path, **{part: value})
    refused(message, load_dataset, "planetoid:tiny", str(tmp_path))


def test_planetoid_folder_that_is_missing(tmp_path):
    refused("no folder .*nowhere", load_dataset, "planetoid:tiny", str(tmp_path / "nowhere"))
    refused(r"missing in \.\.: ind\.tiny", load_dataset, "planetoid:../tiny", str(tmp_path))
    refused("data sets there: none", load_dataset, "planetoid:tiny", str(tmp_path))
