"""Graphs from npz files come in as they are, or are refused with one line."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.datasets import load_dataset

from tests.graph.parts import refused, small_parts, with_value


def csr_parts(matrix):
    return {
        "features_data": matrix.data,
        "features_indices": matrix.indices,
        "features_indptr": matrix.indptr,
        "features_shape": np.array(matrix.shape),
    }


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
        (changed_csr(features=np.ones((5, 4))), "either features or features_data.*, got both"),
        (small_parts(labels=np.array([1, 2, None, 4, 5])), "key labels: object arrays are not"),
        (
            small_parts(features=with_value(np.nan, 1, 2)),
            "finite values within .*, got nan in row 1",
        ),
        (small_parts(edge_index=np.array([[0], [99]])), r"\[0, 5\), got 99"),
        (changed_csr(features_indices=np.array([0, 1, 2, 9])), "features: CSR parts do not make"),
        (changed_csr(features_indices=np.array([0, 1, 2, -1])), "features: CSR parts do not make"),
        (changed_csr(features_indptr=np.array([0, 9, 2, 3, 4, 4])), "features: CSR parts do not"),
        (changed_csr(features_indptr=np.array([0, 1, 2, 3, 4, 9])), "features: CSR parts do not"),
        (changed_csr(features_indptr=np.array([0, 1, 2, 3, 4, -9])), "features: CSR parts do not"),
        (changed_csr(features_indptr=np.array([1, 1, 2, 3, 4, 4])), "features: CSR parts do not"),
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
