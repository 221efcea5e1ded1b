"""Graphs of SciPy, NumPy, NetworkX, pandas and PyTorch Geometric: the same graph each time."""

import types

import networkx
import numpy as np
import pandas
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.objects.graph import graph_of

EDGES = np.array([[0, 1, 3, 3], [1, 2, 2, 0]])
WEIGHTS = np.array([1.0, 2.0, 1.0, 4.0])
X = np.arange(8, dtype=np.float32).reshape(4, 2)
IDS = ["d", "a", "c", "b"]
EXPECTED = [[0, 0, 1, 1, 2, 2, 3, 3], [1, 3, 0, 2, 1, 3, 0, 2]]


class Tensor:
    """What a tensor of PyTorch has."""

    def __init__(self, array):
        self._array = np.asarray(array)

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self._array


def matrix(values=None):
    values = np.ones(4) if values is None else values
    return scipy.sparse.coo_matrix((values, tuple(EDGES)), (4, 4))


def networkx_graph(ids=None, weights=False):
    graph = networkx.Graph()
    ids = range(4) if ids is None else ids
    for node, row in zip(ids, X, strict=True):
        graph.add_node(node, size=float(row[0]), height=float(row[1]))
    for (u, v), weight in zip(EDGES.T, WEIGHTS, strict=True):
        graph.add_edge(ids[u], ids[v], **({"weight": weight} if weights else {}))
    return graph


def table(ids=None, **more):
    ends = EDGES if ids is None else np.array(ids, object)[EDGES]
    return pandas.DataFrame({"source": ends[0], "target": ends[1], **more})


FORMS = {
    "csr_matrix": lambda: (X, matrix().tocsr()),
    "csr_array": lambda: (X, scipy.sparse.csr_array(matrix())),
    "lil": lambda: (X, matrix().tolil()),
    "dense": lambda: (X, matrix().toarray()),
    "edge_index": lambda: (X, EDGES),
    "list": lambda: (X.tolist(), EDGES.tolist()),
    "int32": lambda: (X.astype(np.float64), EDGES.astype(np.int32)),
    "sparse features": lambda: (scipy.sparse.coo_array(X), EDGES),
    "networkx": lambda: (["size", "height"], networkx_graph()),
    "networkx, array": lambda: (X, networkx_graph(IDS)),
    "edge list": lambda: (X, table()),
    "edge list by id": lambda: (pandas.DataFrame(X, index=IDS, columns=["p", "q"]), table(IDS)),
    "src, dst": lambda: (X, table().rename(columns={"source": "Src", "target": "DST"})),
    "two columns": lambda: (X, table().rename(columns={"source": "paper", "target": "cites"})),
    "data": lambda: (None, types.SimpleNamespace(x=Tensor(X), edge_index=Tensor(EDGES))),
    "tensors": lambda: (Tensor(X), Tensor(EDGES)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_graph(form):
    data = graph_of(*FORMS[form]()).data
    features = data.features.toarray() if data.is_sparse else data.features
    np.testing.assert_array_equal(features, X)
    np.testing.assert_array_equal(data.edge_index, EXPECTED)
    assert data.edge_weight is None
    if "by id" in form or form == "networkx, array":
        assert data.node_ids.tolist() == IDS
    else:
        assert data.node_ids.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "links",
    [
        lambda: matrix(WEIGHTS),
        lambda: matrix(WEIGHTS).toarray(),
        lambda: networkx_graph(weights=True),
        lambda: table(weight=WEIGHTS),
        lambda: types.SimpleNamespace(edge_index=EDGES, edge_attr=WEIGHTS[:, None], x=None),
    ],
)
def test_weights(links):
    data = graph_of(X, links()).data
    np.testing.assert_allclose(data.edge_weight, np.array([1, 4, 1, 2, 2, 1, 4, 1]) / 2)


def test_relations():
    others = scipy.sparse.csr_matrix(np.ones((4, 3)))
    data = graph_of(X, {"cites": EDGES, "same": matrix(WEIGHTS), "by": others}).data
    assert [one.name for one in data.relations] == ["cites", "same", "by"]
    assert data.relation("by").num_targets == 3
    assert data.relation("same").edge_weight is not None
    data = graph_of(X, table(type=["cites", "likes", "likes", "cites"])).data
    assert [one.name for one in data.relations] == ["cites", "likes"]
    assert graph_of(X, table(type=["cites"] * 4)).data.relations == ()


def test_labels_of_every_form():
    by_id = pandas.Series({"a": "x", "b": "y", "c": None, "d": "y"})
    features = pandas.DataFrame(X, index=IDS, columns=["p", "q"])
    data = graph_of(features, table(IDS), labels=by_id).data
    assert data.class_names == ("x", "y")
    assert data.labels.tolist() == [1, 0, -1, 1]
    column = graph_of(features.assign(kind=["y", "x", "y", "x"]), table(IDS), labels="kind").data
    assert column.labels.tolist() == [1, 0, 1, 0]
    assert column.num_features == 2
    numbers = pandas.Series([1.0, np.nan, 0.0, 1.0])
    assert graph_of(X, EDGES, labels=numbers).data.labels.tolist() == [1, -1, 0, 1]
    bundle = types.SimpleNamespace(
        x=X, edge_index=EDGES, y=Tensor([0, 1, 0, 1]), train_mask=[1, 1, 0, 0],
        val_mask=[False, False, True, False], test_mask=np.array([3]),
    )  # fmt: skip
    data = graph_of(None, bundle).data
    assert data.labels.tolist() == [0, 1, 0, 1]
    assert data.train_mask.tolist() == [True, True, False, False]
    assert data.test_mask.tolist() == [False, False, False, True]
    graph = networkx_graph()
    networkx.set_node_attributes(graph, dict(enumerate("xyxy")), "kind")
    assert graph_of(["size"], graph, labels="kind").data.labels.tolist() == [0, 1, 0, 1]


def test_without_features():
    data = graph_of(None, table(IDS)).data
    assert data.node_ids.tolist() == sorted(IDS)
    assert data.num_features > 2
    assert graph_of(None, networkx_graph(IDS)).data.node_ids.tolist() == IDS


@pytest.mark.parametrize(
    ("features", "links", "message"),
    [
        (X, None, "expected links, got None"),
        (X, "edges.csv", "expected a SciPy matrix"),
        (X, EDGES.T, "transpose it"),
        (X, scipy.sparse.csr_matrix(np.ones((4, 3))), "relation"),
        (X, table(IDS), "no ids"),
        (X, pandas.DataFrame({"p": [1], "q": [2], "r": [3]}), "columns source and target"),
        (["size"], EDGES, "need a NetworkX graph"),
        (["weight"], networkx_graph(), "no node has an attribute 'weight'"),
        (pandas.DataFrame(X, index=list("aabc")), table(IDS), "two rows have the index 'a'"),
        (pandas.DataFrame(X, index=list("abcx")), table(IDS), "'d' is not in the index"),
        (pandas.DataFrame(X, index=list("0123")), table(), "another type"),
        (X, pandas.DataFrame({"source": [0, None], "target": [1, 2]}), "no value in row 1"),
    ],
)
def test_what_cannot_be_used_is_told(features, links, message):
    with pytest.raises(InputError, match=message):
        graph_of(features, links)


def test_several_splits_of_a_bundle():
    mask = np.array([[0, 1], [0, 1], [1, 0], [1, 0]], bool)
    others = {"val_mask": [False, False, True, False], "test_mask": np.array([3])}
    bundle = types.SimpleNamespace(
        x=Tensor(X), edge_index=Tensor(EDGES), y=Tensor([[0.0], [np.nan], [0], [1]]),
        train_mask=Tensor(mask), **others,
    )  # fmt: skip
    data = graph_of(None, bundle, split=1).data
    assert data.train_mask.tolist() == [True, True, False, False]
    assert data.labels.tolist() == [0, -1, 0, 1]


@pytest.mark.parametrize(
    ("labels", "names", "classes"),
    [
        (["b", None, "a", "b"], ("a", "b"), [1, -1, 0, 1]),
        ([2, None, 1, 2], ("1", "2"), [1, -1, 0, 1]),
        ([True, None, False, True], ("False", "True"), [1, -1, 0, 1]),
        (pandas.Series([True, None, False, True], dtype="boolean"), None, [1, -1, 0, 1]),
        (pandas.Series([True, False, True, True]), ("False", "True"), [1, 0, 1, 1]),
        (np.array([["b"], ["a"], ["b"], ["a"]]), ("a", "b"), [1, 0, 1, 0]),
        (scipy.sparse.csr_matrix([[1, 0], [0, 0], [1, 1], [0, 1]]), ("0", "1"), None),
    ],
)
def test_labels_as_notebooks_hold_them(labels, names, classes):
    data = graph_of(X, EDGES, labels=labels).data
    assert data.class_names == (names or ("False", "True"))
    assert data.labels.tolist() == (classes or [[1, 0], [0, 0], [1, 1], [0, 1]])
