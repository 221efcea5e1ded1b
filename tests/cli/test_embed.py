"""`graph-barlow-twins embed`: the numbers of the model, or one line and nothing written."""

import os
import shutil

import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.encoder.blockwise import EncoderWeights, embed_in_blocks
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.output import model as exported_model


def save_graph(path, seed=0, nodes=30, features=5, sparse=False, **more):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(nodes, features))
    edges = rng.integers(0, nodes, (2, 3 * nodes))
    if sparse:
        m = scipy.sparse.csr_matrix(np.maximum(values, 0))
        parts = {
            "features_data": m.data,
            "features_indices": m.indices,
            "features_indptr": m.indptr,
            "features_shape": m.shape,
        }
    else:
        parts = {"features": values}
    np.savez(path, edge_index=edges, node_ids=np.arange(nodes) + 100, **parts, **more)
    return f"npz:{path}"


@pytest.fixture
def model(finished_run):
    return finished_run.folder / "model"


def embed(model, dataset, output, *more):
    arguments = [model, "--dataset", dataset, "--output", output, "--quiet", *more]
    return main(["embed", *map(str, arguments)])


@pytest.mark.parametrize("sparse", [False, True])
def test_embeddings_are_the_encoders(tmp_path, monkeypatch, capsys, finished_run, model, sparse):
    """By the model itself, and in blocks by its weights; `test_main` has the run's own numbers."""
    dataset = save_graph(tmp_path / "g.npz", sparse=sparse)
    loaded = tf.saved_model.load(str(model))  # its signature alone does not keep the variables
    weights = [one.numpy() for one in loaded.signatures["serving_default"].variables]
    expected = embed_in_blocks(EncoderWeights.from_list(weights), load_dataset(dataset))
    assert embed(finished_run.folder, dataset, tmp_path / "out.npz") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("\n") == 1
    with np.load(tmp_path / "out.npz") as saved:
        assert set(saved) == {"node_ids", "embeddings"}
        np.testing.assert_array_equal(saved["node_ids"], np.arange(30) + 100)
        assert saved["embeddings"].dtype == np.float32
        np.testing.assert_allclose(saved["embeddings"], expected, rtol=0, atol=1e-5)
    monkeypatch.setattr(exported_model, "_MOST_BYTES_AT_ONCE", 0)  # as if it were too large
    assert embed(model, dataset, tmp_path / "large.npz") == 0
    with np.load(tmp_path / "large.npz") as saved:
        np.testing.assert_array_equal(saved["embeddings"], expected)
    assert sorted(os.listdir(tmp_path)) == ["g.npz", "large.npz", "out.npz"]


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


def assert_refused(capsys, code, message, output):
    assert code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("graph-barlow-twins: error: ")
    assert message in lines[0]
    assert not os.path.isfile(output)


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
    ("file", "content"),
    [
        ("saved_model.pb", b"junk" * 100),
        ("saved_model.pb", None),
        ("variables/variables.index", b"junk"),
        ("variables/variables.data-00000-of-00001", b""),
    ],
)
def test_damaged_model(tmp_path, capsys, model, file, content):
    damaged = tmp_path / "model"
    shutil.copytree(model, damaged)
    path = damaged / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    dataset = save_graph(tmp_path / "g.npz")
    code = embed(damaged, dataset, tmp_path / "out.npz")
    assert_refused(capsys, code, "or a damaged one", tmp_path / "out.npz")


def test_foreign_model(tmp_path, capsys):
    class Other(tf.Module):
        def __init__(self):
            super().__init__()
            self.kernel = tf.Variable(tf.ones([5, 3]))

        @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.float32, name="x")])
        def double(self, x):
            return {"y": x @ self.kernel}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
        def count(self, texts):
            return {"representations": tf.zeros([tf.size(texts), 3]) * self.kernel[0]}

    dataset = save_graph(tmp_path / "g.npz")
    other = Other()
    for name, message in (("double", "not an exported model"), ("count", "this is another model")):
        tf.saved_model.save(
            other, str(tmp_path / name), signatures={"serving_default": getattr(other, name)}
        )
        code = embed(tmp_path / name, dataset, tmp_path / "out.npz")
        assert_refused(capsys, code, message, tmp_path / "out.npz")
    tf.saved_model.save(other, str(tmp_path / "none"))
    code = embed(tmp_path / "none", dataset, tmp_path / "out.npz")
    assert_refused(capsys, code, "not an exported model", tmp_path / "out.npz")


def test_a_large_graph_needs_weights_that_we_know(tmp_path, monkeypatch, capsys, model):
    monkeypatch.setattr(exported_model, "_MOST_BYTES_AT_ONCE", 0)
    plain = exported_model.EncoderWeights.from_list
    monkeypatch.setattr(
        exported_model.EncoderWeights, "from_list", lambda weights: plain(weights[:-1])
    )
    dataset = save_graph(tmp_path / "g.npz")
    code = embed(model, dataset, tmp_path / "out.npz")
    assert_refused(capsys, code, "too large for one call of", tmp_path / "out.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "facebook", "--output", "o.npz"], "unknown dataset 'facebook'"),
        (["--dataset", "digits", "--output", "."], "is a folder"),
        (["--dataset", "digits", "--output", "/nowhere/o.npz"], "there is no folder /nowhere"),
        (["--dataset", "digits", "--output", "/proc/o.npz"], "not writable"),
        (["--dataset", "digits", "--knn", "0", "--output", "o.npz"], "--knn: expected an integer"),
        (["--output", "o.npz"], "--dataset NAME is required: the graph"),
        (["--dataset", "digits"], "--output FILE.npz is required: for node_ids"),
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
