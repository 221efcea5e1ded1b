"""Files of other programs, each read into the same graph as its npz."""

import networkx
import numpy as np
import pandas
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.datasets import load_dataset, load_graph

EDGES = np.array([[0, 1, 3, 3], [1, 2, 2, 0]])
X = np.array([[1, 0, 2], [0, 0, 1], [0, 3, 0], [1, 1, 0]], np.float32)
LABELS = np.array([0, 1, 0, 1])
IDS = ["d", "a", "c", "b"]


def matrix():
    return scipy.sparse.csr_matrix((np.ones(4), tuple(EDGES)), (4, 4))


def csr_keys(prefix, of):
    return {
        f"{prefix}data": of.data, f"{prefix}indices": of.indices,
        f"{prefix}indptr": of.indptr, f"{prefix}shape": of.shape,
    }  # fmt: skip


NPZ = {
    "ours": lambda: {"features": X, "edge_index": EDGES, "labels": LABELS},
    "PyTorch Geometric's": lambda: {"x": X, "edge_index": EDGES, "y": LABELS[:, None],
                                    "edge_attr": np.ones((4, 3))},
    "heterophilous graphs'": lambda: {"node_features": X, "edges": EDGES.T, "node_labels": LABELS},
    "gnn-benchmark's": lambda: {
        **csr_keys("adj_", matrix()), **csr_keys("attr_", scipy.sparse.csr_matrix(X)),
        "labels": LABELS, "class_names": np.array(["p", "q"], object),
    },
    "gnn-benchmark's, with points": lambda: {
        **csr_keys("adj_matrix.", matrix()), "attr_matrix": X, "labels": LABELS,
    },
    "labels as floats": lambda: {"features": X, "edge_index": EDGES, "labels": LABELS * 1.0},
}  # fmt: skip


@pytest.mark.parametrize("form", NPZ)
def test_keys_of_other_projects(form, tmp_path):
    np.savez(tmp_path / "graph.npz", **NPZ[form]())
    data = load_dataset(f"npz:{tmp_path}/graph.npz")
    expected = [[0, 0, 1, 1, 2, 2, 3, 3], [1, 3, 0, 2, 1, 3, 0, 2]]
    np.testing.assert_array_equal(data.edge_index, expected)
    np.testing.assert_array_equal(data.feature_rows(slice(None)), X)
    np.testing.assert_array_equal(data.labels, LABELS)
    assert data.edge_weight is None


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_a_matrix_of_scipy(form, tmp_path):
    whole = scipy.sparse.csr_matrix((np.array([1.0, 2, 1, 4]), tuple(EDGES)), (6, 6))
    scipy.sparse.save_npz(tmp_path / "a.npz", whole.asformat(form))
    data = load_dataset(f"npz:{tmp_path}/a.npz")
    assert data.num_nodes == 6  # the last ones have no links
    np.testing.assert_allclose(data.edge_weight, np.array([1, 4, 1, 2, 2, 1, 4, 1]) / 2)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", np.array([b"csr", b"csr"]), "format: expected one name"),
        ("format", np.array([], "S3"), "format: expected one name"),
        ("shape", np.array(4), "shape|not a matrix"),
    ],
)
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_a_matrix_of_scipy_that_is_none(form, key, value, message, tmp_path):
    scipy.sparse.save_npz(tmp_path / "a.npz", matrix().asformat(form))
    with np.load(tmp_path / "a.npz") as parts:
        np.savez(tmp_path / "b.npz", **{**parts, key: value})
    with pytest.raises(InputError, match=message):
        load_dataset(f"npz:{tmp_path}/b.npz")


def test_the_same_under_two_keys_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, features=X, edge_index=EDGES)
    with pytest.raises(InputError, match="features and x are the same"):
        load_dataset(f"npz:{tmp_path}/a.npz")


MASKS = {
    "bool": np.array([1, 1, 0, 0], bool),
    "0 and 1": np.array([1, 1, 0, 0]),
    "floats": np.array([1.0, 1, 0, 0]),
    "numbers": np.array([1, 0]),
    "[N, S]": np.array([[0, 1], [0, 1], [1, 0], [1, 0]], bool),
    "[S, N]": np.array([[0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], bool),
}


@pytest.mark.parametrize("form", MASKS)
def test_masks(form, tmp_path):
    others = {"val_mask": np.array([2]), "test_mask": np.array([3])}
    np.savez(
        tmp_path / "a.npz", features=X, edge_index=EDGES, labels=LABELS,
        train_mask=MASKS[form], **others,
    )  # fmt: skip
    data = load_dataset(f"npz:{tmp_path}/a.npz", split=1)
    assert data.train_mask.tolist() == [True, True, False, False]
    assert data.test_mask.tolist() == [False, False, False, True]
    if form.startswith("["):
        with pytest.raises(InputError, match="--split-number"):
            load_dataset(f"npz:{tmp_path}/a.npz", split=3)


@pytest.mark.parametrize(
    ("labels", "names", "classes"),
    [
        (np.array([True, False, True, True]), ("False", "True"), [1, 0, 1, 1]),
        (np.array([[2], [2], [-1], [7]]), ("2", "7"), [0, 0, -1, 1]),
        (np.array([0.0, np.nan, 1.0, 0.0]), ("0", "1"), [0, -1, 1, 0]),
    ],
)
def test_labels(labels, names, classes, tmp_path):
    np.savez(tmp_path / "a.npz", features=X, edge_index=EDGES, labels=labels)
    data = load_dataset(f"npz:{tmp_path}/a.npz")
    assert data.class_names == names
    assert data.labels.tolist() == classes


@pytest.mark.parametrize("name", ["nan", "-1", "None", "unknown"])
def test_a_class_that_may_be_none_is_asked_about(name, tmp_path):
    np.savez(
        tmp_path / "a.npz", features=X, edge_index=EDGES, labels=np.array([name, "x", "y", "x"])
    )
    with pytest.warns(UserWarning, match=f"is '{name}' a class"):
        load_dataset(f"npz:{tmp_path}/a.npz")


def people(folder, suffix):
    folder.mkdir(exist_ok=True)
    nodes = pandas.DataFrame(X, columns=["p", "q", "r"]).assign(node_id=IDS, label=["x", "y"] * 2)
    edges = pandas.DataFrame({"source": np.array(IDS)[EDGES[0]], "target": np.array(IDS)[EDGES[1]]})
    for name, table in (("nodes", nodes), ("edges", edges)):
        if suffix == "parquet":
            table.to_parquet(folder / f"{name}.parquet")
        else:
            separator = "\t" if suffix == "tsv" else ","
            table.to_csv(folder / f"{name}.{suffix}", index=False, sep=separator)
    (folder / ".DS_Store").write_bytes(b"Finder")
    (folder / "Thumbs.db").write_bytes(b"Explorer")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_tables(suffix, tmp_path):
    people(tmp_path, suffix)
    graph = load_graph(f"tables:{tmp_path}")
    np.testing.assert_array_equal(graph.data.features, X)
    np.testing.assert_array_equal(
        graph.data.edge_index, [[0, 0, 1, 1, 2, 2, 3, 3], [1, 3, 0, 2, 1, 3, 0, 2]]
    )
    assert graph.data.node_ids.tolist() == IDS
    assert graph.data.labels.tolist() == [0, 1, 0, 1]
    assert graph.told == "links 'source' to 'target'; ids 'node_id'; labels 'label'"


def test_ids_of_64_bits_and_splits(tmp_path):
    ids = [2**60 + 7, 3, 2**60 + 8, 5]
    pandas.DataFrame(
        {"id": ids, "a": [1.0, 2, 3, 4], "class": ["x", "y", "x", "y"],
         "split": ["train", "train", "valid", "test"]}
    ).to_csv(tmp_path / "nodes.csv", index=False)  # fmt: skip
    pandas.DataFrame({"src": np.array(ids)[EDGES[0]], "dst": np.array(ids)[EDGES[1]]}).to_csv(
        tmp_path / "links.csv", index=False
    )
    data = load_dataset(f"tables:{tmp_path}")
    assert data.node_ids.tolist() == ids
    assert data.val_mask.tolist() == [False, False, True, False]


def test_links_alone(tmp_path):
    people(tmp_path, "csv")
    (tmp_path / "nodes.csv").unlink()
    assert load_dataset(f"tables:{tmp_path}").node_ids.tolist() == sorted(IDS)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "edges.csv",
            "source,target\nd,z\n",
            r"edges\.csv: 'z' is not among the ids of .*nodes\.csv",
        ),
        ("edges.csv", "p,q,r\n1,2,3\n", "columns source and target"),
        ("edges.csv", "", "cannot read"),
        ("edges.csv", "source,target\n", "at least one row"),
        ("nodes.csv", "node_id,p\nd,1\n,2\n", "no value in row 1"),
        ("nodes.csv", "node_id,p\nd,1\nd,2\n", "two rows have the index 'd'"),
        ("nodes.csv", "node_id,p,label,split\nd,1,x,trian\n", "train, val or test"),
    ],
)
def test_tables_that_cannot_be_used(file, content, message, tmp_path):
    people(tmp_path, "csv")
    (tmp_path / file).write_text(content)
    with pytest.raises(InputError, match=message):
        load_dataset(f"tables:{tmp_path}")


def test_folders_without_tables_or_with_two(tmp_path):
    with pytest.raises(InputError, match=r"expected edges\.csv"):
        load_dataset(f"tables:{tmp_path}")
    people(tmp_path, "csv")
    people(tmp_path, "tsv")
    with pytest.raises(InputError, match=r"expected one of nodes\.csv, nodes\.tsv"):
        load_dataset(f"tables:{tmp_path}")
    with pytest.raises(InputError, match="No such file"):
        load_dataset(f"tables:{tmp_path}/none")


@pytest.mark.parametrize("kind", ["graphml", "gexf"])
def test_networks(kind, tmp_path):
    graph = networkx.Graph()
    for name, row, label in zip(IDS, X.tolist(), "xyxy", strict=True):
        graph.add_node(name, **dict(zip("pqr", row, strict=True)), **{"class": label})
    graph.add_edges_from((IDS[u], IDS[v]) for u, v in EDGES.T)
    getattr(networkx, f"write_{kind}")(graph, tmp_path / "a")
    data = load_dataset(f"{kind}:{tmp_path}/a")
    np.testing.assert_array_equal(data.features, X)
    assert data.node_ids.tolist() == IDS
    assert data.labels.tolist() == [0, 1, 0, 1]


def test_a_list_of_edges(tmp_path):
    (tmp_path / "a.txt").write_text("# a comment\nd a 1\na,c,2.0\nb c\nb\td\t4\n")
    data = load_dataset(f"edgelist:{tmp_path}/a.txt")
    assert data.node_ids.tolist() == ["d", "a", "c", "b"]
    np.testing.assert_allclose(data.edge_weight, np.array([1, 4, 1, 2, 2, 1, 4, 1]) / 2)
    (tmp_path / "b.txt").write_text("a b c d\n")
    with pytest.raises(InputError, match="line 1"):
        load_dataset(f"edgelist:{tmp_path}/b.txt")


@pytest.mark.parametrize("line", ["Ulm\tRoute 66", "New York\t7", "Ulm,Route 66", "1 2,0.5"])
def test_a_space_in_a_name_is_no_weight(line, tmp_path):
    (tmp_path / "a.txt").write_text(f"a\tb\n{line}\n")
    with pytest.raises(InputError, match="line 2: expected ids without spaces"):
        load_dataset(f"edgelist:{tmp_path}/a.txt")


@pytest.mark.parametrize("kind", ["graphml", "gexf", "edgelist", "tables"])
def test_broken_files(kind, tmp_path):
    path = tmp_path / "broken"
    path.write_bytes(b"\x00\xff<graph")
    with pytest.raises(InputError):
        load_dataset(f"{kind}:{path}")


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "a.npz", features=X, edge_index=EDGES)
    assert load_dataset("npz:~/a.npz").num_nodes == 4


@pytest.mark.parametrize("form", ["coo", "csc", "csr"])
@pytest.mark.parametrize("rows", [10**13, 3])
def test_a_shape_that_no_memory_stands_behind(form, rows, tmp_path):
    """What a file of a few bytes says of itself must not be made."""
    parts = {"format": form.encode(), "data": np.ones(1), "shape": np.array([rows, 10**13])}
    if form == "coo":
        parts |= {"row": np.array([0]), "col": np.array([1])}
    else:
        starts = np.array([0, 1, 1, 1])
        parts |= {"indices": np.array([1]), "indptr": starts}
        parts["shape"] = np.array([3, 10**13] if form == "csr" else [10**13, 3])
    np.savez(tmp_path / "a.npz", **parts)
    with pytest.raises(InputError, match=r"square matrix|number of nodes"):
        load_dataset(f"npz:{tmp_path}/a.npz")
