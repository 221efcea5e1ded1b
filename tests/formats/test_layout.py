"""Tables and lists of edges that look like something else at first sight."""

import gzip

import numpy as np
import pandas
import pytest
from graph_barlow_twins.pretrain import files
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.graph.datasets import load_dataset, load_graph
from graph_barlow_twins.pretrain.graph.formats.files import read_table
from graph_barlow_twins.pretrain.graph.formats.tables import graph_of_tables


def read(folder, text, name="nodes.tsv"):
    (folder / name).write_text(text)
    return read_table(folder / name, lambda table: [table.columns[0]])


def edges_of(folder, text, name="e.txt"):
    (folder / name).write_text(text, encoding="utf-8")
    return load_graph(f"edgelist:{folder / name}")


def test_comments_are_lines_of_their_own(tmp_path):
    text = "# a\n%% b\n% c\n%\nBede\tNew%20York\nBede\tNew%20Zealand\nC\tC#\n%C3%81\tBede\n"
    data = edges_of(tmp_path, text).data
    assert data.node_ids.tolist() == ["Bede", "New%20York", "New%20Zealand", "C", "C#", "%C3%81"]
    assert data.edge_index.shape[1] == 2 * 4


def test_of_a_link_given_twice_the_largest_weight_counts(tmp_path):
    data = edges_of(tmp_path, "a b 4\nb a 1\na c 2\na c 2\nb c 0.5\nb c\n").data
    np.testing.assert_allclose(data.edge_weight * 7 / 3, [4, 2, 4, 1, 2, 1])
    with pytest.raises(InputError, match="line 2: expected a weight, got 'nan'"):
        edges_of(tmp_path, "a b 4\na b nan\n")


@pytest.mark.parametrize("header", ["id_1,id_2", "id_1,id_2,strength", "Source Target"])
def test_headers_of_lists_of_edges(header, tmp_path):
    graph = edges_of(tmp_path, f"{header}\n0,1\n1,2\n")
    assert graph.data.num_nodes == 3
    assert f"first line '{header.replace(',', ' ')}', taken for a header" in graph.told


def test_first_lines_that_are_links(tmp_path):
    assert edges_of(tmp_path, "a,b\n").data.num_nodes == 2
    assert edges_of(tmp_path, "a,b\n0,1\n1,c\n").data.num_nodes == 5
    assert edges_of(tmp_path, "a,7\n0,1\n").data.num_nodes == 4


def test_decimal_commas_are_told_by_column(tmp_path):
    table = read(tmp_path, "id\ta\tb\tc\td\n1\t0.5\t3,7\t3,7\t0,125\n2\t1.5\t12\t3.7\t\n")
    assert table["a"].tolist() == [0.5, 1.5]
    assert table["b"].tolist() == [3.7, 12]
    assert table["c"].tolist() == ["3,7", "3.7"]
    np.testing.assert_array_equal(table["d"], [0.125, np.nan])
    table = read(tmp_path, "id;a;b\n1;1,234;x,y\n2;0,5;1,5\n", "nodes.csv")
    assert table["a"].tolist() == [1.234, 0.5]
    assert table["b"].tolist() == ["x,y", "1,5"]


@pytest.mark.parametrize("values", ["1,234;900", "1,234;1,234,567"])
def test_commas_that_may_be_of_thousands(values, tmp_path):
    first, second = values.split(";")
    with pytest.raises(InputError, match=r"column 'a': '1,234' may be a decimal"):
        read(tmp_path, f"id;a\n1;{first}\n2;{second}\n", "nodes.csv")


def test_zeros_before_late_ids(tmp_path):
    ids = [*map(str, range(1000, 2200)), *(f"0{i}" for i in range(300, 400))]
    pandas.DataFrame({"id": ids, "a": 1.5}).to_csv(tmp_path / "nodes.csv", index=False)
    pandas.DataFrame({"u": ids[:-1], "v": ids[1:]}).to_csv(tmp_path / "edges.csv", index=False)
    assert load_dataset(f"tables:{tmp_path}").node_ids.tolist() == ids


def test_quotes_that_are_no_quotes(tmp_path):
    text = 'id\t"title"\tn\n07\t"A b c\t"1"\n2\td "e"\t2\n3\tg h"\t3\n"4"\t"i ""j"""\t4\n'
    table = read(tmp_path, text)
    assert table.columns.tolist() == ["id", "title", "n"]
    assert table["title"].tolist() == ['"A b c', 'd "e"', 'g h"', 'i "j"']
    assert table["n"].tolist() == [1, 2, 3, 4]
    links = tmp_path / "edges.tsv"
    links.write_text("source\ttarget\n07\t4\n3\t2\n")
    graph = graph_of_tables(tmp_path / "nodes.tsv", links)
    assert graph.data.node_ids.tolist() == ["07", "2", "3", "4"]


@pytest.mark.parametrize("title", ["of\ntwo lines", "a\ttab", 'a "word"'])
def test_quotes_that_are_quotes(title, tmp_path):
    path = tmp_path / "nodes.tsv"
    pandas.DataFrame({"id": [1, 2], "t": [title, "b"]}).to_csv(path, sep="\t", index=False)
    assert read_table(path, lambda table: ["id"])["t"].tolist() == [title, "b"]


@pytest.mark.parametrize("kind", ["edgelist", "graphml", "gexf", "tables"])
def test_little_that_unfolds_to_much(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_FREE_LENGTH", 1 << 16)
    path = tmp_path / "edges.csv.gz"
    start = b"<graphml>" if kind in ("graphml", "gexf") else b"source,target\n"
    path.write_bytes(gzip.compress(start + b"1,2\n" * 100_000))
    with pytest.raises(InputError, match="unfolds to more than 65,536 bytes"):
        load_dataset(f"{kind}:{tmp_path if kind == 'tables' else path}")
    path.write_bytes(gzip.compress(b"source,target\n" + b"1,2\n" * 10_000))
    if kind in ("edgelist", "tables"):
        assert load_dataset(f"{kind}:{tmp_path if kind == 'tables' else path}").num_nodes == 2


@pytest.mark.parametrize(
    ("index", "more", "ids"),
    [
        ([4, 1, 3, 2], {}, [4, 1, 3, 2]),
        ([4, 1, 3, 2], {"id": [7, 8, 9, 10]}, [7, 8, 9, 10]),
        (list("dacb"), {"id": [7, 8, 9, 10]}, [7, 8, 9, 10]),
        (pandas.RangeIndex(5, 9), {}, [5, 6, 7, 8]),
        (pandas.Index([4, 1, 3, 2], name="person"), {}, [4, 1, 3, 2]),
        (pandas.Index(list("dacb"), name="person"), {}, list("dacb")),
        (pandas.Index([4, 1, 3, 2], name="p"), {}, [4, 1, 3, 2]),
        (pandas.RangeIndex(4, name="person"), {}, [0, 1, 2, 3]),
    ],
)
def test_indices_of_parquet_files(index, more, ids, tmp_path):
    features = pandas.DataFrame({"p": [1.0, 2, 2, 4], "q": [0.5, 1, 1, 0], **more}, index=index)
    features.to_parquet(tmp_path / "x.parquet")
    links = pandas.DataFrame({"one": ids[:3], "other": ids[1:]}, index=[7, 5, 6])
    links.to_parquet(tmp_path / "edges.parquet")
    data = graph_of_tables(tmp_path / "x.parquet", tmp_path / "edges.parquet").data
    assert data.node_ids.tolist() == ids
    assert data.edge_index.shape[1] == 6
