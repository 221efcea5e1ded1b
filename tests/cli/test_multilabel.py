"""Nodes with several labels, from both commands to table, JSON and report."""

import json

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main

from tests.cli.evaluating import NUM_NODES, assert_refused, evaluate, graph_parts, masks, matrix
from tests.cli.evaluating import values as values_of
from tests.report.pages import Page
from tests.runs import run_main

LABELS = (matrix(9)[:, :3] > [0, 0.5, 1]).astype(np.int8)
LABELS[:4] = -1
COLUMNS = [
    f"{probe}_{judge}"
    for probe in ("linear_probe", "knn_probe")
    for judge in ("micro_f1", "roc_auc", "macro_f1")
]


@pytest.mark.slow  # a whole run, with untrained encoders and damaged graphs after it
def test_a_whole_run(tmp_path):
    dataset = f"npz:{tmp_path / 'graph.npz'}"
    np.savez(tmp_path / "graph.npz", **graph_parts(labels=LABELS, **masks()))
    options = ["--training", "closed-form", "--units", "4", "--hops", "2", "--hold-out-edges", ".1"]
    run = tmp_path / "run"
    done = run_main("pretrain", "--dataset", dataset, "--output", run, *options)
    assert done.returncode == 0, done.stderr
    assert "3 labels (multi-label)" in done.stderr
    assert "linear micro F1" in done.stdout
    metrics = json.loads((run / "metrics.json").read_text())
    measured = metrics["evaluation"]["trained encoder"]
    expected = [*COLUMNS, *(f"{key}_random" for key in COLUMNS), "link_auc", "link_ap"]
    assert list(measured) == expected
    probe = metrics["probe"]["trained encoder"]
    assert probe["measure"] == "micro_f1"
    assert [probe["accuracy"]] == measured["linear_probe_micro_f1"]["values"]
    words = Page((run / "report.html").read_text()).visible()
    assert "reads each node's labels, of 3, from them with a micro F1 of" in words
    assert "A node may have several labels; the colours are clusters" in words
    assert "micro F1 of the linear probe, %" in words
    for untrue in ("accuracy", "There are no labels", "classes", "NMI"):
        assert untrue not in words

    output = tmp_path / "evaluation.json"
    arguments = ["--dataset", dataset, "--robustness", "--seeds", "2", "--output", output]
    done = run_main("evaluate", run, *arguments)
    assert done.returncode == 0, done.stderr
    assert "embeddings less" in done.stdout
    assert "NMI" not in done.stdout
    content = json.loads(output.read_text())
    again = content["results"]["embeddings"]["measures"]
    assert again["linear_probe_micro_f1"] == measured["linear_probe_micro_f1"]
    assert content["protocol"]["multilabel"] is True
    assert content["protocol"]["labelled_nodes"] == NUM_NODES - 4
    assert len(content["robustness"]) == 3
    for damaged in content["robustness"].values():
        assert list(damaged["embeddings"]) == expected[:-2]


def test_labels_alone_matched_by_node_ids(files, capsys):
    ids = np.arange(NUM_NODES) * 7
    order = np.random.default_rng(3).permutation(NUM_NODES)
    labels = files("l.npz", labels=LABELS[order], node_ids=ids[order])
    path = files("e.npz", embeddings=matrix(), node_ids=ids)
    options = ("--quiet", "--split", "folds", "--folds", "3")
    content = evaluate(path, "--labels", labels, *options)
    out = capsys.readouterr().out
    assert out.splitlines()[0].split()[:3] == ["linear", "micro", "F1"]
    assert len(values_of(content, "knn_probe_macro_f1")) == 3
    # The rows of the labels' file are the nodes, whatever the order of the embeddings.
    turned = files("t.npz", embeddings=matrix()[order], node_ids=ids[order])
    assert evaluate(turned, "--labels", labels, *options)["results"] == content["results"]


def test_refusals(files, capsys, tmp_path):
    path = files("e.npy", matrix())
    for labels, message in (
        (LABELS + 1, "labels: expected 0 or 1, or a whole row of -1"),
        (LABELS[1:], "expected 59 rows"),
        (np.zeros_like(LABELS), "a label that some nodes in labels have and others lack"),
    ):
        assert_refused(capsys, [path, "--labels", files("l.npy", labels)], message)


def test_labels_that_say_nothing_do_not_stop_a_training(files, capsys, tmp_path):
    graph = files("g.npz", **graph_parts(labels=np.ones_like(LABELS)))
    command = ["pretrain", "--dataset", f"npz:{graph}", "--output", str(tmp_path / "run")]
    assert main([*command, "--encoder", "channels"]) == 0
    assert "a label that some nodes in labels have" in capsys.readouterr().err
