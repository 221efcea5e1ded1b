"""make_graph_data brings a graph into one form, or names the part that is wrong."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.graph.data import make_graph_data

from tests.graph.parts import refused, small_parts, with_value


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


@pytest.mark.parametrize("sparse", [False, True])
def test_features_that_are_all_zero_warn(sparse):
    features = np.zeros((4, 3))
    if sparse:  # zeros that are stored are zeros all the same
        features = scipy.sparse.csr_matrix((np.zeros(2), ([0, 1], [1, 2])), (4, 3))
    with pytest.warns(UserWarning, match="all features are 0"):
        data = make_graph_data(name="g", features=features, edge_index=[[0], [1]])
    assert not sparse or data.features.nnz == 0


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
        ({"labels": np.ones((4, 1), int)}, r"labels: expected shape \(5,\), got \(4,\)"),
        ({"labels": np.full(5, 0.5)}, "labels: expected whole numbers or NaN, got 0.5"),
        (
            {"labels": np.ones(5, complex)},
            "labels: expected integers or strings, got dtype complex",
        ),
        ({"labels": np.full(5, b"\xff")}, "labels: expected UTF-8"),
        ({"labels": np.array([0x110000] * 5, "<u4").view("<U1")}, "labels: .*character 0x110000"),
        ({"node_ids": np.array([0xD800] * 5, ">u4").view(">U1")}, "node_ids: .*character 0xd800"),
        ({"features": scipy.sparse.csr_matrix((5, 10**9))}, "at most 1,048,576 columns, got 1,000"),
        ({"labels": None}, "masks need labels"),
        ({"val_mask": None}, "masks come together.*missing: val_mask"),
        ({"val_mask": np.ones(4, bool)}, r"val_mask: expected bool of shape \(5,\), .*\(4,\)"),
        ({"val_mask": [0, 0, 0.5, 0, 0]}, "val_mask: expected bool of shape .* got float64"),
        ({"val_mask": [7, -1]}, r"val_mask: expected numbers of nodes in \[0, 5\), got -1"),
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
