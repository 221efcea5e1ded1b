"""The command `evaluate`: files in, table and JSON out; bad input is refused in one line."""

import json
import os

import numpy as np
import pytest
from graph_barlow_twins.pretrain.cli.main import main
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.evaluation import inputs
from graph_barlow_twins.pretrain.evaluation.baselines import UNTRAINED, baseline_embeddings
from graph_barlow_twins.pretrain.evaluation.clustering import clustering
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.evaluation.links import link_prediction
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.held_out import HeldOutEdges, hold_out_edges
from graph_barlow_twins.pretrain.output.held_out import save_held_out_edges

NUM_NODES = 60
CLASSES = np.random.default_rng(0).permutation(np.arange(NUM_NODES) % 2)
FAST = ("--quiet", "--seeds", "2")
ONE_SEED = ("--quiet", "--seeds", "1")


def matrix(seed=0, noise=0.8, width=4):
    rng = np.random.default_rng(seed)
    centres = np.eye(2, width)[CLASSES]
    return (centres + noise * rng.normal(size=(NUM_NODES, width))).astype(np.float32)


def masks():
    """20 nodes each to train, validate and test."""
    parts = np.random.default_rng(1).permutation(NUM_NODES) % 3
    return {key: parts == i for i, key in enumerate(("train_mask", "val_mask", "test_mask"))}


def graph_parts(**changes):
    rng = np.random.default_rng(2)
    return {
        "features": matrix(9, width=6),
        "edge_index": rng.integers(NUM_NODES, size=(2, 150)),
        "labels": CLASSES,
    } | changes


@pytest.fixture
def files(tmp_path):
    """Writes arrays, by keyword, into one file, and returns its path."""

    def write(name, array=None, **arrays):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if array is not None:
            np.save(path, array)
        else:
            np.savez(path, **arrays)
        return str(path)

    return write


def evaluate(*arguments):
    """Runs the command, which must succeed; returns the JSON's content."""
    output = os.path.join(os.path.dirname(arguments[0]), "results.json")
    assert main(["evaluate", *arguments, "--output", output]) == 0
    with open(output, encoding="utf-8") as file:
        return json.load(file)


def values(content, key, row="embeddings"):
    return content["results"][row]["measures"][key]["values"]


def assert_refused(capsys, arguments, message):
    assert main(["evaluate", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if "warning:" not in line]
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("graph-barlow-twins: error: ")
    assert message in lines[0]


def test_npy_and_labels_give_random_splits(files, capsys):
    path = files("e.npy", matrix())
    content = evaluate(path, "--labels", files("l.npy", CLASSES), *FAST)
    data = make_graph_data(**graph_parts(), name="g")
    expected = linear_probe(matrix(), data, split="random", seeds=2)
    assert values(content, "linear_probe") == list(expected.split_accuracies)
    assert content["results"]["embeddings"]["inverse_regularization"] == [
        list(expected.inverse_regularizations)
    ]
    assert len(values(content, "knn_probe")) == len(values(content, "nmi")) == 2
    assert content["protocol"]["split"] == "random splits"
    assert content["protocol"]["splits"] == 2
    assert list(content["results"]) == ["embeddings"]
    captured = capsys.readouterr()
    assert captured.err == ""
    mean, std = 100 * expected.accuracy, 100 * expected.std
    header, row, *_ = captured.out.splitlines()
    assert header.split() == ["linear", "probe", "kNN", "probe", "NMI", "ARI"]
    assert row.split()[:4] == ["embeddings", f"{mean:.2f}", "+-", f"{std:.1f}"]


def test_masks_give_the_public_split_and_embeddings_the_deviation(files, capsys):
    labels = files("l.npz", labels=CLASSES, **masks())
    paths = [files(f"{seed}.npy", matrix(seed)) for seed in range(2)]
    content = evaluate(*paths, "--labels", labels, *FAST)
    data = make_graph_data(**graph_parts(**masks()), name="g")
    expected = [linear_probe(matrix(seed), data).accuracy for seed in range(2)]
    assert values(content, "linear_probe") == expected
    assert len(values(content, "nmi")) == 4
    assert content["protocol"]["split"] == "public split"
    out = capsys.readouterr().out
    assert "embeddings: 2 files" in out
    assert "one optimum" in out
    random = evaluate(*paths, "--labels", labels, "--split", "random", *FAST)
    assert len(values(random, "linear_probe")) == 4
    folds = evaluate(*paths, "--labels", labels, "--split", "folds", "--folds", "3", *FAST)
    assert len(values(folds, "linear_probe")) == 6


def test_string_labels_and_unknown_ones(files):
    names = np.array(["no", "yes"])[CLASSES]
    names[:5] = ""
    known = np.where(np.arange(NUM_NODES) < 5, -1, CLASSES)
    path = files("e.npy", matrix())
    by_name = evaluate(path, "--labels", files("l.npy", names), *ONE_SEED)
    by_number = evaluate(path, "--labels", files("m.npy", known), *ONE_SEED)
    assert by_name["results"] == by_number["results"]
    assert by_name["protocol"]["labelled_nodes"] == NUM_NODES - 5


@pytest.mark.parametrize("convert", [lambda ids: ids, lambda ids: np.array([f"n{i}" for i in ids])])
def test_rows_are_matched_by_node_ids(files, convert):
    ids = convert(np.arange(NUM_NODES) * 7)
    order = np.random.default_rng(3).permutation(NUM_NODES)
    path = files("e.npz", embeddings=matrix()[order], node_ids=ids[order])
    labels = files("l.npz", labels=CLASSES, node_ids=ids, **masks())
    content = evaluate(path, "--labels", labels, *ONE_SEED)
    plain = evaluate(files("p.npy", matrix()), "--labels", labels, *ONE_SEED)
    assert content["results"] == plain["results"]
    # Held-out edges are row numbers of the embeddings, wherever the rows have gone.
    pairs = HeldOutEdges(*np.random.default_rng(4).integers(NUM_NODES, size=(2, 2, 30)))
    held_out = files("h.npz", **pairs._asdict())
    content = evaluate(path, "--labels", labels, "--held-out-edges", held_out, *ONE_SEED)
    expected = link_prediction(matrix()[order], pairs)
    assert values(content, "link_auc") == [expected.auc]
    assert values(content, "link_ap") == [expected.average_precision]
    # Labels in another order than the graph, and a graph in another order than the embeddings.
    dataset = "npz:" + files("g.npz", **graph_parts(node_ids=ids))
    turned = files("t.npz", labels=CLASSES[order], node_ids=ids[order])
    arguments = ("--dataset", dataset, "--labels", turned, "--no-baselines", *ONE_SEED)
    content = evaluate(path, *arguments)
    unmasked = evaluate(path, "--labels", files("u.npz", labels=CLASSES, node_ids=ids), *ONE_SEED)
    assert content["results"] == unmasked["results"]


def test_held_out_pairs_are_the_same_nodes_in_every_embedding(files):
    ids = np.arange(NUM_NODES) * 7
    orders = [np.random.default_rng(seed).permutation(NUM_NODES) for seed in range(2)]
    paths = [
        files(f"{seed}.npz", embeddings=matrix(seed)[order], node_ids=ids[order])
        for seed, order in enumerate(orders)
    ]
    pairs = HeldOutEdges(*np.random.default_rng(4).integers(NUM_NODES, size=(2, 2, 30)))
    shared = ("--held-out-edges", files("h.npz", **pairs._asdict()))
    unknown = np.full(NUM_NODES, -1)
    # Nodes of the graph by their order there; without a graph, rows of the first embeddings.
    dataset = "npz:" + files("g.npz", **graph_parts(labels=unknown, node_ids=ids))
    labels = files("l.npz", labels=unknown, node_ids=ids)
    for source, nodes in (
        (("--dataset", dataset, "--no-baselines"), pairs),
        (("--labels", labels), pairs.renumbered(orders[0])),
    ):
        content = evaluate(*paths, *source, *shared, *FAST)
        expected = [link_prediction(matrix(seed), nodes).auc for seed in range(2)]
        assert values(content, "link_auc") == expected


def test_run_folders_bring_their_held_out_edges(files, tmp_path):
    data = make_graph_data(**graph_parts(), name="g")
    runs, expected = [], []
    for seed in range(2):
        path = files(f"run{seed}/embeddings.npz", embeddings=matrix(seed), node_ids=data.node_ids)
        runs.append(os.path.dirname(path))
        pairs = hold_out_edges(data, 0.2, seed)[1]
        save_held_out_edges(pairs, tmp_path / f"run{seed}" / "held_out_edges.npz")
        expected.append(link_prediction(matrix(seed), pairs).auc)
    content = evaluate(*runs, "--labels", files("l.npy", CLASSES), *ONE_SEED)
    assert values(content, "link_auc") == expected
    assert content["protocol"]["held_out_edges"] == [pairs.positives.shape[1]] * 2


def test_baselines_stand_beside_and_see_no_held_out_edge(files, tmp_path, monkeypatch):
    seen = []

    def untrained(graph, config):
        seen.append((graph, config))
        return matrix(100 + len(seen), width=4)

    monkeypatch.setattr(inputs, "untrained_embeddings", untrained)
    data = make_graph_data(**graph_parts(), name="g")
    runs = []
    for seed in range(2):
        path = files(f"run{seed}/embeddings.npz", embeddings=matrix(seed), node_ids=data.node_ids)
        runs.append(os.path.dirname(path))
        pairs = hold_out_edges(data, 0.2, seed)[1]
        save_held_out_edges(pairs, tmp_path / f"run{seed}" / "held_out_edges.npz")
        config = PretrainConfig(output=str(tmp_path), seed=40 + seed, units=(8, 4))
        (tmp_path / f"run{seed}" / "config.json").write_text(json.dumps(config.to_dict()))
    dataset = "npz:" + files("g.npz", **graph_parts())
    content = evaluate(*runs, "--dataset", dataset, *ONE_SEED)
    assert list(content["results"]) == ["embeddings", "raw features", "PCA", UNTRAINED]
    for seed, (graph, config) in enumerate(seen):
        remaining = hold_out_edges(data, 0.2, seed)[0]
        np.testing.assert_array_equal(graph.edge_index, remaining.edge_index)
        assert (config.seed, config.units) == (40 + seed, (8, 4))
    assert len(seen) == 2
    for name, baseline in baseline_embeddings(data, 4).items():
        expected = linear_probe(baseline, data, split="random", seeds=1)
        assert values(content, "linear_probe", name) == list(expected.split_accuracies)
        assert values(content, "nmi", name) == list(clustering(baseline, data, seeds=1).nmi)
        assert len(values(content, "link_auc", name)) == 2
    assert len(values(content, "linear_probe", UNTRAINED)) == 2
    # Without a run's folder: the default encoder, of the embeddings' width, one seed for each file.
    seen.clear()
    paths = [os.path.join(run, "embeddings.npz") for run in runs]
    content = evaluate(*paths, "--dataset", dataset, *ONE_SEED)
    assert [(config.seed, config.units[-1]) for _, config in seen] == [(0, 4), (1, 4)]
    assert all(graph.num_edges == data.num_edges for graph, _ in seen)
    assert "link_auc" not in content["results"]["PCA"]["measures"]


def test_links_alone_need_no_labels(files):
    dataset = "npz:" + files("g.npz", **graph_parts(labels=np.full(NUM_NODES, -1)))
    pairs = HeldOutEdges(*np.random.default_rng(4).integers(NUM_NODES, size=(2, 2, 30)))
    held_out = files("h.npz", **pairs._asdict())
    path = files("e.npy", matrix())
    arguments = ("--dataset", dataset, "--held-out-edges", held_out, "--no-baselines", "--quiet")
    content = evaluate(path, *arguments)
    assert list(content["results"]["embeddings"]["measures"]) == ["link_auc", "link_ap"]
    protocol = content["protocol"]
    assert (protocol["seed"], protocol["seeds"], protocol["folds"]) == (0, 10, 10)  # the defaults
    assert protocol["split"] is None


def test_many_nodes_are_sampled_and_it_is_said(files, capsys):
    path = files("e.npy", matrix())
    arguments = ("--labels", files("l.npy", CLASSES), "--max-probe-nodes", "30")
    content = evaluate(path, *arguments, "--seeds", "2")
    captured = capsys.readouterr()
    assert captured.err.count("30 of 60 labelled nodes take part") == 1
    assert "linear probe: embeddings" in captured.err
    assert content["protocol"]["max_probe_nodes"] == 30
    tests = 30 - 3 - 3
    for value in values(content, "linear_probe"):
        assert value * tests == pytest.approx(round(value * tests))


@pytest.mark.parametrize("dtype", [np.float16, np.int32])
def test_other_numbers_are_embeddings_too(files, dtype):
    given = (10 * matrix()).astype(dtype)
    labels = files("l.npy", CLASSES)
    content = evaluate(files("e.npy", given), "--labels", labels, *ONE_SEED)
    same = evaluate(files("f.npy", given.astype(np.float32)), "--labels", labels, *ONE_SEED)
    assert content["results"] == same["results"]


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
        (np.full((60, 2), None), "allow_pickle"),
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
        ({"labels": CLASSES[:, None]}, "labels: expected shape [N], got (60, 1)"),
        ({"labels": CLASSES * 0.5}, "expected integers or strings, got dtype float64"),
        ({"labels": CLASSES * 0}, "at least two classes in labels, got 1"),
        ({"labels": CLASSES * 0 - 1}, "nothing to measure: no known labels"),
        ({"label": CLASSES}, "unknown keys label"),
        ({"node_ids": CLASSES}, "the key labels is missing"),
        ({"labels": CLASSES, "node_ids": np.arange(60) + 1}, "0 is missing (1 such nodes)"),
        ({"labels": CLASSES, "node_ids": np.full(60, 3)}, "node_ids: expected all different"),
        ({"labels": CLASSES, "node_ids": np.arange(60).astype(str)}, "that are strings"),
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
