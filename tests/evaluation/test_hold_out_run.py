"""Held-out edges through a whole run: nothing sees them, `evaluate` finds the run's numbers."""

import json

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.evaluation.links import link_prediction
from graph_barlow_twins.pretrain.graph.datasets import load_dataset
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges
from graph_barlow_twins.pretrain.output.held_out import read_held_out_edges

SHARE, SEED = 0.2, 3


@pytest.fixture
def options(tmp_path):
    """Flags of a short run on two rings, one for each class, without masks."""
    rng = np.random.default_rng(0)
    nodes = np.arange(60)
    labels = nodes // 30
    path = tmp_path / "rings.npz"
    ring = np.stack([nodes, 30 * labels + (nodes + 1) % 30])
    chords = np.stack([nodes, 30 * labels + (nodes + 7) % 30])
    features = (rng.normal(size=(60, 5)) + labels[:, None]).astype(np.float32)
    np.savez(path, features=features, edge_index=np.hstack([ring, chords]), labels=labels)
    options = ["--dataset", f"npz:{path}", "--encoder", "linear", "--folds", 2, "--seed", SEED]
    return [*options, "--hold-out-edges", SHARE, "--quiet"]


@pytest.mark.slow  # a whole run and two evaluations
def test_run_and_evaluate_agree(tmp_path, options, capsys):
    run = tmp_path / "run"
    assert main(["pretrain", *map(str, options), "--steps", "3", "--output", str(run)]) == 0
    full = load_dataset(options[1])
    remaining, pairs = hold_out_edges(full, SHARE, SEED)
    held_out = read_held_out_edges(run / "held_out_edges.npz", 60)
    for saved, expected in zip(held_out, pairs, strict=True):
        np.testing.assert_array_equal(saved, expected)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["edges"] == remaining.num_edges == full.num_edges - 2 * 24
    table = metrics["evaluation"]
    assert list(table) == list(metrics["probe"])
    for name, row in table.items():
        assert row["linear_probe"]["values"] == metrics["probe"][name]["split_accuracies"]
        assert len(row["nmi"]["values"]) == 3
    trained = np.load(run / "embeddings.npz")["embeddings"]
    expected = link_prediction(trained, held_out)
    assert table["trained encoder"]["link_auc"]["mean"] == pytest.approx(expected.auc)

    output = tmp_path / "evaluation.json"
    arguments = ["--dataset", options[1], "--split", "folds", "--folds", "2", "--seeds", "3"]
    capsys.readouterr()
    assert main(["evaluate", str(run), *arguments, "--quiet", "--output", str(output)]) == 0
    assert capsys.readouterr().err == ""
    found = json.loads(output.read_text())["results"]
    found["trained encoder"] = found.pop("embeddings")
    assert set(found) == set(table)
    # The untrained encoder too: the same weights, on the graph without the held-out edges.
    for name, row in table.items():
        for key in ("linear_probe", "knn_probe", "link_auc", "link_ap"):
            again = found[name]["measures"][key]["values"]
            assert again == pytest.approx(row[key]["values"], abs=1e-6), (name, key)
