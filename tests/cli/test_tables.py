"""The commands on tables: from two files to embeddings, and labels that cannot be probed."""

import json
import os
import sys

import numpy as np
import pandas
import pytest
from graph_barlow_twins.pretrain.cli.main import main


@pytest.fixture
def tables(tmp_path):
    """Writes nodes.csv and edges.csv of 40 people, some of whom know each other."""

    def write(**columns):
        rng = np.random.default_rng(0)
        ids = [f"p{i}" for i in range(40)]
        nodes = {"who": ids, "age": rng.normal(40, 9, 40), "town": rng.choice(["Ulm", "Bonn"], 40)}
        pandas.DataFrame(nodes | columns).to_csv(tmp_path / "nodes.csv", index=False)
        ends = {"from": rng.choice(ids, 90), "to": rng.choice(ids, 90)}
        pandas.DataFrame(ends).to_csv(tmp_path / "edges.csv", index=False)
        files = ["--nodes", str(tmp_path / "nodes.csv"), "--edges", str(tmp_path / "edges.csv")]
        return [*files, "--id-column", "who"]

    return write


QUICK = ["--units", "4", "--encoder", "channels"]


@pytest.mark.slow
def test_from_tables_to_embeddings_and_on_to_other_tables(tables, tmp_path, capsys):
    files = tables(group=["x", "y"] * 20)
    run = tmp_path / "run"
    command = ["pretrain", *files, *QUICK, "--output", str(run), "--label-column", "group"]
    assert main(command) == 0
    log = capsys.readouterr().err
    assert "links 'from' to 'to'; ids 'who'; labels 'group'" in log
    assert "1 number (age), standardised; 1 category (town)" in log
    assert "linear_probe" in json.loads((run / "metrics.json").read_text())["evaluation"][
        "trained encoder"]  # fmt: skip
    assert str(tmp_path) not in (run / "config.json").read_text()
    with np.load(run / "embeddings.npz") as trained:
        assert trained["node_ids"].tolist() == [f"p{i}" for i in range(40)]
        expected = trained["embeddings"]
    again = ["embed", str(run), *files, "--label-column", "group"]
    assert main([*again, "--output", str(tmp_path / "e.npz")]) == 0
    with np.load(tmp_path / "e.npz") as embedded:
        np.testing.assert_allclose(embedded["embeddings"], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["x"] * 40, "at least two classes"),
        ([f"c{i}" for i in range(40)], "40 classes have one node"),
        (["x"] * 20 + ["y"] * 19 + ["z"], "1 classes have one node, such as z"),
    ],
)
def test_labels_never_stop_a_training(labels, told, tables, tmp_path, capsys):
    run = tmp_path / "run"
    command = ["pretrain", *tables(label=labels), *QUICK, "--output", str(run)]
    assert main(command) == 0
    assert told in capsys.readouterr().err
    evaluation = json.loads((run / "metrics.json").read_text())["evaluation"]
    assert bool(evaluation) == ("such as z" in told)
    assert (run / "report.html").exists()


def test_no_evaluation(tables, tmp_path):
    files, run = tables(label=["x", "y"] * 20), tmp_path / "run"
    assert main(["pretrain", *files, *QUICK, "--output", str(run), "--no-evaluation"]) == 0
    assert json.loads((run / "metrics.json").read_text())["evaluation"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nodes", "n.csv"], "--nodes needs --edges"),
        (["--edges", "e.csv", "--id-column", "i"], "--id-column needs --nodes"),
        (["--edges", "e.csv", "--dataset", "npz:g.npz"], "contradict each other"),
        (["--edges", "none.csv"], "cannot read none.csv"),
        (["--edges", "none.txt"], ".csv, .tsv, .parquet"),
    ],
)
def test_what_is_refused(arguments, message, tmp_path, capsys):
    assert main(["pretrain", *arguments, "--output", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_keras_3_is_refused_before_anything_is_written(tables, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "0")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    assert main(["pretrain", *tables(), *QUICK, "--output", str(tmp_path / "run")]) == 2
    assert "TF_USE_LEGACY_KERAS=0 is set, and TF-GNN needs Keras 2" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_systems_that_tell_neither_memory_nor_lengths_of_names(tables, tmp_path, monkeypatch):
    """Windows has no `resource` and no `os.pathconf`."""
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.delattr(os, "pathconf")
    run = tmp_path / "run"
    assert main(["pretrain", *tables(), *QUICK, "--output", str(run), "--no-evaluation"]) == 0
    assert json.loads((run / "metrics.json").read_text())["peak_memory_mb"] is None
