"""The command line: bad input is refused in one line with nothing written, real runs deliver."""

import json
import os
import pickle

import numpy as np
import pytest
from graph_barlow_twins.pretrain import job
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.cli.summary import summary
from graph_barlow_twins.pretrain.errors import TrainingDivergedError
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges
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
        ({"edge_index": np.array([[0], [4]])}, "4"),
        ({"edge_index": np.array([[0], [-1]])}, "-1"),
        ({"edge_index": np.zeros((3, 2), int)}, "[2, E]"),
        ({"edge_index": np.zeros((2, 2))}, "integer"),
        ({"labels": np.zeros(3, int)}, "labels"),
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
    done = run_main("pretrain", *again, "--resume")
    assert (done.returncode, done.stderr) == (0, "")
    told = f"the run in {finished_run.folder} was complete"
    assert done.stdout == told + finished_run.done.stdout  # the same summary, from metrics.json


def test_ctrl_c(monkeypatch, capsys, tmp_path):
    def ctrl_c(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "asked_graph", ctrl_c)
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

    monkeypatch.setattr(job, "asked_graph", fails)
    assert main(["pretrain", "--output", str(tmp_path / "run")]) == code
    text = error
    if isinstance(error, OSError):
        text = f"{tmp_path / 'run'}: full (loading); nothing was begun"
    assert capsys.readouterr().err == f"graph-barlow-twins: error: {text}\n"
    assert not (tmp_path / "run").exists()


def test_the_summary_without_labels_and_report(finished_run, tmp_path):
    metrics = json.loads((finished_run.folder / "metrics.json").read_text())
    folder = OutputFolder(tmp_path)
    text = summary(job.JobResult(folder, metrics | {"probe": {}, "evaluation": {}}))
    assert "no labels, so no probes" in text
    assert str(folder.metrics) in text
    assert "report" not in text
