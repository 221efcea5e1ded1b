"""What the tests of the command `evaluate` share: small embeddings and graphs, and its answers."""

import json
import os

import numpy as np
from graph_barlow_twins.pretrain.cli.main import main

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
