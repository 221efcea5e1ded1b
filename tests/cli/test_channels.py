"""The encoders without steps from command to robustness: a run, its model, its measures."""

import json

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main

from tests.cli.evaluating import assert_refused, evaluate, values

NODES, WORDS = 90, 40


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Bags of words in three groups, with two relations and groups of another kind."""
    rng = np.random.default_rng(0)
    labels = np.arange(NODES) % 3
    words = rng.random((NODES, WORDS)) < np.where(
        np.arange(WORDS) % 3 == labels[:, None], 0.25, 0.1
    )
    cites = rng.integers(NODES, size=(2, 400))
    path = tmp_path_factory.mktemp("data") / "g.npz"
    np.savez(
        path,
        features=words.astype(np.float32),
        labels=labels,
        edge_index_cites=cites[:, labels[cites[0]] == labels[cites[1]]],
        edge_index_near=rng.integers(NODES, size=(2, 60)),
        edge_index_in=np.stack([np.arange(NODES), labels + 3 * rng.integers(4, size=NODES)]),
        num_targets_in=12,
    )
    return f"npz:{path}"


@pytest.fixture(scope="module")
def run(dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "out"
    arguments = ["--dataset", dataset, "--output", str(folder), "--units", "16", "--quiet"]
    assert main(["pretrain", *arguments, "--folds", "3"]) == 0
    return str(folder)


def test_a_run_tells_its_channels(run):
    with open(f"{run}/metrics.json", encoding="utf-8") as file:
        metrics = json.load(file)
    assert (metrics["encoder"], metrics["training"], metrics["steps"]) == (
        "channels",
        "closed-form",
        0,
    )
    names = {f"{name}{way}" for name in ("cites", "near") for way in (">", "<", "><", "<>")}
    assert set(metrics["channels"]) == {"own", "in><"} | names
    assert metrics["curves"]["loss"][0] > metrics["curves"]["loss"][1]
    with open(f"{run}/report.html", encoding="utf-8") as file:
        assert "channels side by side" in file.read()


@pytest.mark.parametrize("trust", [[], ["--trust-model"]])
def test_the_model_gives_the_embeddings(run, dataset, tmp_path, trust):
    output = tmp_path / "e.npz"
    words = ["--dataset", dataset, "--output", str(output), "--quiet", *trust]
    assert main(["embed", run, *words]) == 0
    with np.load(output) as found, np.load(f"{run}/embeddings.npz") as expected:
        np.testing.assert_allclose(found["embeddings"], expected["embeddings"], atol=2e-5)


@pytest.mark.parametrize("trust", [[], ["--trust-model"]])
def test_a_graph_that_lacks_a_relation(run, tmp_path, capsys, trust):
    path = tmp_path / "g.npz"
    np.savez(path, features=np.ones((5, WORDS)), edge_index_cites=np.array([[0], [1]]))
    words = ["--dataset", f"npz:{path}", "--output", str(tmp_path / "e.npz"), *trust]
    assert main(["embed", run, *words]) == 2
    assert "expected a relation 'near', but it has cites" in capsys.readouterr().err
    assert not (tmp_path / "e.npz").exists()


@pytest.mark.slow  # embeds many damaged graphs, and probes each
def test_robustness_of_a_run(run, dataset, capsys):
    fast = ("--quiet", "--seeds", "2", "--split", "random")
    content = evaluate(run, "--dataset", dataset, "--robustness", *fast)
    assert len(content["robustness"]) == 4  # the relation "in" is not known
    clean = values(content, "linear_probe")
    for damage, by_name in content["robustness"].items():
        assert set(by_name) == {"embeddings", "untrained encoder"}
        found = by_name["embeddings"]["linear_probe"]["values"]
        assert len(found) == 2
        assert np.mean(found) < np.mean(clean) or damage == "in unknown"
        assert "nmi" not in by_name["embeddings"]
    assert "test nodes embedded with 70 % of the links gone:" in capsys.readouterr().out
    again = evaluate(run, "--dataset", dataset, "--robustness", *fast)
    assert again["robustness"] == content["robustness"]


def test_what_robustness_needs(run, dataset, tmp_path, capsys):
    assert_refused(capsys, [run, "--labels", dataset, "--robustness"], "expected --dataset")
    np.save(tmp_path / "e.npy", np.ones((NODES, 2)))
    words = [tmp_path / "e.npy", "--dataset", dataset, "--robustness"]
    assert_refused(capsys, words, "expected the folder of a run")


def test_a_finished_run_is_resumed_and_another_recipe_is_not(run, dataset, capsys):
    arguments = ["--dataset", dataset, "--output", run, "--units", "16", "--quiet", "--folds", "3"]
    assert main(["pretrain", *arguments, "--resume"]) == 0
    changed = ["pretrain", *arguments, "--resume", "--drop-channels", "0.1"]
    assert main(changed) == 2
    assert "drop_channels is (0.1, 0.1) now" in capsys.readouterr().err


@pytest.mark.slow  # a whole run of its own
def test_few_features_from_command_to_model(tmp_path):
    rng = np.random.default_rng(0)
    path, folder = tmp_path / "g.npz", tmp_path / "out"
    labels = np.arange(60) % 2
    features = rng.normal(size=(60, 4)) + labels[:, np.newaxis]
    np.savez(path, features=features, labels=labels, edge_index=rng.integers(60, size=(2, 200)))
    words = ["--dataset", f"npz:{path}", "--quiet"]
    assert main(["pretrain", *words, "--output", str(folder), "--folds", "3"]) == 0
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["encoder"], metrics["training"]) == ("wide", "none")
    for number, trust in enumerate(([], ["--trust-model"])):
        output = tmp_path / f"{number}.npz"
        assert main(["embed", str(folder), *words, "--output", str(output), *trust]) == 0
        with np.load(output) as found, np.load(folder / "embeddings.npz") as expected:
            np.testing.assert_allclose(found["embeddings"], expected["embeddings"], atol=1e-3)
