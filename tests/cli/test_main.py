"""The command line: bad input is refused in one line with nothing written, real runs deliver."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from graph_barlow_twins.pretrain import job
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.cli.summary import summary
from graph_barlow_twins.pretrain.errors import TrainingDivergedError
from graph_barlow_twins.pretrain.evaluation.links import hold_out_edges
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.output.folder import OutputFolder
from graph_barlow_twins.reference.metrics import rankme

from tests.report.pages import Page
from tests.runs import run_main, save_rings

ROWS = ["trained encoder", "raw features", "PCA", "untrained encoder"]


@pytest.fixture
def graph_file(tmp_path):
    save_rings(tmp_path / "rings.npz")
    return tmp_path / "rings.npz"


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


def test_output_is_a_file(tmp_path, capsys):
    output = tmp_path / "out"
    output.write_text("a file")
    assert_refused(capsys, ["--output", output], "is a file", output)
    assert output.read_text() == "a file"


def test_output_folder_not_writable(capsys):
    # Not even root can make a folder there.
    assert_refused(capsys, ["--output", "/proc/out"], "not writable", "/proc/out")


def test_what_a_run_leaves(finished_run):
    run, out = finished_run.folder, finished_run.done.stdout
    assert finished_run.done.stderr == ""
    assert "in percent; probes: k folds" in out
    for name in ("report.html", "embeddings.npz", "model", "metrics.json", "config.json"):
        assert str(run / name) in out
        assert (run / name).exists()
    assert any((run / "tensorboard").rglob("events.out.tfevents.*"))
    assert not (run / "checkpoint").exists()
    assert not list(run.glob(".*"))
    assert json.loads((run / "config.json").read_text())["seed"] == 3
    with np.load(run / "embeddings.npz") as saved:
        embeddings, node_ids = saved["embeddings"], saved["node_ids"]
    assert (embeddings.shape, embeddings.dtype) == ((60, 8), np.float32)
    assert node_ids[7] == "node 7"
    metrics = json.loads((run / "metrics.json").read_text())
    assert len(metrics["curves"]["loss"]) == metrics["steps"] == 6
    assert list(metrics["probe"]) == list(metrics["evaluation"]) == ROWS
    for row in ROWS:
        assert f"{100 * metrics['evaluation'][row]['linear_probe']['mean']:.2f}" in out
    assert metrics["rankme"] == pytest.approx(rankme(embeddings), rel=1e-9)
    assert (metrics["units"], metrics["encoder"]) == ([16, 8], "gcn")
    assert (metrics["lambda"], metrics["hops"]) == (1 / 8, None)
    assert metrics["resumed_at_step"] == 0
    assert metrics["peak_memory_mb"] > 10


def test_the_report_shows_the_numbers_of_the_metrics(finished_run):
    metrics = json.loads((finished_run.folder / "metrics.json").read_text())
    *phases, total = metrics["seconds"]
    assert phases == ["loading", "training", "export", "evaluation", "report"]
    assert total == "total"
    assert 0 < sum(metrics["seconds"][one] for one in phases) <= metrics["seconds"]["total"]
    page = Page((finished_run.folder / "report.html").read_text("utf-8"))
    cells = [text.strip() for _, text in page.texts]
    for name, seconds in metrics["seconds"].items():
        assert name in cells
        assert f"{seconds:.1f}" in page.visible()


def test_the_model_gives_the_embeddings(finished_run, tmp_path):
    """On the graph that training saw: without the links that are held out."""
    full = load_dataset(finished_run.dataset)
    data = hold_out_edges(full, 0.2, 3)[0]
    path = tmp_path / "seen.npz"
    np.savez(path, features=data.features, edge_index=data.edge_index, node_ids=data.node_ids)
    output = tmp_path / "o.npz"
    done = run_main("embed", finished_run.folder, "--dataset", f"npz:{path}", "--output", output)
    assert done.returncode == 0, done.stderr
    with np.load(output) as found, np.load(finished_run.folder / "embeddings.npz") as expected:
        np.testing.assert_array_equal(found["node_ids"], expected["node_ids"])
        np.testing.assert_allclose(found["embeddings"], expected["embeddings"], atol=1e-5)


def test_a_finished_folder_is_taken(finished_run, capsys):
    again = ["--output", finished_run.folder, *finished_run.arguments]
    assert_refused(capsys, again, "not empty", finished_run.folder)
    assert_refused(capsys, [*again, "--resume"], "is complete", finished_run.folder)


def test_ctrl_c(monkeypatch, capsys, tmp_path):
    def ctrl_c(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "load_dataset", ctrl_c)
    assert main(["pretrain", "--output", str(tmp_path / "run")]) == 130
    expected = "graph-barlow-twins: error: interrupted; the same command with --resume continues\n"
    assert capsys.readouterr().err == expected
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("error", "code"), [(OSError(28, "full"), 1), (TrainingDivergedError("NaN"), 1)]
)
def test_a_run_that_fails(monkeypatch, capsys, tmp_path, error, code):
    def fails(*args, **kwargs):
        raise error

    monkeypatch.setattr(job, "load_dataset", fails)
    assert main(["pretrain", "--output", str(tmp_path / "run")]) == code
    assert capsys.readouterr().err == f"graph-barlow-twins: error: {error}\n"


def test_the_summary_without_labels_and_report(finished_run, tmp_path):
    metrics = json.loads((finished_run.folder / "metrics.json").read_text())
    folder = OutputFolder(tmp_path)
    text = summary(job.JobResult(folder, None, metrics | {"probe": {}, "evaluation": {}}, {}))
    assert "no labels, so no probes" in text
    assert str(folder.metrics) in text
    assert "report" not in text


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
