"""Files as other programs write them: the same graph, or one line that says what to do."""

import datetime
import gzip

import numpy as np
import pandas
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.datasets import load_dataset, load_graph
from graph_barlow_twins.pretrain.graph.formats.tables import graph_of_tables

EDGES = np.array([[0, 1, 3, 3], [1, 2, 2, 0]])
EXPECTED = [[0, 0, 1, 1, 2, 2, 3, 3], [1, 3, 0, 2, 1, 3, 0, 2]]
X = np.array([[1, 0, 2.5], [0, 0, 1], [0, 3, 0], [1, 1, 0]], np.float32)
IDS = [4, 1, 3, 2]


def nodes_csv(ids=IDS, sep=",", point=".", labels="xyxy", header="id,p,q,r,label"):
    lines = [header.replace(",", sep)]
    for one, row, label in zip(ids, X.tolist(), labels, strict=True):
        lines.append(sep.join([str(one), *(str(v).replace(".", point) for v in row), label]))
    return "\n".join(lines) + "\n"


def edges_csv(ids=IDS, sep=",", header="source,target"):
    lines = [header.replace(",", sep), *(f"{ids[u]}{sep}{ids[v]}" for u, v in EDGES.T)]
    return "\n".join(lines) + "\n"


def tables(folder, nodes, edges, **options):
    """Writes texts, bytes or DataFrames, and reads them."""
    paths = []
    for name, content in (("nodes", nodes), ("edges", edges)):
        if isinstance(content, pandas.DataFrame):
            path = folder / f"{name}.parquet"
            content.to_parquet(path)
        else:
            packed = isinstance(content, bytes) and content.startswith(b"\x1f\x8b")
            path = folder / f"{name}.csv{'.gz' if packed else ''}"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(path)
    return graph_of_tables(*paths, **options)


def check(graph, ids=IDS):
    np.testing.assert_array_equal(graph.data.edge_index, EXPECTED)
    np.testing.assert_array_equal(graph.data.feature_rows(slice(None)), X)
    assert graph.data.node_ids.tolist() == ids
    return graph.data


TEXTS = {
    "byte order mark, CRLF": lambda text: ("\ufeff" + text).replace("\n", "\r\n").encode(),
    "tabs": lambda text: text.replace(",", "\t"),
    "spaces": lambda text: text.replace(",", ", "),
    "gzip": lambda text: gzip.compress(text.encode()),
    "written with pandas' index": lambda text: "\n".join(
        f"{'' if i == 0 else i},{line}" for i, line in enumerate(text.splitlines())
    ),
}


@pytest.mark.parametrize("form", TEXTS)
def test_layouts(form, tmp_path):
    write = TEXTS[form]
    assert check(tables(tmp_path, write(nodes_csv()), write(edges_csv()))).class_names == ("x", "y")


@pytest.mark.parametrize("header", ["from,to", "src,dst", "u,v", "Source,Target", "one,other"])
def test_decimal_commas_and_names_of_ends(header, tmp_path):
    check(tables(tmp_path, nodes_csv(sep=";", point=","), edges_csv(sep=";", header=header)))


@pytest.mark.parametrize(
    "ids",
    [
        ["007", "7", "0010", "10"],
        ["+7", "7", "+8", "8"],
        ["NA", "null", "DE", "FR"],
        ["4b", "1", "2", "3"],
        [2**60 + 3, 2**60 + 2, 2**60 + 1, 2**60],
        [str(2**63 + i) for i in range(4)],
        [-4, -1, 0, 7],
    ],
)
def test_ids_stay_as_they_are_written(ids, tmp_path):
    check(tables(tmp_path, nodes_csv(ids), edges_csv(ids)), ids)


def test_ids_that_one_of_the_tables_has_as_floats(tmp_path):
    check(tables(tmp_path, nodes_csv(), edges_csv([4.0, 1.0, 3.0, 2.0])))
    more = nodes_csv() + "x9,1,1,1,y\n"  # the links are between numbers alone
    assert tables(tmp_path, more, edges_csv()).data.node_ids.tolist() == [*"4132", "x9"]


@pytest.mark.parametrize(
    ("labels", "names", "classes"),
    [
        (["TRUE", "FALSE", "", "TRUE"], ("False", "True"), [1, 0, -1, 1]),
        (["7", "-2", "", "7"], ("-2", "7"), [1, 0, -1, 1]),
        (["ä", "b", "NA", "ä"], ("b", "ä"), [1, 0, -1, 1]),
    ],
)
def test_labels(labels, names, classes, tmp_path):
    data = check(tables(tmp_path, nodes_csv(labels=labels), edges_csv()))
    assert data.class_names == names
    assert data.labels.tolist() == classes


def test_masks_of_a_table(tmp_path):
    masks = ["TRUE,0,False", "TRUE,0,False", "FALSE,1,False", ",0,True"]
    labels = [f"{y},{mask}" for y, mask in zip("xyxy", masks, strict=True)]
    header = "id,p,q,r,label,train_mask,val_mask,test_mask"
    graph = tables(tmp_path, nodes_csv(labels=labels, header=header), edges_csv())
    assert check(graph).train_mask.tolist() == [True, True, False, False]
    assert graph.data.test_mask.tolist() == [False, False, False, True]
    with pytest.raises(InputError, match="'val_mask': expected 0 and 1"):
        tables(tmp_path, nodes_csv(labels=[*labels[:3], "y,,5,True"], header=header), edges_csv())


def test_columns_that_are_no_numbers(tmp_path):
    """Dates are days, quoted texts may have several lines, empty columns are left out."""
    labels = [f'2026-11-2{i},"a ""long"" text,\nof two lines {i}",' for i in range(4)]
    header = "id,p,q,r,since,note,timeset"
    graph = tables(tmp_path, nodes_csv(labels=labels, header=header), edges_csv())
    assert "4 numbers (p, q, r, ...)" in graph.lines()[1]
    assert "1 text (note)" in graph.lines()[1]
    assert "empty, left out: timeset" in graph.told


FEATURES = pandas.DataFrame(X, columns=list("pqr"))
LINKS = pandas.DataFrame({"source": np.array(IDS)[EDGES[0]], "target": np.array(IDS)[EDGES[1]]})


@pytest.mark.parametrize(
    "nodes",
    [
        lambda: FEATURES.assign(id=IDS).set_index("id"),
        lambda: FEATURES.assign(id=pandas.array(IDS, dtype="Int64")),
        lambda: pandas.DataFrame({"id": IDS, "vector": list(X)}),
    ],
)
def test_parquet(nodes, tmp_path):
    check(tables(tmp_path, nodes(), LINKS))
    check(tables(tmp_path, nodes(), LINKS.astype("Int64")))


def test_parquet_with_points_in_time_and_dictionaries(tmp_path):
    days = [datetime.date(2026, 1, day) for day in (1, 2, 3, 5)]
    nodes = FEATURES.assign(
        id=pandas.Categorical(list("dacb")),
        when=pandas.to_datetime(["2026-01-01", "2026-01-02", None, "2026-01-04"]),
        day=days,
        label=pandas.Categorical(["x", None, "x", "y"]),
    )
    ends = np.array(list("dacb"))[EDGES]
    links = pandas.DataFrame({"source": ends[0], "target": pandas.Categorical(ends[1])})
    data = tables(tmp_path, nodes, links).data
    np.testing.assert_array_equal(np.diff(data.features[:, 4]), [1, 1, 2])
    # The missing day is the mean of the others.
    np.testing.assert_allclose(np.diff(data.features[:, 3]), [1, 1 / 3, 5 / 3], atol=0.01)
    assert data.labels.tolist() == [0, -1, 0, 1]


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        (nodes_csv(["ä", 1, 2, 3]).encode("latin-1"), edges_csv(), "UTF-8.*iconv"),
        (nodes_csv().encode("utf-16"), edges_csv(), "UTF-8"),
        (nodes_csv([1, 2, 2, 4]), edges_csv(), "rows have the index 2;.*--id-column"),
        (nodes_csv(), edges_csv() + "99,1\n", r"edges\.csv: 99 is not among the ids"),
        (nodes_csv(), edges_csv() + ",1\n", r"edges\.csv: column 'source' has no value in row 4"),
        (nodes_csv(), edges_csv().split("\n", 1)[1], "first line.*edgelist:"),
        (nodes_csv(list("dacb")), edges_csv(list("dacb")).split("\n", 1)[1], "first line.*'d'"),
        (nodes_csv().split("\n", 1)[1], edges_csv(), "first line there.*names of columns"),
        (
            pandas.DataFrame({"id": IDS, "v": [[1.0], [1.0, 2], [1.0], [2.0]]}),
            LINKS,
            r"nodes\.parquet: column 'v': expected equally many",
        ),
    ],
)
def test_tables_that_need_a_hand(nodes, edges, message, tmp_path):
    with pytest.raises(InputError, match=message):
        tables(tmp_path, nodes, edges)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff# from a spreadsheet\r\nd\ta\r\na\tc\r\nb\tc\r\nb\td\r\n",
        "% sym unweighted\nd a\na c\n%% twice\n  # or more\nb c\nb d\n",
        "Source,Target\nd,a\na,c\nb,c\nb,d\n",
        b"u v weight\nd a 2\na c 2\nb c 2\nb d 2\n",
    ],
)
def test_lists_of_edges(text, tmp_path):
    path = tmp_path / ("e.txt.gz" if isinstance(text, bytes) else "e.txt")
    path.write_bytes(gzip.compress(text) if isinstance(text, bytes) else text.encode())
    data = load_dataset(f"edgelist:{path}")
    assert data.node_ids.tolist() == ["d", "a", "c", "b"]
    np.testing.assert_array_equal(data.edge_index, EXPECTED)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("npz:graph.mtx", "mmread"),
        ("edgelist:graph.mtx", "mmread"),
        ("npz:graph.mat", "loadmat"),
        ("data.pt", r"torch\.load"),
        ("npz:graph.bin", r"dgl\.load_graphs"),
        ("graphml:graph.json", "node_link_graph"),
        ("nodes.pkl", "pickles run programs"),
        ("tables:people.xlsx", "CSV UTF-8"),
        ("graph.npz", "did you mean --dataset npz:graph.npz"),
        ("edges.csv", "did you mean --edges edges.csv"),
        ("Cora", "did you mean --dataset planetoid:Cora"),
    ],
)
def test_files_of_other_kinds(spec, message):
    with pytest.raises(InputError, match=message) as caught:
        load_dataset(spec)
    assert len(str(caught.value)) <= 300


def test_keys_beside_a_graph(tmp_path):
    path = tmp_path / "g.npz"
    nothing = np.array({0: "a"}, object)
    np.savez(path, x=X, edge_index=EDGES, num_nodes=4, idx_to_node=nothing)
    check(load_graph(f"npz:{path}"), [0, 1, 2, 3])
    np.savez(path, edge_index=EDGES, num_nodes=6)
    assert load_dataset(f"npz:{path}").num_nodes == 6
    for count in (10**13, 2.5):
        np.savez(path, edge_index=EDGES, num_nodes=count)
        with pytest.raises(InputError, match=r"number of nodes|num_nodes"):
            load_dataset(f"npz:{path}")
    np.savez(path, features=X, edge_index=EDGES, labels=np.array(list("xyxy"), object))
    with pytest.raises(InputError, match=r"object arrays are not read.*dtype=str"):
        load_dataset(f"npz:{path}")
    scipy.sparse.save_npz(path, scipy.sparse.dia_array(np.eye(3)))
    with pytest.raises(InputError, match="csr, csc or coo, got dia"):
        load_dataset(f"npz:{path}")
