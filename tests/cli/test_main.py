"""The command line: bad input is refused in one line with nothing written, real runs deliver."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main

FAST = ["--steps", "6", "--units", "16", "8", "--folds", "2", "--quiet"]


def run_cli(*arguments, **options):
    """The command in a process of its own: a run sets TensorFlow's global options."""
    command = [sys.executable, "-m", "graph_barlow_twins.pretrain.cli.main", "pretrain", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


@pytest.fixture
def graph_file(tmp_path):
    """A ring of two kinds of nodes, with the two kinds as labels."""
    rng = np.random.default_rng(0)
    nodes = np.arange(40)
    labels = nodes // 20
    path = tmp_path / "ring.npz"
    np.savez(
        path,
        features=(rng.normal(size=(40, 5)) + labels[:, None]).astype(np.float32),
        edge_index=np.stack([nodes, (nodes + 1) % 40]),
        labels=labels,
        node_ids=np.array([f"node {i}" for i in nodes]),
    )
    return path


def assert_refused(capsys, arguments, message, output):
    """Exit code 2, one line on stderr that says what is wrong, and no output folder."""
    existed = os.path.exists(output)
    assert main(["pretrain", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if "warning:" not in line]
    assert len(lines) == 1
    assert lines[0].startswith("graph-barlow-twins: error: ")
    assert message in lines[0]
    assert os.path.exists(output) == existed


def newest(paths):
    return max(paths, key=lambda path: path.stat().st_mtime_ns)


def save_npz(path, **changes):
    arrays = {"features": np.eye(4, 3), "edge_index": np.array([[0, 1], [1, 2]])}
    np.savez(path, **{key: v for key, v in {**arrays, **changes}.items() if v is not None})
    return f"npz:{path}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.full((4, 3), np.nan)}, "NaN"),
        ({"features": np.full((4, 3), np.inf)}, "inf"),
        ({"features": np.full((4, 3), 1e20)}, "within +-1e+15"),
        ({"features": np.zeros(4)}, "[N, F]"),
        ({"features": np.zeros((4, 3), complex)}, "complex"),
        ({"features": None}, "features"),
        ({"edge_index": np.array([[0], [4]])}, "4"),
        ({"edge_index": np.array([[0], [-1]])}, "-1"),
        ({"edge_index": np.zeros((3, 2), int)}, "[2, E]"),
        ({"edge_index": np.zeros((2, 2))}, "integer"),
        ({"labels": np.zeros(3, int)}, "labels"),
        ({"labels": np.zeros(4, int)}, "two classes"),
        ({"lables": np.zeros(4, int)}, "lables"),
    ],
)
def test_bad_graph(tmp_path, capsys, changes, message):
    dataset = save_npz(tmp_path / "bad.npz", **changes)
    output = tmp_path / "out"
    assert_refused(capsys, ["--dataset", dataset, "--output", output], message, output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--drop-edges", "1.5"], "--drop-edges"),
        (["--mask-features", "nan"], "--mask-features"),
        (["--drop-edges", "-0.1", "0.2"], "--drop-edges"),
        (["--steps", "0"], "--steps"),
        (["--steps", "99999999999999999999"], "--steps"),
        (["--learning-rate", "fast"], "--learning-rate"),
        (["--units", "0"], "--units"),
        (["--dataset", "facebook"], "facebook"),
        (["--dataset", "npz:/nowhere/graph.npz"], "/nowhere/graph.npz"),
        (["--dataset", "planetoid:cora", "--data-dir", "/nowhere"], "/nowhere"),
        (["--config", "/nowhere/options.toml"], "/nowhere/options.toml"),
        (["--stesp", "3"], "--stesp"),
        (["--overwrite", "--resume"], "--resume"),
    ],
)
def test_bad_option(tmp_path, capsys, arguments, message):
    output = tmp_path / "out"
    assert_refused(capsys, [*arguments, "--output", output], message, output)


def test_no_output_folder_given(tmp_path, capsys):
    assert_refused(capsys, [], "--output", tmp_path / "out")


def test_truncated_file(tmp_path, capsys, graph_file):
    cut = tmp_path / "cut.npz"
    cut.write_bytes(graph_file.read_bytes()[:300])
    output = tmp_path / "out"
    assert_refused(capsys, ["--dataset", f"npz:{cut}", "--output", output], "cut.npz", output)


class _Malicious:
    def __reduce__(self):
        return os.system, ("touch {}",)


def test_pickle_that_calls_something(tmp_path, capsys):
    for part in ("x", "y", "tx", "ty", "allx", "ally", "graph"):
        (tmp_path / f"ind.evil.{part}").write_bytes(pickle.dumps(_Malicious(), protocol=2))
    (tmp_path / "ind.evil.test.index").write_text("0\n")
    output = tmp_path / "out"
    arguments = ["--dataset", "planetoid:evil", "--data-dir", tmp_path, "--output", output]
    assert_refused(capsys, arguments, "system", output)


def test_output_folder_not_empty(tmp_path, capsys):
    (tmp_path / "precious.txt").write_text("keep me")
    assert_refused(capsys, ["--output", tmp_path], "not empty", tmp_path)
    assert os.listdir(tmp_path) == ["precious.txt"]


def test_overwrite_spares_what_is_not_a_run(tmp_path, capsys):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.h5").write_text("mine")
    arguments = ["--output", tmp_path, "--overwrite"]
    assert_refused(capsys, arguments, "does not hold a run", tmp_path)
    assert (tmp_path / "model" / "weights.h5").read_text() == "mine"


def test_overwrite_spares_the_input(tmp_path, capsys, graph_file):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_text('{"output": "run"}')
    (run / "embeddings.npz").write_bytes(graph_file.read_bytes())
    dataset = f"npz:{run / 'embeddings.npz'}"
    arguments = ["--output", run, "--overwrite", "--dataset", dataset]
    assert_refused(capsys, arguments, "is the input", run)
    assert (run / "embeddings.npz").exists()


def test_output_is_a_file(tmp_path, capsys):
    output = tmp_path / "out"
    output.write_text("a file")
    assert_refused(capsys, ["--output", output], "is a file", output)
    assert output.read_text() == "a file"


def test_output_folder_not_writable(capsys):
    # Not even root can make a folder there.
    assert_refused(capsys, ["--output", "/proc/out"], "not writable", "/proc/out")


def test_resume_without_a_run(tmp_path, capsys):
    (tmp_path / "other.txt").write_text("")
    assert_refused(capsys, ["--output", tmp_path, "--resume"], "no interrupted run", tmp_path)


def test_run_on_a_graph_file(tmp_path, graph_file):
    output = tmp_path / "out"
    done = run_cli("--dataset", f"npz:{graph_file}", "--output", output, "--seed", "3", *FAST)
    assert done.returncode == 0, done.stderr
    for row in ("trained encoder", "raw features", "PCA", "untrained encoder", str(output)):
        assert row in done.stdout
    metrics = json.loads((output / "metrics.json").read_text())
    assert len(metrics["curves"]["loss"]) == 6
    assert set(metrics["probe"]) == {"trained encoder", "raw features", "PCA", "untrained encoder"}
    assert json.loads((output / "config.json").read_text())["seed"] == 3
    assert any((output / "tensorboard").rglob("events.out.tfevents.*"))
    assert not (output / "checkpoint").exists()
    with np.load(output / "embeddings.npz") as saved:
        embeddings, node_ids = saved["embeddings"], saved["node_ids"]
    assert embeddings.shape == (40, 8)
    assert embeddings.dtype == np.float32
    assert node_ids[7] == "node 7"

    # The model gives the same numbers where neither this package nor TF-GNN is imported.
    script = """
import sys, numpy as np, tensorflow as tf
graph = np.load(sys.argv[1])
source = np.concatenate([graph["edge_index"][0], graph["edge_index"][1]])
target = np.concatenate([graph["edge_index"][1], graph["edge_index"][0]])
def ints(values): return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
example = tf.train.Example(features=tf.train.Features(feature={
    "nodes/nodes.#size": ints([40]), "edges/edges.#size": ints([80]),
    "edges/edges.#source": ints(source), "edges/edges.#target": ints(target),
    "nodes/nodes.features": tf.train.Feature(float_list=tf.train.FloatList(
        value=graph["features"].reshape(-1)))}))
model = tf.saved_model.load(sys.argv[2])
out = model.signatures["serving_default"](examples=tf.constant([example.SerializeToString()]))
assert not any(name.startswith(("graph_barlow", "tensorflow_gnn")) for name in sys.modules)
np.save(sys.argv[3], out["representations"])
"""
    served = tmp_path / "served.npy"
    subprocess.run(
        [sys.executable, "-c", script, graph_file, output / "model", served], check=True, cwd="/"
    )
    np.testing.assert_allclose(np.load(served), embeddings, atol=1e-5)

    # The folder is taken now; --overwrite replaces the run and nothing else.
    (output / "notes.txt").write_text("mine")
    again = run_cli("--dataset", f"npz:{graph_file}", "--output", output, *FAST)
    assert again.returncode == 2
    again = run_cli(
        "--dataset", f"npz:{graph_file}", "--output", output, "--seed", "3", "--overwrite", *FAST
    )
    assert again.returncode == 0, again.stderr
    assert (output / "notes.txt").read_text() == "mine"
    with np.load(output / "embeddings.npz") as saved:
        np.testing.assert_array_equal(saved["embeddings"], embeddings)  # the same seed


def test_graph_without_edges_or_labels_still_trains(tmp_path):
    path = tmp_path / "loose.npz"
    features = np.random.default_rng(0).normal(size=(12, 4))
    np.savez(path, features=features, edge_index=np.zeros((2, 0), int))
    output = tmp_path / "out"
    done = run_cli("--dataset", f"npz:{path}", "--output", output, *FAST)
    assert done.returncode == 0, done.stderr
    assert "no edges" in done.stderr
    assert np.isfinite(np.load(output / "embeddings.npz")["embeddings"]).all()


def test_one_node_warns(tmp_path):
    path = tmp_path / "one.npz"
    np.savez(path, features=np.ones((1, 4)), edge_index=np.zeros((2, 0), int))
    done = run_cli("--dataset", f"npz:{path}", "--output", tmp_path / "out", *FAST)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("batch of one row") == 1


def test_killed_and_resumed_run_ends_as_the_uninterrupted_one(tmp_path, graph_file):
    options = ["--dataset", f"npz:{graph_file}", "--seed", "5", *FAST, "--steps", "120"]
    whole = tmp_path / "whole"
    assert run_cli(*options, "--output", whole).returncode == 0

    killed = tmp_path / "killed"
    command = [sys.executable, "-m", "graph_barlow_twins.pretrain.cli.main", "pretrain", *options]
    process = subprocess.Popen(
        [*command, "--output", killed], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    # The file "checkpoint" names the last one that is complete, and is written behind it.
    while not any((killed / "checkpoint" / "backup").rglob("checkpoint")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "metrics.json").exists()

    changed = run_cli(*options, "--output", killed, "--resume", "--learning-rate", "0.5")
    assert changed.returncode == 2
    assert "learning_rate" in changed.stderr
    state = killed / "checkpoint" / "training.json"
    other = json.loads(state.read_text())
    other["options"]["mask_features"] = [0.3, 0.3]
    for path, content, message in (
        (graph_file, None, "not the one"),
        (state, json.dumps(other).encode(), "the default of mask_features for this graph is"),
        (state, b'{"sha256": 3}', "training.json is damaged"),
        (killed / "checkpoint" / "history.json", b"{bad", "history.json is damaged"),
        (newest((killed / "checkpoint").rglob("ckpt-*.index")), b"junk", "backup is damaged"),
        (killed / "config.json", b"[]", "config.json is damaged"),
    ):
        original = path.read_bytes()
        if content is None:
            arrays = dict(np.load(path))
            np.savez(path, **{**arrays, "features": arrays["features"] + 1})
        else:
            path.write_bytes(content)
        refused = run_cli(*options, "--output", killed, "--resume")
        assert refused.returncode == 2
        assert message in refused.stderr
        path.write_bytes(original)
    resumed = run_cli(*options, "--output", killed, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    metrics = json.loads((killed / "metrics.json").read_text())
    assert metrics["resumed_at_step"] > 0
    assert len(metrics["curves"]["loss"]) == 120
    # Not merely within noise: views, weights and optimiser are those of the uninterrupted run.
    embeddings = [np.load(folder / "embeddings.npz")["embeddings"] for folder in (whole, killed)]
    np.testing.assert_allclose(*embeddings, atol=1e-4)
    assert run_cli(*options, "--output", killed, "--resume").returncode == 2  # complete
