"""Whole runs of the command: interrupted, killed, repeated; the model where TensorFlow is alone."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges

from tests.runs import run_main, save_rings


@pytest.mark.slow
def test_an_interrupted_run_is_resumed(tmp_path, monkeypatch):
    """A linear encoder, no edges and labels; Ctrl-C comes after the training, in the export."""
    from tensorflow_gnn import runner

    def ctrl_c(*args, **kwargs):
        raise KeyboardInterrupt

    path, run, elsewhere = tmp_path / "loose.npz", tmp_path / "run", tmp_path / "elsewhere"
    features = np.random.default_rng(0).normal(size=(12, 4))
    np.savez(path, features=features, edge_index=np.zeros((2, 0), int))
    command = ["pretrain", "--dataset", f"npz:{path}", "--output", run, "--quiet"]
    command += ["--hops", "2", "--units", "3", "--steps", "4"]
    with monkeypatch.context() as patch:
        patch.setattr(runner, "export_model", ctrl_c)
        done = run_main(*command)
    assert done.returncode == 130
    assert "no edges" in done.stderr
    assert "interrupted; the same command with --resume continues" in done.stderr
    assert not (run / "metrics.json").exists()
    before = np.load(run / "embeddings.npz")["embeddings"]
    assert before.shape == (12, 3)
    assert np.isfinite(before).all()

    state = run / "checkpoint" / "training.json"
    other = json.loads(state.read_text())
    other["options"]["mask_features"] = [0.3, 0.4]
    (index,) = (run / "checkpoint").rglob("state.npz")
    other_graph = tmp_path / "other.npz"
    np.savez(other_graph, features=features + 1, edge_index=np.zeros((2, 0), int))
    for changed, content, message in (
        (state, json.dumps(other).encode(), "the default of mask_features for this graph is"),
        (run / "checkpoint" / "history.json", b"{bad", "history.json is damaged"),
        (index, b"junk", "backup is damaged"),
        (path, other_graph.read_bytes(), "is not the one that the interrupted run was trained on"),
    ):
        original = changed.read_bytes()
        changed.write_bytes(content)
        refused = run_main(*command, "--resume")
        assert refused.returncode == 2
        assert message in refused.stderr
        changed.write_bytes(original)

    # Artefacts that are links, to another disk perhaps: links are replaced, nothing behind them.
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine")
    (run / "model").symlink_to(elsewhere)
    (run / "report.html").symlink_to(elsewhere / "mine")
    shutil.move(run / "checkpoint", elsewhere / "checkpoint")
    (run / "checkpoint").symlink_to(elsewhere / "checkpoint")
    (run / "notes.txt").write_text("mine")
    done = run_main(*command, "--resume")
    assert done.returncode == 0, done.stderr
    assert "no labels, so no probes" in done.stdout
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["resumed_at_step"] == len(metrics["curves"]["loss"]) == 4
    np.testing.assert_array_equal(np.load(run / "embeddings.npz")["embeddings"], before)
    assert not (run / "model").is_symlink()
    assert (run / "model" / "saved_model.pb").is_file()
    assert not (run / "report.html").is_symlink()
    assert not os.path.lexists(run / "checkpoint")
    assert sorted(os.listdir(elsewhere)) == ["checkpoint", "mine"]
    assert (elsewhere / "mine").read_text() == (run / "notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_overwrite_repeats_the_run(finished_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished_run.folder, run)
    (run / "notes.txt").write_text("mine")
    done = run_main("pretrain", *finished_run.arguments, "--output", run, "--overwrite")
    assert done.returncode == 0, done.stderr
    assert (run / "notes.txt").read_text() == "mine"
    embeddings = [
        np.load(one / "embeddings.npz")["embeddings"] for one in (finished_run.folder, run)
    ]
    np.testing.assert_array_equal(*embeddings)  # the same seed


@pytest.mark.slow
def test_one_node_warns(tmp_path):
    path = tmp_path / "one.npz"
    np.savez(path, features=np.ones((1, 4)), edge_index=np.zeros((2, 0), int))
    options = ["--dataset", f"npz:{path}", "--units", "6", "3", "--steps", "4", "--quiet"]
    done = run_main("pretrain", *options, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("batch of one row") == 1


@pytest.mark.slow
def test_the_model_needs_tensorflow_alone(finished_run, tmp_path):
    """The same numbers where neither this package nor TF-GNN is imported."""
    data = hold_out_edges(load_dataset(finished_run.dataset), 0.2, 3)[0]
    script = """
import sys, numpy as np, tensorflow as tf
graph = np.load(sys.argv[1])
target, source = graph["edge_index"]  # both directions are there
def ints(values): return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
example = tf.train.Example(features=tf.train.Features(feature={
    "nodes/nodes.#size": ints([60]), "edges/edges.#size": ints([len(source)]),
    "edges/edges.#source": ints(source), "edges/edges.#target": ints(target),
    "nodes/nodes.features": tf.train.Feature(float_list=tf.train.FloatList(
        value=graph["features"].reshape(-1)))}))
model = tf.saved_model.load(sys.argv[2])
out = model.signatures["serving_default"](examples=tf.constant([example.SerializeToString()]))
assert not any(name.startswith(("graph_barlow", "tensorflow_gnn")) for name in sys.modules)
np.save(sys.argv[3], out["representations"])
"""
    graph, served = tmp_path / "graph.npz", tmp_path / "served.npy"
    np.savez(graph, features=data.features, edge_index=data.edge_index)
    command = [sys.executable, "-c", script, graph, finished_run.folder / "model", served]
    subprocess.run(command, check=True, cwd="/")
    expected = np.load(finished_run.folder / "embeddings.npz")["embeddings"]
    np.testing.assert_allclose(np.load(served), expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("training", ["closed-form", "none"])
def test_a_run_without_steps(tmp_path, training):
    dataset, run = save_rings(tmp_path / "rings.npz"), tmp_path / "run"
    command = ["pretrain", "--dataset", dataset, "--output", run, "--quiet", "--folds", "2"]
    command += ["--training", training, "--units", "4", "--hops", "2"]
    done = run_main(*command)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((run / "metrics.json").read_text())
    assert (metrics["training"], metrics["steps"]) == (training, 0)
    ends = metrics["curves"]["loss"]
    assert ends == [] if training == "none" else ends[1] < ends[0]
    assert ("loss, first and last" in done.stdout) == bool(ends)
    if training == "none":
        rows = metrics["evaluation"]
        assert rows["trained encoder"] == rows["untrained encoder"]
    report = (run / "report.html").read_text()
    told = "was not trained" if training == "none" else "without steps, by one linear system"
    assert told in report

    output = tmp_path / "again.npz"
    assert run_main("embed", run, "--dataset", dataset, "--output", output).returncode == 0
    with np.load(output) as found, np.load(run / "embeddings.npz") as expected:
        np.testing.assert_allclose(found["embeddings"], expected["embeddings"], atol=1e-5)
    resumed = run_main(*command, "--resume")
    assert resumed.returncode == 0
    assert "was complete" in resumed.stdout
    changed = run_main(*command[:-4], "--units", "4", "--hops", "2", "--steps", "3")
    assert changed.returncode == 2
