"""What the command `evaluate` refuses, in one line, and writes nothing."""

import json

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.config.options import PretrainConfig

from tests.cli.evaluating import CLASSES, FAST, ONE_SEED, assert_refused, graph_parts, masks, matrix


def bad(value):
    changed = matrix()
    changed[3, 2] = value
    return changed


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (bad(np.nan), "expected finite values within +-1e+15, got nan in row 3, column 2"),
        (bad(-np.inf), "got -inf in row 3"),
        (bad(1e20), "within +-1e+15"),
        (matrix()[0], "embeddings: expected shape [N, K], got (4,)"),
        (matrix()[:, :0], "got (60, 0)"),
        (matrix()[1:], "expected 60 rows, as many as"),
        (matrix().astype(complex), "expected numbers, got dtype complex128"),
        (np.full((60, 2), None), "object arrays are not read"),
    ],
)
def test_bad_embeddings(files, capsys, array, message):
    labels = files("l.npy", CLASSES)
    assert_refused(capsys, [files("e.npy", array), "--labels", labels], message)
    assert_refused(capsys, [files("e.npz", embeddings=array), "--labels", labels], message)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": CLASSES[1:]}, "expected 59 rows"),
        ({"labels": CLASSES[:, None, None]}, "labels: expected shape [N], got (60, 1, 1)"),
        ({"labels": CLASSES * 0.5}, "expected whole numbers or NaN, got 0.5"),
        ({"labels": CLASSES * 0}, "at least two classes in labels, got 1"),
        ({"labels": CLASSES * 0 - 1}, "nothing to measure: no known labels"),
        ({"label": CLASSES}, "unknown keys label"),
        ({"node_ids": CLASSES}, "the key labels is missing"),
        ({"labels": CLASSES, "node_ids": np.arange(60) + 1}, "0 is missing (1 such nodes)"),
        ({"labels": CLASSES, "node_ids": np.full(60, 3)}, "node_ids: expected all different"),
        ({"labels": CLASSES, "node_ids": [f"{i:02}" for i in range(60)]}, "00 is missing (10 such"),
        ({"labels": CLASSES, **masks(), "val_mask": masks()["train_mask"]}, "disjoint masks"),
        ({"labels": CLASSES, "train_mask": masks()["train_mask"]}, "masks come together"),
        ({"labels": CLASSES, **masks(), "test_mask": np.zeros(60, bool)}, "test_mask: expected at"),
    ],
)
def test_bad_labels(files, capsys, arrays, message):
    path = files("e.npz", embeddings=matrix(), node_ids=np.arange(60))
    assert_refused(capsys, [path, "--labels", files("l.npz", **arrays)], message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--labels or --dataset, got neither"),
        (["--labels", "/nowhere/l.npy"], "no file /nowhere/l.npy"),
        (["--labels", "cora"], "expected a .npy or .npz file, or a data set"),
        (["--labels", "planetoid:cora", "--data-dir", "/nowhere"], "/nowhere"),
        (["--labels", "digits"], "expected 1797 rows"),
        (["--dataset", "npz:/nowhere.npz"], "no file /nowhere.npz"),
        (["--labels", "LABELS", "--split", "public"], "a public split needs masks"),
        (["--labels", "LABELS", "--split", "holdout"], "--split"),
        (["--dataset", "digits", "--edges", "e.csv"], "contradict each other"),
        (["--labels", "LABELS", "--nodes", "n.csv"], "--nodes needs --edges"),
        (["--labels", "LABELS", "--seeds", "0"], "--seeds: expected an integer of at least 1"),
        (["--labels", "LABELS", "--seeds", "many"], "--seeds"),
        (["--labels", "LABELS", "--seed", "4294967295"], "at most 2**32"),
        (["--labels", "LABELS", "--folds", "1"], "--folds"),
        (["--labels", "LABELS", "--max-probe-nodes", "1"], "--max-probe-nodes"),
        (["--labels", "LABELS", "--held-out-edges", "/nowhere.npz"], "no file /nowhere.npz"),
        (["--labels", "LABELS", "--output", "/nowhere/e.json"], "there is no folder /nowhere"),
        (["--labels", "LABELS", "--output", "/"], "is a folder"),
        (["--labels", "LABELS", "--output", "LABELS"], "is an input"),
        (["--labels", "LABELS", "--output", ""], "--output: expected text, got ''"),
        (["--labels", "LABELS", "--wrong"], "--wrong"),
        (
            ["--labels", "tfgnn:s", "--dataset", "tfgnn:s", "--target", "papers"],
            "--labels tfgnn:... does not take --target and --label",
        ),
    ],
)
def test_bad_options(files, capsys, arguments, message):
    labels = files("l.npy", CLASSES)
    path = files("e.npy", matrix())
    arguments = [labels if word == "LABELS" else word for word in arguments]
    assert_refused(capsys, [path, *arguments], message)
    np.testing.assert_array_equal(np.load(labels), CLASSES)


def test_bad_files(files, capsys, tmp_path):
    labels = files("l.npy", CLASSES)
    good = files("e.npz", embeddings=matrix())
    assert_refused(capsys, [tmp_path / "none.npy", "--labels", labels], "no file")
    assert_refused(capsys, [tmp_path, "--labels", labels], "there is no embeddings.npz")
    assert_refused(capsys, [files("x.npz", rows=matrix()), "--labels", labels], "key embeddings is")
    narrow = files("n.npy", matrix()[:, :3])
    assert_refused(capsys, [good, narrow, "--labels", labels], "expected 4 columns, as in")
    content = (tmp_path / "e.npz").read_bytes()
    for damaged in (b"", b"text", content[:100], content[:-1]):
        (tmp_path / "cut.npz").write_bytes(damaged)
        (tmp_path / "cut.npy").write_bytes(damaged)
        for name in ("cut.npz", "cut.npy"):
            assert_refused(capsys, [tmp_path / name, "--labels", labels], f"{name}: ")
            assert_refused(capsys, [good, "--labels", tmp_path / name], f"{name}: ")
    run = tmp_path / "run"
    files("run/embeddings.npz", embeddings=matrix())
    (run / "config.json").write_text("[]")
    assert_refused(capsys, [run, "--labels", labels], "not the configuration of a run")
    wide = PretrainConfig(output="out", units=[65536, 65536, 4]).portable()
    (run / "config.json").write_text(json.dumps(wide))
    graph = "npz:" + files("g.npz", **graph_parts())
    assert_refused(capsys, [run, "--dataset", graph, *ONE_SEED], "at most 134,217,728 weights")
    (run / "config.json").unlink()
    files("run/held_out_edges.npz", positives=np.array([[0], [60]]), negatives=np.array([[0], [1]]))
    assert_refused(capsys, [run, "--labels", labels], "expected nodes in [0, 60), got 60")
    files("run/held_out_edges.npz", positives=np.array([[0], [5]]), negatives=np.array([[0], [1]]))
    assert_refused(capsys, [run, good, "--labels", labels], "expected held_out_edges.npz, as in")


def test_the_output_may_not_be_what_a_run_wrote(files, capsys, tmp_path):
    labels = files("l.npy", CLASSES)
    for name in ("embeddings.npz", "config.json", "metrics.json", "model/x.json"):
        path = files("run/embeddings.npz", embeddings=matrix())
        output = tmp_path / "run" / name
        output.parent.mkdir(exist_ok=True)
        arguments = [tmp_path / "run", "--labels", labels, "--output", output]
        before = output.read_bytes() if output.exists() else None
        assert_refused(capsys, arguments, "is an input or lies in an input")
        assert (output.read_bytes() if output.exists() else None) == before
    folder = tmp_path / "graph"
    files("graph/features.npy", matrix())
    arguments = [path, "--dataset", f"npy:{folder}", "--output", folder / "labels.npy"]
    assert_refused(capsys, arguments, "lies in an input")
    beside = ("--labels", labels, "--output", str(tmp_path / "run" / "results.json"), *FAST)
    assert main(["evaluate", str(tmp_path / "run"), *beside]) == 0


def test_nothing_is_written_when_the_input_is_refused(files, capsys, tmp_path):
    output = tmp_path / "results.json"
    arguments = [files("e.npy", bad(np.nan)), "--labels", files("l.npy", CLASSES)]
    assert_refused(capsys, [*arguments, "--output", output], "finite")
    assert not output.exists()
    output.write_text("before")
    assert_refused(capsys, [*arguments, "--output", output], "finite")
    assert output.read_text() == "before"
