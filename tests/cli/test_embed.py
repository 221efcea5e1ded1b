"""`graph-barlow-twins embed`: the numbers of the model, or one line and nothing written."""

import os
import shutil

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.cli import embed as embed_command
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.output import model as exported_model

UNITS = (8, 3)


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


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run's folder as far as `embed` looks at it: the exported model."""
    from graph_barlow_twins.pretrain.encoder.gcn import build_encoder
    from graph_barlow_twins.pretrain.graph.tensor import plain_spec
    from graph_barlow_twins.pretrain.output.export import export_model
    from graph_barlow_twins.pretrain.output.folder import OutputFolder

    folder = OutputFolder(tmp_path_factory.mktemp("run"))
    encoder = build_encoder(plain_spec(5), UNITS)
    rng = np.random.default_rng(0)
    encoder.set_weights([w + rng.normal(0, 0.3, w.shape) for w in encoder.get_weights()])
    export_model(encoder, plain_spec(5), folder)
    return folder.root, encoder


def expected_embeddings(encoder, dataset):
    """By the encoder itself, on the graph as training sees it."""
    from graph_barlow_twins.pretrain.encoder.apply import embed
    from graph_barlow_twins.pretrain.encoder.gcn import build_encoder
    from graph_barlow_twins.pretrain.graph.tensor import graph_tensor_from_data, relaxed_spec

    graph = graph_tensor_from_data(load_dataset(dataset))
    own = build_encoder(relaxed_spec(graph), UNITS)
    own.set_weights(encoder.get_weights())
    return embed(own, graph)


def embed(model, dataset, output, *more):
    arguments = [model, "--dataset", dataset, "--output", output, "--quiet", *more]
    return main(["embed", *map(str, arguments)])


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("large", [False, True])
def test_embeddings_are_the_encoders(tmp_path, monkeypatch, capsys, run_folder, sparse, large):
    root, encoder = run_folder
    dataset = save_graph(tmp_path / "g.npz", sparse=sparse, seed=int(large))
    if large:  # as if it did not fit into one example
        monkeypatch.setattr(exported_model, "_MOST_BYTES_AT_ONCE", 0)
        monkeypatch.setattr(exported_model.ExportedModel, "_embed_at_once", None)
    model = root if large else root / "model"
    assert embed(model, dataset, tmp_path / "out.npz") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("\n") == 1
    with np.load(tmp_path / "out.npz") as saved:
        assert set(saved) == {"node_ids", "embeddings"}
        np.testing.assert_array_equal(saved["node_ids"], np.arange(30) + 100)
        assert saved["embeddings"].dtype == np.float32
        expected = expected_embeddings(encoder, dataset)
        np.testing.assert_allclose(saved["embeddings"], expected, rtol=0, atol=1e-5)
    assert sorted(os.listdir(tmp_path)) == ["g.npz", "out.npz"]


def test_a_file_is_replaced_only_when_told(tmp_path, capsys, run_folder):
    root, _ = run_folder
    dataset = save_graph(tmp_path / "g.npz")
    output = tmp_path / "out.npz"
    output.write_text("mine")
    assert embed(root, dataset, output) == 2
    assert "exists; give another file, or --overwrite" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert embed(root, dataset, output, "--overwrite") == 0
    with np.load(output) as saved:
        assert saved["embeddings"].shape == (30, 3)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, capsys, run_folder):
    root, _ = run_folder
    dataset = save_graph(tmp_path / "g.npz")
    output = tmp_path / "out.npz"
    output.write_text("mine")

    def savez(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(embed_command.np, "savez", savez)
    assert embed(root, dataset, output, "--overwrite") == 1
    assert "No space left" in capsys.readouterr().err
    assert output.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["g.npz", "out.npz"]


def assert_refused(capsys, code, message, output):
    assert code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("graph-barlow-twins: error: ")
    assert message in lines[0]
    assert not os.path.isfile(output)


def test_another_number_of_features(tmp_path, capsys, run_folder):
    for count in (4, 6, 10):  # 10 = 2 * 5 would parse, as twice as many nodes
        dataset = save_graph(tmp_path / "g.npz", features=count)
        output = tmp_path / "out.npz"
        code = embed(run_folder[0], dataset, output)
        assert_refused(capsys, code, f"expected 5 features, as {run_folder[0]}", output)


def test_no_model(tmp_path, capsys):
    dataset = save_graph(tmp_path / "g.npz")
    for model in (tmp_path, tmp_path / "nowhere", tmp_path / "g.npz"):
        code = embed(model, dataset, tmp_path / "out.npz")
        assert_refused(capsys, code, "no saved_model.pb in it", tmp_path / "out.npz")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("saved_model.pb", b""),
        ("saved_model.pb", b"junk" * 100),
        ("saved_model.pb", None),
        ("variables/variables.index", b"junk"),
        ("variables/variables.index", None),
        ("variables/variables.data-00000-of-00001", b""),
        ("variables/variables.data-00000-of-00001", None),
    ],
)
def test_damaged_model(tmp_path, capsys, run_folder, file, content):
    model = tmp_path / "model"
    shutil.copytree(run_folder[0] / "model", model)
    path = model / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content is None else content)
    dataset = save_graph(tmp_path / "g.npz")
    code = embed(model, dataset, tmp_path / "out.npz")
    assert_refused(capsys, code, "or a damaged one", tmp_path / "out.npz")


def test_foreign_model(tmp_path, capsys):
    import tensorflow as tf

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


def test_a_large_graph_needs_weights_that_we_know(tmp_path, monkeypatch, capsys, run_folder):
    monkeypatch.setattr(exported_model, "_MOST_BYTES_AT_ONCE", 0)
    plain = exported_model.EncoderWeights.from_list
    monkeypatch.setattr(
        exported_model.EncoderWeights, "from_list", lambda weights: plain(weights[:-1])
    )
    dataset = save_graph(tmp_path / "g.npz")
    code = embed(run_folder[0], dataset, tmp_path / "out.npz")
    assert_refused(capsys, code, "too large for one call of", tmp_path / "out.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "facebook", "--output", "o.npz"], "unknown dataset 'facebook'"),
        (["--dataset", "digits", "--output", "."], "is a folder"),
        (["--dataset", "digits", "--output", "/nowhere/o.npz"], "there is no folder /nowhere"),
        (["--dataset", "digits", "--output", "/proc/o.npz"], "not writable"),
        (["--dataset", "digits", "--knn", "0", "--output", "o.npz"], "--knn: expected an integer"),
        (["--output", "o.npz"], "--dataset"),
        (["--dataset", "digits"], "--output"),
    ],
)
def test_wrong_arguments(tmp_path, monkeypatch, capsys, run_folder, arguments, message):
    monkeypatch.chdir(tmp_path)
    if "/proc/o.npz" in arguments:  # root may write everywhere, but not there
        monkeypatch.setattr(embed_command.os, "access", lambda path, mode: False)
    assert_refused(capsys, main(["embed", str(run_folder[0]), *arguments]), message, "o.npz")


def test_the_output_may_not_be_an_input(tmp_path, capsys, run_folder):
    dataset = save_graph(tmp_path / "g.npz")
    before = (tmp_path / "g.npz").read_bytes()
    inside = run_folder[0] / "model" / "o.npz"
    for output in (tmp_path / "g.npz", inside):
        assert embed(run_folder[0], dataset, output, "--overwrite") == 2
        assert "lies in an input" in capsys.readouterr().err
    assert (tmp_path / "g.npz").read_bytes() == before
    assert not inside.exists()
