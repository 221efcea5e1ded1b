"""`graph-barlow-twins embed`: the numbers of the model, or one line and nothing written."""

import os

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main

from tests.cli.embedding import assert_refused, embed, save_graph
from tests.fresh_process import run_python


@pytest.mark.parametrize("sparse", [False, True])
def test_embeddings_are_the_encoders(tmp_path, capsys, finished_run, model, sparse):
    """Those of the SavedModel, which is not executed; `test_main` has the run's own numbers."""
    dataset = save_graph(tmp_path / "g.npz", sparse=sparse)
    assert embed(finished_run.folder, dataset, tmp_path / "out.npz") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("\n") == 1
    assert embed(model, dataset, tmp_path / "trusted.npz", "--trust-model") == 0
    with np.load(tmp_path / "out.npz") as saved, np.load(tmp_path / "trusted.npz") as trusted:
        assert set(saved) == {"node_ids", "embeddings"}
        np.testing.assert_array_equal(saved["node_ids"], np.arange(30) + 100)
        assert saved["embeddings"].dtype == np.float32
        np.testing.assert_allclose(saved["embeddings"], trusted["embeddings"], rtol=0, atol=1e-5)
    assert sorted(os.listdir(tmp_path)) == ["g.npz", "out.npz", "trusted.npz"]


def test_tables_go_into_evaluate(tmp_path, capsys, model):
    dataset = save_graph(tmp_path / "g.npz", labels=np.arange(30) % 2)
    told = []
    for name in ("e.npz", "e.csv.gz", "e.w2v"):
        assert embed(model, dataset, tmp_path / name) == 0
        shown = ["--labels", str(tmp_path / "l.npz"), "--quiet", "--seeds", "1"]
        ids = np.arange(30)[::-1] + 100
        np.savez(tmp_path / "l.npz", labels=np.arange(30)[::-1] // 15, node_ids=ids)
        capsys.readouterr()
        assert main(["evaluate", str(tmp_path / name), *shown]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1] == told[2]


def test_word2vec_has_no_quotes(tmp_path, monkeypatch, capsys, model):
    path = tmp_path / "g.npz"
    save_graph(path)
    with np.load(path) as parts:
        np.savez(path, **{**parts, "node_ids": [f"node {i}" for i in range(30)]})
    monkeypatch.chdir(tmp_path)
    code = embed(model, "npz:g.npz", "e.txt")
    assert_refused(capsys, code, "no place for the node id 'node 0'", "e.txt")


def test_tensorflow_is_not_imported(tmp_path, model):
    dataset = save_graph(tmp_path / "g.npz")
    arguments = ["embed", str(model), "--dataset", dataset, "--output", str(tmp_path / "o.npz")]
    code = f"""
import sys
from graph_barlow_twins.pretrain.cli.main import main
assert main({arguments}) == 0
print(*(name for name in ("tensorflow", "tf_keras", "tensorflow_gnn") if name in sys.modules))
"""
    said, loaded = (run_python(code) + "\n").split("\n")[:2]
    assert "embeddings of 30 nodes" in said
    assert loaded == ""


def test_a_file_is_replaced_only_when_told(tmp_path, monkeypatch, capsys, model):
    """And by the whole of the new one, or not at all."""
    dataset = save_graph(tmp_path / "g.npz")
    output = tmp_path / "out.npz"
    output.write_text("mine")
    assert embed(model, dataset, output) == 2
    assert "exists; give another file, or --overwrite" in capsys.readouterr().err
    assert output.read_text() == "mine"

    def savez(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", savez)
        assert embed(model, dataset, output, "--overwrite") == 1
    assert "No space left" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["g.npz", "out.npz"]
    assert embed(model, dataset, output, "--overwrite") == 0
    with np.load(output) as saved:
        assert saved["embeddings"].shape == (30, 8)


def test_the_output_may_lie_beside_the_data(tmp_path, monkeypatch, model):
    """In the working directory, which is the folder of the data, too."""
    save_graph(tmp_path / "g.npz")
    monkeypatch.chdir(tmp_path)
    assert embed(model, "npz:g.npz", "o.npz", "--data-dir", ".") == 0
    assert sorted(os.listdir(tmp_path)) == ["g.npz", "o.npz"]


@pytest.mark.parametrize("count", [4, 10])  # 10 = 2 * 5 would parse, as twice as many nodes
def test_another_number_of_features(tmp_path, capsys, model, count):
    dataset = save_graph(tmp_path / "g.npz", features=count)
    output = tmp_path / "out.npz"
    code = embed(model, dataset, output)
    assert_refused(capsys, code, f"expected 5 features, as {model}", output)


def test_no_model(tmp_path, capsys):
    dataset = save_graph(tmp_path / "g.npz")
    for model in (tmp_path, tmp_path / "nowhere", tmp_path / "g.npz"):
        code = embed(model, dataset, tmp_path / "out.npz")
        assert_refused(capsys, code, "no saved_model.pb in it", tmp_path / "out.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "facebook", "--output", "o.npz"], "unknown dataset 'facebook'"),
        (["--dataset", "digits", "--output", "."], "is a folder"),
        (["--dataset", "digits", "--output", "o.xlsx"], "that ends in .npz, .npy, .parquet, .csv"),
        (["--dataset", "digits", "--output", "/nowhere/o.npz"], "there is no folder /nowhere"),
        (["--dataset", "digits", "--output", "/proc/o.npz"], "not writable"),
        (["--dataset", "digits", "--knn", "0", "--output", "o.npz"], "--knn: expected an integer"),
        (["--output", "o.npz"], "expected either --dataset or --edges"),
        (["--dataset", "digits"], "--output FILE is required: for node_ids"),
    ],
)
def test_wrong_arguments(tmp_path, monkeypatch, capsys, model, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert_refused(capsys, main(["embed", str(model), *arguments]), message, "o.npz")


def test_the_output_may_not_be_an_input(tmp_path, capsys, model):
    dataset = save_graph(tmp_path / "g.npz")
    before = (tmp_path / "g.npz").read_bytes()
    inside = model / "o.npz"
    for output in (tmp_path / "g.npz", inside):
        assert embed(model, dataset, output, "--overwrite") == 2
        assert "lies in an input" in capsys.readouterr().err
    assert (tmp_path / "g.npz").read_bytes() == before
    assert not inside.exists()
