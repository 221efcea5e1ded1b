"""The command `evaluate`: files in, table and JSON out; bad input is refused in one line."""

import json
import os

import numpy as np
import pandas
import pytest
from graph_barlow_twins.pretrain.cli.evaluate import EvaluateOptions
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.evaluation import inputs
from graph_barlow_twins.pretrain.evaluation.baselines import UNTRAINED, baseline_embeddings
from graph_barlow_twins.pretrain.evaluation.clustering import clustering
from graph_barlow_twins.pretrain.evaluation.linear_probe import linear_probe
from graph_barlow_twins.pretrain.evaluation.links import link_prediction
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.held_out import HeldOutEdges, hold_out_edges
from graph_barlow_twins.pretrain.output.held_out import save_held_out_edges

from tests.cli.evaluating import (
    CLASSES,
    FAST,
    NUM_NODES,
    ONE_SEED,
    evaluate,
    graph_parts,
    masks,
    matrix,
    values,
)


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
    assert " ".join(header.split()) == "linear probe linear AUC kNN probe kNN AUC NMI ARI"
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
    assert "public split, and 2 random ones of its size" in out
    assert len(values(content, "linear_probe_random")) == 4
    assert content["protocol"]["random_splits_beside"] == 2
    assert content["protocol"]["center"] is True
    apart = evaluate(*paths, "--labels", labels, "--split", "public", "--no-center", *FAST)
    expected = [linear_probe(matrix(s), data, center=False).accuracy for s in range(2)]
    assert values(apart, "linear_probe") == expected
    assert "linear_probe_random" not in apart["results"]["embeddings"]["measures"]
    assert apart["protocol"]["center"] is False
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
    assert (protocol["seed"], protocol["seeds"], protocol["folds"]) == (0, 10, None)  # the defaults
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


def read(embeddings, labels=None, **given):
    """What the command reads with these options."""
    options = EvaluateOptions(embeddings=embeddings, labels=labels, **given)
    return inputs.read_inputs(options.embeddings, options, labels=options.labels)


def test_what_the_graph_is_read_of_is_as_in_pretrain(files, tmp_path, monkeypatch):
    """Several splits, tables, and `~`, each against the npz of the same graph."""
    monkeypatch.setenv("HOME", str(tmp_path))
    path = files("e.npz", embeddings=matrix(), node_ids=np.arange(NUM_NODES))
    parts = graph_parts(**masks())
    plain = "npz:" + files("plain.npz", **parts)
    several = {
        key: np.stack([np.roll(mask, 1), mask], axis=1) for key, mask in masks().items()
    }  # of which number 1 is the split above
    graph = files("several.npz", **(parts | several))
    other = {"x": parts["features"], "edge_index": parts["edge_index"], "y": CLASSES[:, None]}
    foreign = files("foreign.npz", **other, **several)
    split = np.select([mask for mask in masks().values()], ["train", "val", "test"], "")
    nodes = pandas.DataFrame(parts["features"]).assign(id=range(NUM_NODES), split=split)
    (tmp_path / "people").mkdir()
    nodes.assign(label=CLASSES).to_csv(tmp_path / "people" / "nodes.csv", index=False)
    pandas.DataFrame(parts["edge_index"].T, columns=["u", "v"]).to_csv(
        tmp_path / "people" / "edges.csv", index=False
    )
    tables = {"nodes": "~/people/nodes.csv", "edges": "~/people/edges.csv"}
    expected = read([path], dataset=plain).labels
    second = {"split_number": 1}
    for given in (
        {"dataset": f"npz:{graph}", **second},
        {"dataset": "npz:~/several.npz", **second},
        {"labels": "~/foreign.npz", **second},
        {"dataset": f"npz:{foreign}", **second},
        tables,
        {"dataset": "tables:~/people"},
    ):
        found = read(["~/e.npz"], **given).labels
        for key in ("labels", "train_mask", "val_mask", "test_mask"):
            np.testing.assert_array_equal(getattr(found, key), getattr(expected, key))
    first = read([path], dataset=f"npz:{graph}").labels
    assert (first.train_mask != expected.train_mask).any()


def test_links_alone_are_a_graph(files, tmp_path):
    path = files("e.npy", matrix())
    edges = graph_parts()["edge_index"]
    pandas.DataFrame(np.hstack([edges, [np.arange(NUM_NODES)] * 2]).T, columns=["u", "v"]).to_csv(
        tmp_path / "edges.csv", index=False
    )
    given = ["--edges", str(tmp_path / "edges.csv"), "--labels", files("l.npy", CLASSES)]
    content = evaluate(path, *given, *ONE_SEED, "--no-baselines")
    assert content["dataset"] == "edges.csv"
