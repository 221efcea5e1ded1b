"""Whole runs of the command: interrupted, killed, repeated; the model where TensorFlow is alone."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges

from tests.runs import run_main, save_rings


@pytest.fixture
def graph_file(tmp_path):
    save_rings(tmp_path / "rings.npz")
    return tmp_path / "rings.npz"


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
    for changed, content, message in (
        (state, json.dumps(other), "the default of mask_features for this graph is"),
        (run / "checkpoint" / "history.json", "{bad", "history.json is damaged"),
    ):
        original = changed.read_text()
        changed.write_text(content)
        refused = run_main(*command, "--resume")
        assert refused.returncode == 2
        assert message in refused.stderr
        changed.write_text(original)

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
def test_a_killed_run_resumes_and_ends_as_the_uninterrupted_one(tmp_path, graph_file):
    options = ["pretrain", "--dataset", f"npz:{graph_file}", "--seed", "5", "--steps", "120"]
    options += ["--units", "16", "8", "--folds", "2", "--hold-out-edges", "0.2", "--quiet"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run_main(*options, "--output", whole).returncode == 0
    command = [sys.executable, "-m", "graph_barlow_twins.pretrain", *options, "--output", killed]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    # The file "checkpoint" names the last one that is complete, and is written behind it.
    while not any((killed / "checkpoint" / "backup").rglob("checkpoint")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "metrics.json").exists()

    again = [*options, "--output", killed, "--resume"]
    for flag, value in (("--learning-rate", 0.5), ("--hold-out-edges", 0.3)):
        changed = run_main(*again, flag, value)
        assert changed.returncode == 2
        assert f"{flag[2:].replace('-', '_')} is {value} now" in changed.stderr
    index = max(
        (killed / "checkpoint").rglob("ckpt-*.index"), key=lambda path: path.stat().st_mtime_ns
    )
    for path, content, message in (
        (graph_file, None, "not the one"),
        (index, b"junk", "backup is damaged"),
    ):
        original = path.read_bytes()
        if content is None:
            with np.load(path) as arrays:
                changed = dict(arrays) | {"features": arrays["features"] + 1}
            np.savez(path, **changed)
        else:
            path.write_bytes(content)
        refused = run_main(*again)
        assert refused.returncode == 2
        assert message in refused.stderr
        path.write_bytes(original)
    resumed = run_main(*again)
    assert resumed.returncode == 0, resumed.stderr
    metrics, other = (json.loads((run / "metrics.json").read_text()) for run in (killed, whole))
    assert metrics["resumed_at_step"] > 0
    assert len(metrics["curves"]["loss"]) == 120
    assert metrics["edges"] == other["edges"]
    # Not merely within noise: views, weights and optimiser are those of the uninterrupted run.
    for name, key in (("embeddings", "embeddings"), ("held_out_edges", "positives")):
        arrays = [np.load(run / f"{name}.npz")[key] for run in (whole, killed)]
        np.testing.assert_allclose(*arrays, atol=1e-4)
