"""`embed --trust-model`: the SavedModel itself is applied, or refused in one line."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.pretrain.encoder.blockwise import embed_in_blocks
from graph_barlow_twins.pretrain.encoder.weights import EncoderWeights
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.output import saved_model

from tests.cli.embedding import assert_refused, embed, save_graph


def test_a_model_of_version_0_1_0_is_applied_when_trusted(tmp_path, monkeypatch, capsys, model):
    """At once, and in blocks by its weights."""
    old = tmp_path / "model"
    shutil.copytree(model, old, ignore=shutil.ignore_patterns("encoder.*"))
    dataset, output = save_graph(tmp_path / "g.npz"), tmp_path / "out.npz"
    code = embed(old, dataset, output)
    assert_refused(capsys, code, "only with --trust-model: without encoder.json", output)
    loaded = tf.saved_model.load(str(old))  # its signature alone does not keep the variables
    weights = [one.numpy() for one in loaded.signatures["serving_default"].variables]
    expected = embed_in_blocks(EncoderWeights.from_list(weights), load_dataset(dataset))
    for limit, tolerance in ((2**29, 1e-5), (0, 0)):  # as if it were too large
        monkeypatch.setattr(saved_model, "_MOST_BYTES_AT_ONCE", limit)
        assert embed(old, dataset, output, "--trust-model", "--overwrite") == 0
        with np.load(output) as saved:
            np.testing.assert_allclose(saved["embeddings"], expected, rtol=0, atol=tolerance)


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
    code = embed(damaged, dataset, tmp_path / "out.npz", "--trust-model")
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
        code = embed(tmp_path / name, dataset, tmp_path / "out.npz", "--trust-model")
        assert_refused(capsys, code, message, tmp_path / "out.npz")
    tf.saved_model.save(other, str(tmp_path / "none"))
    code = embed(tmp_path / "none", dataset, tmp_path / "out.npz", "--trust-model")
    assert_refused(capsys, code, "not an exported model", tmp_path / "out.npz")


def test_a_large_graph_needs_weights_that_we_know(tmp_path, monkeypatch, capsys, model):
    monkeypatch.setattr(saved_model, "_MOST_BYTES_AT_ONCE", 0)
    plain = saved_model.EncoderWeights.from_list
    monkeypatch.setattr(
        saved_model.EncoderWeights, "from_list", lambda weights: plain(weights[:-1])
    )
    dataset = save_graph(tmp_path / "g.npz")
    code = embed(model, dataset, tmp_path / "out.npz", "--trust-model")
    assert_refused(capsys, code, "too large for one call of", tmp_path / "out.npz")
