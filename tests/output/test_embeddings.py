"""Embeddings in every kind of file: what is written is read, and what others write as well."""

import gzip
import os
import types
import zipfile

import numpy as np
import pandas
import pytest
from graph_barlow_twins.pretrain import InputError, files
from graph_barlow_twins.pretrain.output.embeddings import write
from graph_barlow_twins.pretrain.output.embeddings.read import read_embeddings
from graph_barlow_twins.pretrain.output.embeddings.write import check_ids, save_embeddings

TABLES = ["csv", "tsv", "csv.gz", "tsv.gz", "parquet"]
NUMBERS, WORDS = np.arange(7) * 10**12, np.array([f"n{i}" for i in range(7)])


def rows(count=7, width=3):
    values = np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)
    values[0, 0], values[1, 1] = 1e-30, 1 / 3
    return values


def save(path, ids, embeddings=None):
    data = types.SimpleNamespace(node_ids=ids)
    save_embeddings(rows() if embeddings is None else embeddings, data, path)


@pytest.mark.parametrize("ending", ["npz", *TABLES, "w2v", "txt", "CSV"])
@pytest.mark.parametrize("ids", [NUMBERS, WORDS], ids=["numbers", "words"])
def test_bit_for_bit(tmp_path, monkeypatch, ending, ids):
    monkeypatch.setattr(write, "_ENTRIES", 9)  # in parts of three rows
    path = tmp_path / f"e.{ending}"
    save(path, ids)
    found = read_embeddings(str(path))
    np.testing.assert_array_equal(found.embeddings, rows())
    assert found.node_ids.astype(str).tolist() == ids.astype(str).tolist()
    assert os.listdir(tmp_path) == [path.name]


def test_other_programs_read_them(tmp_path):
    for ending in TABLES:
        path = tmp_path / f"e.{ending}"
        save(path, WORDS)
        if ending == "parquet":
            table = pandas.read_parquet(path)
        else:
            table = pandas.read_csv(path, sep="\t" if "tsv" in ending else ",")
        assert list(table) == ["node_id", "dim_0", "dim_1", "dim_2"]
        assert table.node_id.tolist() == WORDS.tolist()
        np.testing.assert_array_equal(table.iloc[:, 1:].to_numpy(np.float32), rows())
    save(tmp_path / "e.w2v", WORDS)
    first, second, *_ = (tmp_path / "e.w2v").read_text().splitlines()
    assert first == "7 3"
    assert second.split(" ")[0] == "n0"
    assert [np.float32(one) for one in second.split(" ")[1:]] == rows()[0].tolist()
    save(tmp_path / "e.npy", WORDS)
    np.testing.assert_array_equal(np.load(tmp_path / "e.npy"), rows())
    assert read_embeddings(str(tmp_path / "e.npy")).node_ids is None


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "parquet"])
def test_ids_of_any_kind(tmp_path, ending):
    ids = np.array(['a, "b"', "tab\there", "NA", "007", "ä", "1.50", "two\nlines"])
    save(tmp_path / f"e.{ending}", ids)
    assert read_embeddings(str(tmp_path / f"e.{ending}")).node_ids.tolist() == ids.tolist()


def test_word2vec_has_no_place_for_some_ids(tmp_path):
    for one in ("a b", "a\tb", 'a"b', ""):
        with pytest.raises(InputError, match=r"no place for the node id .* write \.csv"):
            check_ids(tmp_path / "e.w2v", types.SimpleNamespace(node_ids=np.array(["a", one])))
    check_ids(tmp_path / "e.w2v", types.SimpleNamespace(node_ids=WORDS))


@pytest.mark.parametrize(
    ("name", "text", "ids", "first"),
    [
        ("index.csv", ",0,1\nx,1,2\ny,3,4\n", ["x", "y"], [1, 2]),
        ("named.csv", "a,ID,b\n1,x,2\n3,y,4\n", ["x", "y"], [1, 2]),
        ("texts.tsv", "paper\ta\tb\nx\t1\t2\ny\t3\t4\n", ["x", "y"], [1, 2]),
        ("counted.csv", "0,1\n1,2\n3,4\n", None, [1, 2]),
        ("bare.csv", "1.5,2\n3,4\n", None, [1.5, 2]),
        ("bare_ids.csv", "x,1.5,2\ny,3,4\n", ["x", "y"], [1.5, 2]),
        ("windows.csv", "\ufeffid,a,b\r\nx,1,2\r\ny,3,4\r\n", ["x", "y"], [1, 2]),
        ("trailing.w2v", "2 2\nx 1 2 \ny 3 4 \n", ["x", "y"], [1, 2]),
        ("glove.txt", "x 1 2\ny 3 4\n", ["x", "y"], [1, 2]),
        ("one_of_them.txt", "MATLAB 1 2\nSQLite 3 4\n", ["MATLAB", "SQLite"], [1, 2]),
        ("r.csv", '"","1","2"\n"x",1,2\n"y",3,4\n', ["x", "y"], [1, 2]),
        ("user.csv", "user_id,dim_0,dim_1\n70,1,2\n80,3,4\n", ["70", "80"], [1, 2]),
        ("index.csv", "index,0,1\n70,1,2\n80,3,4\n", ["70", "80"], [1, 2]),
        ("integers.csv", "dim_0,dim_1\n0,1.5\n3,4\n", None, [0, 1.5]),
        ("semicolons.csv", "id;a;b\nx;1;2\ny;3;4\n", ["x", "y"], [1, 2]),
        ("tabs.txt", "id\ta\tb\nx\t1\t2\ny\t3\t4\n", ["x", "y"], [1, 2]),
        ("tabs.w2v", "2 2\nx\t1\t2\ny\t3\t4\n", ["x", "y"], [1, 2]),
        ("commas.txt", "0.5,1\n3,4\n", None, [0.5, 1]),
        ("words.txt", "0.5 1 2\ny 3 4\n", ["0.5", "y"], [1, 2]),
        ("integers.txt", "7 1 2\n8 3 4\n", ["7", "8"], [1, 2]),
        ("quote.txt", '2 2\n"x 1 2\ny 3 4\n', ['"x', "y"], [1, 2]),
    ],
)
def test_as_others_write_them(tmp_path, name, text, ids, first):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    found = read_embeddings(str(tmp_path / name))
    assert (found.node_ids if ids is None else found.node_ids.tolist()) == ids
    np.testing.assert_array_equal(found.embeddings, np.array([first, [3, 4]], np.float32))


def test_numpy_savetxt_has_no_ids(tmp_path):
    np.savetxt(tmp_path / "e.txt", rows())
    found = read_embeddings(str(tmp_path / "e.txt"))
    assert found.node_ids is None
    np.testing.assert_array_equal(found.embeddings, rows())


def test_one_dimension_in_word2vec_without_the_first_line(tmp_path):
    (tmp_path / "e.txt").write_text("a 0.5\nb 0\n")
    found = read_embeddings(str(tmp_path / "e.txt"))
    assert found.node_ids.tolist() == ["a", "b"]
    assert found.embeddings.tolist() == [[0.5], [0]]


@pytest.mark.parametrize("header", [None, "person,a,b", "parquet"])
def test_different_integers_beside_fractions_are_ids(tmp_path, header):
    path = tmp_path / ("e.parquet" if header == "parquet" else "e.csv")
    if header == "parquet":
        columns = {"person": [1001, 2**60 + 1], "a": [0.1, 1.0], "b": [0.2, 2.0]}
        pandas.DataFrame(columns).to_parquet(path)
    else:
        path.write_text(f"{header}\n" * bool(header) + f"1001,0.1,0.2\n{2**60 + 1},1,2\n")
    with pytest.warns(UserWarning, match="is taken for the nodes' ids"):
        found = read_embeddings(str(path))
    assert found.node_ids.astype(str).tolist() == ["1001", str(2**60 + 1)]
    assert found.embeddings.shape == (2, 2)


def test_parquet_with_an_index(tmp_path):
    pandas.DataFrame(rows(), index=WORDS).to_parquet(tmp_path / "e.parquet")
    assert read_embeddings(str(tmp_path / "e.parquet")).node_ids.tolist() == WORDS.tolist()
    pandas.DataFrame(rows()).to_parquet(tmp_path / "e.parquet")
    assert read_embeddings(str(tmp_path / "e.parquet")).node_ids is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.csv", b"id,a\nx,1\ny,one\n", "one"),
        ("e.csv", b"id,a\nx,1\ny,\n", "cannot read"),
        ("e.csv", b"id,a\nx,1,2\n", "cannot read"),
        ("e.csv", b"id,a\n", r"\[N, K\]"),
        ("e.csv", b"", "cannot read"),
        ("e.csv", b"id,a,a\nx,1,2\n", "different names"),
        ("e.csv", b"id,a\nx,nan\ny,1\n", "expected finite values"),
        ("e.csv", b"id,a\nx,1\nx,2\n", "expected all different, got x"),
        ("e.csv", b"dim_0,dim_1\n0.5,1\n,2\n", "cannot read"),
        ("e.csv", b"id\nx\ny\n", "separated by commas, got a single column"),
        ("e.w2v", b"2 2\nx 1 2\ny 3\n", "cannot read"),
        ("e.csv.gz", b"id,a\nx,1\n", "cannot read"),
        ("e.parquet", b"PAR1 and so on", "cannot read"),
        ("e.pt", b"\x80\x02ctorch\n", "is a pickle.*numpy.save"),
        ("e.pkl", b"\x80\x05", "is a pickle"),
        ("e.csv", b"\x89HDF\r\n", "is an HDF5 file"),
        ("e.mat", b"MATLAB 5.0 MAT-file", "is a MATLAB file"),
        ("e.feather", b"ARROW1\0\0\xff", "write it as Parquet"),
        ("e.xlsx", b"text", r"ends in \.npz, \.npy"),
        ("events.out.tfevents.1", b"1234", "is a TensorBoard log"),
        ("e.npz", b"no zip", "not an npz file"),
    ],
)
def test_refused_in_a_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_embeddings(str(tmp_path / name))
    assert str(tmp_path / name) in str(error.value)


def test_pytorch_files_and_arrays_by_another_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "e.pt", "w") as archive:
        archive.writestr("e/data.pkl", b"\x80\x02")
    with pytest.raises(InputError, match="is a PyTorch file"):
        read_embeddings(str(tmp_path / "e.pt"))
    with (tmp_path / "e.bin").open("wb") as file:
        np.save(file, rows())
    np.testing.assert_array_equal(read_embeddings(str(tmp_path / "e.bin")).embeddings, rows())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["saved_model.pb"], "is a SavedModel; `graph-barlow-twins embed`"),
        (["events.out.tfevents.12"], "is a TensorBoard log"),
        (["checkpoint", "config.json"], "has not ended"),
        (["checkpoint", "ckpt-1.index"], "is a TensorFlow checkpoint"),
        ([], "there is no embeddings.npz"),
    ],
)
def test_folders(tmp_path, names, message):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=message):
        read_embeddings(str(tmp_path))


def test_a_small_file_that_unfolds_to_a_large_one(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_FREE_LENGTH", 1 << 20)
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(b"id,a\n" + b"0" * (1 << 20)))
    with pytest.raises(InputError, match="unfolds to more"):
        read_embeddings(str(tmp_path / "e.csv.gz"))


def test_a_small_parquet_file_that_unfolds_to_a_large_one(tmp_path, monkeypatch):
    path = tmp_path / "e.parquet"
    pandas.DataFrame({"a": np.zeros(1 << 17, np.float32), "b": 0}).to_parquet(path)
    assert os.path.getsize(path) < 1 << 14
    read_embeddings(str(path))
    monkeypatch.setattr(files, "_FREE_LENGTH", 1 << 20)
    with pytest.raises(InputError, match="unfolds to more"):
        read_embeddings(str(path))
    pandas.DataFrame({"id": ["x" * 5000] * 1000, "a": 0.0}).to_parquet(path)
    with pytest.raises(InputError, match="shorter ids, got one of 5,000"):
        read_embeddings(str(path))


def test_parquet_without_columns_or_with_others(tmp_path):
    path = tmp_path / "e.parquet"
    pandas.DataFrame(index=range(3)).to_parquet(path)
    with pytest.raises(InputError, match="a column for each dimension, got none"):
        read_embeddings(str(path))
    pandas.DataFrame({"a": [0.5], "b": [[1, 2]]}).to_parquet(path)
    with pytest.raises(InputError, match=r"column 'b': expected numbers.*list"):
        read_embeddings(str(path))


def test_nothing_half_written(tmp_path, monkeypatch):
    (tmp_path / "e.csv").write_text("mine")

    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.record_batch", fails)
    with pytest.raises(OSError, match="No space"):
        save(tmp_path / "e.csv", WORDS)
    assert (tmp_path / "e.csv").read_text() == "mine"
    assert os.listdir(tmp_path) == ["e.csv"]
