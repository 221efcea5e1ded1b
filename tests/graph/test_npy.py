"""Graphs from folders of npy files: features stay in their file, faults get one line."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.graph import adjacency
from graph_barlow_twins.pretrain.graph.adjacency import adjacency_of, sorted_edges
from graph_barlow_twins.pretrain.graph.checks import edges, features
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.datasets import load_dataset

from tests.graph.parts import refused, small_parts, with_value


def write_folder(folder, **parts):
    folder.mkdir(exist_ok=True)
    for key, array in parts.items():
        np.save(folder / f"{key}.npy", array)
    return f"npy:{folder}"


def test_folder_gives_the_graph_of_the_npz_file(tmp_path):
    data = load_dataset(write_folder(tmp_path / "g", **small_parts()))
    expected = make_graph_data(name="g", **small_parts())
    for part in ("features", "edge_index", "labels", "node_ids", "train_mask", "test_mask"):
        np.testing.assert_array_equal(getattr(data, part), getattr(expected, part))
    assert data.class_names == expected.class_names


def test_features_stay_in_their_file(tmp_path):
    data = load_dataset(write_folder(tmp_path / "g", **small_parts()))
    assert data.is_mapped
    assert data.edge_index.dtype == np.int32
    assert data.edge_index.base is None or not isinstance(data.edge_index.base, np.memmap)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, bool])
def test_rows_are_read_as_float32(tmp_path, dtype):
    features = np.arange(20).reshape(5, 4).astype(dtype)
    data = load_dataset(write_folder(tmp_path / "g", **small_parts(features=features)))
    rows = data.feature_rows(np.array([3, 0, 3]))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, features[[3, 0, 3]].astype(np.float32))


def test_rows_of_sparse_features(tmp_path):
    matrix = scipy.sparse.random(5, 4, 0.5, format="csr", random_state=0)
    parts = small_parts(features=None) | {
        "features_data": matrix.data,
        "features_indices": matrix.indices,
        "features_indptr": matrix.indptr,
        "features_shape": np.array(matrix.shape),
    }
    data = load_dataset(write_folder(tmp_path / "g", **parts))
    np.testing.assert_array_equal(data.feature_rows([4, 1]), np.float32(matrix.toarray()[[4, 1]]))


def test_digest_does_not_depend_on_the_source_of_the_features(tmp_path, monkeypatch):
    data = load_dataset(write_folder(tmp_path / "g", **small_parts(edge_index=[[0], [1]])))
    features = np.array(data.features)
    digests = set()
    for block in (1, 2, 1000):
        monkeypatch.setattr("graph_barlow_twins.pretrain.graph.data._BLOCK_ROWS", block)
        digests.add(data.digest())
    assert len(digests) == 1
    features[4, 3] += 1
    other = load_dataset(write_folder(tmp_path / "h", **small_parts(features=features)))
    assert other.digest() not in digests


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (small_parts(trian_mask=np.ones(5, bool)), "unknown files trian_mask.npy; allowed: feat"),
        (small_parts(edge_index=None), "key edge_index is missing"),
        (small_parts(labels=np.array([1, 2, None, 4, 5])), "labels.npy: .*object arrays are not"),
        (small_parts(features=np.array([[1, None]])), "features.npy: .*object arrays are not"),
        (small_parts(features=with_value(np.nan, 3, 2)), "finite .* got nan in row 3, column 2"),
        (small_parts(features=with_value(1e300, 4, 3)), "got 1e.300 in row 4, column 3"),
        (small_parts(features=np.zeros((5, 0))), "at least one node and one feature"),
        (small_parts(features=np.array([["a"]])), "features: expected numbers"),
        (small_parts(features=np.ones(5)), "features: expected 2 dimensions"),
        (small_parts(edge_index=np.zeros((2, 3))), "edge_index: expected integers"),
        (small_parts(edge_index=np.array([[0, 1], [1, -1]])), "got -1 as the target of edge 1"),
        (
            small_parts(edge_index=np.array([[0, 9, 9, 2], [1, 1, 1, 7]])),
            r"got 9 as the source of edge 1 \(3 such edges\)",
        ),
        (small_parts(edge_index=np.zeros((3, 2), int)), r"expected shape \[2, E\].* transpose it"),
    ],
)
@pytest.mark.parametrize("block", [1, 2, 1000])
def test_wrong_parts_are_refused(tmp_path, monkeypatch, parts, message, block):
    monkeypatch.setattr(edges, "BLOCK_EDGES", block)
    monkeypatch.setattr(features, "_BLOCK_ENTRIES", 4 * block)
    refused(message, load_dataset, write_folder(tmp_path / "g", **parts))


def test_folders_that_are_none_are_refused(tmp_path):
    refused("unknown dataset 'npy:': nothing follows", load_dataset, "npy:")
    refused("expected a folder with npy files: No such", load_dataset, f"npy:{tmp_path / 'no'}")
    spec = write_folder(tmp_path / "g", **small_parts())
    refused("expected a folder.*: Not a dir", load_dataset, f"{spec}/features.npy")
    for name in ("features.npy", "labels.npy"):
        content = (tmp_path / "g" / name).read_bytes()
        for damaged in (b"", b"plain text", content[:50], content[:-1]):
            (tmp_path / "g" / name).write_bytes(damaged)
            refused(f"{name}: not an npy file, or a truncated", load_dataset, spec)
        (tmp_path / "g" / name).write_bytes(content)


def test_a_folder_without_edges_is_a_warning(tmp_path):
    parts = small_parts(edge_index=np.zeros((2, 0), int))
    with pytest.warns(UserWarning, match="no edges"):
        assert load_dataset(write_folder(tmp_path / "g", **parts)).num_edges == 0


@pytest.mark.parametrize("block", [1, 3, 1000])
@pytest.mark.parametrize("undirected", [False, True])
def test_sorted_edges_of_random_graphs(monkeypatch, block, undirected):
    monkeypatch.setattr(adjacency, "BLOCK_EDGES", block)
    edges = np.random.default_rng(block).integers(0, 9, (2, 40))
    pairs = {(s, t) for s, t in edges.T if s != t}
    pairs |= {(t, s) for s, t in pairs} if undirected else set()
    found = sorted_edges(edges, 9, undirected=undirected, dtype=np.int32)
    np.testing.assert_array_equal(found, np.array(sorted(pairs)).T)


def test_adjacency_lists_the_neighbours():
    edges = np.array([[0, 0, 2, 4], [1, 3, 0, 2]], np.int32)
    lists = adjacency_of(edges, 6)
    np.testing.assert_array_equal(lists.starts, [0, 2, 2, 3, 3, 4, 4])
    np.testing.assert_array_equal(lists.degrees, [2, 0, 1, 0, 1, 0])
    assert np.shares_memory(lists.neighbours, edges)


_LIMITED = """
import resource, sys
import numpy as np
from graph_barlow_twins.pretrain.graph.datasets import load_dataset

megabyte = 2**20
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[2]) * megabyte,) * 2)
data = load_dataset("npy:" + sys.argv[1])
data.digest()
print(data.feature_rows(np.array([7, 20_000])).sum())
try:
    np.array(data.features)
except MemoryError:
    print("too large to load")
"""


@pytest.mark.slow  # a process of its own
def test_a_graph_larger_than_the_allowed_memory(tmp_path):
    nodes, width = 30_000, 4_096  # 492 MB, of which the disk holds 16: the rest are holes
    write_folder(tmp_path / "g", edge_index=np.array([[0, 1], [1, 2]]))
    features = np.lib.format.open_memmap(
        tmp_path / "g" / "features.npy", mode="w+", dtype=np.float32, shape=(nodes, width)
    )
    features[:1000] = 0
    features[20_000, 17] = 3
    del features
    result = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(tmp_path / "g"), "350"],
        capture_output=True,
        text=True,
        env={"OPENBLAS_NUM_THREADS": "1"},
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split("\n")[:2] == ["3.0", "too large to load"]
