"""Graphs come in clean, or are refused with one line."""

import pickle
from collections import defaultdict

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.datasets import load_dataset
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph_data import make_graph_data


def small_parts(**changes):
    """Five nodes, four features; `changes` replace parts, None removes one."""
    parts = {
        "features": np.arange(20, dtype=np.float32).reshape(5, 4),
        "edge_index": np.array([[0, 1, 1, 3, 2], [1, 0, 2, 3, 4]]),
        "labels": np.array([10, 20, 10, -1, 20]),
        "train_mask": np.array([1, 1, 0, 0, 0], bool),
        "val_mask": np.array([0, 0, 1, 0, 0], bool),
        "test_mask": np.array([0, 0, 0, 1, 1], bool),
        "node_ids": np.array([7, 5, 3, 1, 0]),
    } | changes
    return {key: value for key, value in parts.items() if value is not None}


def csr_parts(matrix):
    return {
        "features_data": matrix.data,
        "features_indices": matrix.indices,
        "features_indptr": matrix.indptr,
        "features_shape": np.array(matrix.shape),
    }


def write_planetoid(folder, **changes):
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
            path.write_bytes(pickle.dumps(value, 2))
    return features.toarray(), one_hot


def refused(message, function, *args, **kwargs):
    with pytest.raises(InputError, match=message) as caught:
        function(*args, **kwargs)
    assert "\n" not in str(caught.value)


# --- make_graph_data ------------------------------------------------------------------------------


def test_a_graph_is_brought_into_one_form():
    data = make_graph_data(name="g", **small_parts())
    # 0-1 given twice, 3-3 a self-loop, 2-4 and 1-2 one way.
    np.testing.assert_array_equal(data.edge_index, [[0, 1, 1, 2, 2, 4], [1, 0, 2, 1, 4, 2]])
    assert data.edge_index.dtype == np.int64
    assert data.features.dtype == np.float32
    np.testing.assert_array_equal(data.labels, [0, 1, 0, -1, 1])
    assert data.class_names == ("10", "20")
    assert (data.num_nodes, data.num_features, data.num_edges, data.num_classes) == (5, 4, 6, 2)
    np.testing.assert_array_equal(data.node_ids, [7, 5, 3, 1, 0])


def test_directed_edges_stay_directed():
    data = make_graph_data(name="g", **small_parts(), undirected=False)
    np.testing.assert_array_equal(data.edge_index, [[0, 1, 1, 2], [1, 0, 2, 4]])


def test_optional_parts_may_be_absent():
    data = make_graph_data(name="g", features=[[1], [2]], edge_index=[[0], [1]])
    assert data.labels is data.train_mask is data.val_mask is data.test_mask is None
    assert data.num_classes == 0
    np.testing.assert_array_equal(data.node_ids, [0, 1])


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.uint64, "U", "S"])
def test_labels_and_ids_of_any_integer_or_string_type(dtype):
    labels = np.array([30, 9, 30, 30, 9]).astype(dtype)
    data = make_graph_data(
        name="g", **small_parts(labels=labels, node_ids=np.arange(5, dtype="u4"))
    )
    # Numbers sort as numbers, strings as strings.
    names = ("30", "9") if dtype in ("U", "S") else ("9", "30")
    assert data.class_names == names
    assert [data.class_names[label] for label in data.labels] == ["30", "9", "30", "30", "9"]
    assert data.node_ids.dtype == np.int64


def test_an_empty_string_is_an_unknown_label():
    labels = np.array(["cat", "dog", "cat", "", "dog"])
    data = make_graph_data(name="g", **small_parts(labels=labels))
    np.testing.assert_array_equal(data.labels, [0, 1, 0, -1, 1])


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_sparse_features_of_any_format(kind):
    dense = np.array([[0, 1.5], [2, 0]])
    given = scipy.sparse.coo_matrix(dense).asformat(kind)
    data = make_graph_data(name="g", features=given, edge_index=[[0], [1]])
    assert data.features.format == "csr"
    assert data.features.dtype == np.float32
    np.testing.assert_array_equal(data.features.toarray(), dense)


@pytest.mark.parametrize("edges", [[[], []], np.zeros((2, 0), np.int64), [[1], [1]]])
def test_no_edges_is_a_warning(edges):
    with pytest.warns(UserWarning, match="no edges"):
        data = make_graph_data(name="g", features=np.ones((2, 1)), edge_index=edges)
    assert data.edge_index.shape == (2, 0)
    assert data.edge_index.dtype == np.int64


def with_value(value, row, column):
    features = np.ones((5, 4))
    features[row, column] = value
    return features


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_features_that_are_not_finite_are_located(value, sparse):
    features = with_value(value, 3, 2)
    features[0, 1] = 0
    features = scipy.sparse.csr_matrix(features) if sparse else features
    parts = small_parts(features=features)
    refused(
        r"g: features: expected finite.* in row 3, column 2", make_graph_data, name="g", **parts
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.ones(5)}, r"features: expected 2 dimensions \[N, F\], got shape \(5,\)"),
        ({"features": np.ones((5, 4, 1))}, r"features: expected 2 dimensions.*\(5, 4, 1\)"),
        ({"features": np.ones((5, 4), complex)}, "features: expected numbers, got dtype complex"),
        ({"features": np.full((5, 4), "a")}, "features: expected numbers, got dtype <U1"),
        ({"features": np.ones((0, 4))}, r"at least one node and one feature, got shape \(0, 4\)"),
        ({"features": np.ones((5, 0))}, r"at least one node and one feature, got shape \(5, 0\)"),
        ({"edge_index": [[0, 1], [1, 5]]}, r"nodes in \[0, 5\), got 5 as the target of edge 1"),
        ({"edge_index": [[0, -1], [1, 2]]}, "got -1 as the source of edge 1"),
        ({"edge_index": np.array([[2**63], [0]], np.uint64)}, "got 9223372036854775808 as the sou"),
        ({"edge_index": [[0, 1], [1, 2], [3, 4]]}, r"shape \[2, E\], got \(3, 2\); transpose it"),
        ({"edge_index": [0, 1]}, r"edge_index: expected shape \[2, E\], got \(2,\)"),
        ({"edge_index": [[0.0], [1.0]]}, "edge_index: expected integers, got dtype float64"),
        ({"labels": [0, 1]}, r"labels: expected shape \(5,\), got \(2,\)"),
        ({"labels": np.eye(5, dtype=int)}, r"labels: expected shape \(5,\), got \(5, 5\)"),
        ({"labels": np.ones(5)}, "labels: expected integers or strings, got dtype float64"),
        ({"labels": np.full(5, b"\xff")}, "labels: expected UTF-8"),
        ({"labels": None}, "masks need labels"),
        ({"val_mask": None}, "masks come together.*missing: val_mask"),
        ({"val_mask": np.ones(4, bool)}, r"val_mask: expected bool of shape \(5,\), got .*\(4,\)"),
        ({"val_mask": [0, 0, 1, 0, 0]}, "val_mask: expected bool of shape .*, got int64"),
        ({"val_mask": np.array([0, 1, 1, 0, 0], bool)}, "disjoint masks, but node 1 is in two"),
        ({"val_mask": np.zeros(5, bool)}, "val_mask: expected at least one node with a known"),
        ({"test_mask": np.array([0, 0, 0, 1, 0], bool)}, "test_mask: .* with a known label"),
        ({"node_ids": [1, 2, 3]}, r"node_ids: expected shape \(5,\), got \(3,\)"),
        ({"node_ids": [4, 9, 8, 9, 1]}, "node_ids: expected all different, got 9 2 times"),
        ({"node_ids": np.arange(5.0)}, "node_ids: expected integers or strings"),
        ({"node_ids": np.arange(5, dtype="u8") + 2**63}, "node_ids: .*that fit int64"),
    ],
)
def test_a_part_that_is_wrong_is_named(changes, message):
    refused(f"^g: .*{message}", make_graph_data, name="g", **small_parts(**changes))


# --- digits ---------------------------------------------------------------------------------------


def test_digits_graph():
    data = load_dataset("digits", knn=3)
    assert (data.num_nodes, data.num_features, data.num_classes) == (1797, 64, 10)
    assert data.features.min() == 0
    assert data.features.max() == 1
    assert not data.has_masks
    # Recomputed from the definition: node 0's three nearest by cosine are among its neighbours.
    unit = data.features / np.linalg.norm(data.features, axis=1, keepdims=True)
    similarity = unit @ unit[0]
    similarity[0] = -1
    neighbours = data.edge_index[1][data.edge_index[0] == 0]
    assert set(np.argsort(-similarity)[:3]) <= set(neighbours)
    assert (np.bincount(data.edge_index[0]) >= 3).all()
    links = set(zip(*data.edge_index.tolist(), strict=True))
    assert links == {(target, source) for source, target in links}
    same = data.labels[data.edge_index[0]] == data.labels[data.edge_index[1]]
    assert same.mean() > 0.95, "neighbours by similarity nearly always show the same digit"


@pytest.mark.parametrize("knn", [0, -1, 1797])
def test_digits_graph_refuses_impossible_neighbours(knn):
    refused(rf"knn: expected an integer in \[1, 1796\], got {knn}", load_dataset, "digits", knn=knn)


# --- npz ------------------------------------------------------------------------------------------


def write_npz(path, **parts):
    np.savez(path, **parts)
    return f"npz:{path}"


def test_npz_dense(tmp_path):
    data = load_dataset(write_npz(tmp_path / "g.npz", **small_parts()))
    expected = make_graph_data(name="g", **small_parts())
    for part in ("features", "edge_index", "labels", "node_ids", "train_mask", "test_mask"):
        np.testing.assert_array_equal(getattr(data, part), getattr(expected, part))


def test_npz_csr(tmp_path):
    matrix = scipy.sparse.random(5, 4, 0.5, format="csr", random_state=0)
    parts = small_parts(features=None) | csr_parts(matrix)
    data = load_dataset(write_npz(tmp_path / "g.npz", **parts))
    np.testing.assert_array_equal(data.features.toarray(), matrix.toarray().astype(np.float32))


def changed_csr(**changes):
    matrix = scipy.sparse.csr_matrix(np.eye(5, 4))
    return small_parts(features=None) | csr_parts(matrix) | changes


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (small_parts(trian_mask=np.ones(5, bool)), "unknown keys trian_mask; allowed: features,"),
        (small_parts(edge_index=None), "key edge_index is missing"),
        (small_parts(features=None), "either features or features_data.*, got neither"),
        (changed_csr(features=np.ones((5, 4))), "either features or features_data.*, got both"),
        (small_parts(labels=np.array([1, 2, None, 4, 5])), "key labels .*object arrays are not"),
        (small_parts(features=with_value(np.nan, 1, 2)), "finite float32 values, got nan in row 1"),
        (small_parts(edge_index=np.array([[0], [99]])), r"\[0, 5\), got 99"),
        (changed_csr(features_indices=np.array([0, 1, 2, 9])), "features: CSR parts do not make"),
        (changed_csr(features_indices=np.array([0, 1, 2, -1])), "features: CSR parts do not make"),
        (changed_csr(features_indptr=np.array([0, 9, 2, 3, 4, 4])), "features: CSR parts do not"),
        (changed_csr(features_indptr=np.array([0, 1, 2, 3, 4, 9])), "features: CSR parts do not"),
        (changed_csr(features_indptr=np.arange(3)), "features: CSR parts do not make a matrix"),
        (changed_csr(features_indices=np.arange(4.0)), "CSR indices: expected 1 dimension of int"),
        (changed_csr(features_data=np.ones((2, 2))), r"CSR data: expected 1 dimension .*\(2, 2\)"),
        (changed_csr(features_data=np.array(list("abcd"))), "CSR data: .* of numbers, got .*<U1"),
        (changed_csr(features_shape=np.array([5.0, 4.0])), "CSR shape: expected two integers"),
        (changed_csr(features_shape=np.array([5, 4, 1])), "CSR shape: expected two integers"),
        (changed_csr(features_shape=np.array([5, -4])), "CSR shape: expected two integers"),
        ({"edge_index": np.zeros((2, 1), int), "features_data": np.ones(1)}, "lack features_indi"),
    ],
)
def test_npz_with_wrong_parts_is_refused(tmp_path, parts, message):
    refused(rf"g\.npz: .*{message}", load_dataset, write_npz(tmp_path / "g.npz", **parts))


def test_npz_that_is_no_npz_is_refused(tmp_path):
    path = tmp_path / "g.npz"
    refused("no file .*g.npz", load_dataset, f"npz:{path}")
    refused("no file", load_dataset, f"npz:{tmp_path}")
    write_npz(path, **small_parts())
    content = path.read_bytes()
    for damaged in (b"", b"plain text", content[:100], content[: len(content) // 2], content[:-1]):
        path.write_bytes(damaged)
        refused(r"g\.npz: not an npz file, or a truncated one", load_dataset, f"npz:{path}")
    values = small_parts()["features"].tobytes()
    assert content.count(values) == 1
    path.write_bytes(content.replace(values, values[:-1] + b"\x7f"))
    refused(r"g\.npz: the key features is corrupt", load_dataset, f"npz:{path}")
    with path.open("wb") as file:
        np.save(file, np.ones(3))
    refused("expected an npz archive, got a single npy array", load_dataset, f"npz:{path}")


# --- planetoid ------------------------------------------------------------------------------------


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
    refused("not a path", load_dataset, "planetoid:../tiny", str(tmp_path))
    refused("data sets there: none", load_dataset, "planetoid:tiny", str(tmp_path))


# --- specs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["", "cora", "npz", "npz:", "planetoid:", "digits:3", "Digits"])
def test_unknown_dataset_lists_the_choices(spec):
    refused("choose one of digits, planetoid:NAME, npz:FILE", load_dataset, spec)
