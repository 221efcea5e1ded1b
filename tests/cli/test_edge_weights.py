"""Runs on graphs whose edges have weights, from command to the model's embeddings."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main

NODES = 60


def save_graph(path, **more):
    rng = np.random.default_rng(0)
    labels = np.arange(NODES) % 3
    features = rng.normal(size=(NODES, 40)) + 2 * np.eye(3, 40)[labels]
    edges = rng.integers(NODES, size=(2, 240))
    alike = labels[edges[0]] == labels[edges[1]]
    np.savez(path, features=features, labels=labels, edge_index=edges, **more)
    return f"npz:{path}", np.where(alike, 5.0, 0.5) * rng.gamma(1, size=240)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ["--channels", "own=1.5", "hop=1", "smooth=0.5"],
        ["--encoder", "wide"],
        ["--encoder", "linear", "--training", "closed-form"],
        ["--encoder", "linear", "--steps", "3"],
        ["--encoder", "gcn", "--steps", "3", "--drop-entries", "0.2"],
        ["--fan-out", "4", "3", "--epochs", "1", "--batch-size", "20"],
    ],
    ids=" ".join,
)
def test_whole_run(tmp_path, options):
    plain, weights = save_graph(tmp_path / "plain.npz")
    weighted, _ = save_graph(tmp_path / "weighted.npz", edge_weight=weights)
    found = {}
    for name, dataset in (("plain", plain), ("weighted", weighted)):
        run = tmp_path / name
        words = ["--dataset", dataset, "--output", str(run), "--no-evaluation", "--quiet", *options]
        assert main(["pretrain", *words]) == 0
        with np.load(run / "embeddings.npz") as arrays:
            found[name] = arrays["embeddings"]
    assert np.abs(found["plain"] - found["weighted"]).max() > 1e-2
    # The run and its SavedModel give them again; and take a graph without weights, too.
    for dataset, expected in ((weighted, found["weighted"]), (plain, None)):
        several = []
        for trust in ([], ["--trust-model"]):
            output = tmp_path / "e.npz"
            words = ["--dataset", dataset, "--output", str(output), "--overwrite", "--quiet"]
            assert main(["embed", str(tmp_path / "weighted"), *words, *trust]) == 0
            with np.load(output) as arrays:
                several.append(arrays["embeddings"])
        scale = np.abs(several[0]).max()
        np.testing.assert_allclose(several[0], several[1], rtol=0, atol=1e-4 * scale)
        if expected is not None:
            np.testing.assert_allclose(several[0], expected, rtol=0, atol=1e-4 * scale)
        else:
            assert np.abs(several[0] - found["weighted"]).max() > 1e-2
