"""Held-out links are scored by cosine, beside pairs without one; their file is read with care."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation.links import link_prediction, link_scores
from graph_barlow_twins.pretrain.evaluation.rows import Directions
from graph_barlow_twins.pretrain.graph.held_out import HeldOutEdges, hold_out_edges
from graph_barlow_twins.pretrain.output.held_out import read_held_out_edges, save_held_out_edges
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.graph.parts import refused
from tests.graph.test_held_out import graph, random_graph


def test_measures_by_hand():
    # Cosines: links 1 and 0, non-links 0.6 and -1. Of four comparisons the links win three.
    embeddings = np.array([[2.0, 0], [5, 0], [0, 3], [3, 4], [-1, 0]])
    held_out = HeldOutEdges(np.array([[0, 0], [1, 2]]), np.array([[0, 1], [3, 4]]))
    rows = Directions(embeddings, center=False)
    np.testing.assert_allclose(link_scores(rows, held_out.positives), [1, 0])
    np.testing.assert_allclose(link_scores(rows, held_out.negatives), [0.6, -1])
    found = link_prediction(embeddings, held_out, center=False)
    assert found.auc == pytest.approx(3 / 4)
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("block", [4, 2**22])
def test_measures_equal_sklearns(monkeypatch, block):
    monkeypatch.setattr("graph_barlow_twins.pretrain.evaluation.links._BLOCK_ENTRIES", block)
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(60, 3))
    embeddings[0] = 0
    _, held_out = hold_out_edges(random_graph(), 0.3, 0)
    norms = np.linalg.norm(embeddings, axis=1)
    norms[0] = 1
    unit = embeddings / norms[:, None]
    scores = np.concatenate([(unit[low] * unit[high]).sum(1) for low, high in held_out])
    truth = np.repeat([1, 0], [pairs.shape[1] for pairs in held_out])
    for given in (embeddings, scipy.sparse.csr_matrix(embeddings)):
        found = link_prediction(given, held_out, center=False)
        assert found.auc == pytest.approx(roc_auc_score(truth, scores))
        assert found.average_precision == pytest.approx(average_precision_score(truth, scores))


def test_neighbours_score_higher_in_a_graph_of_blocks():
    nodes = np.arange(40)
    same = nodes[:, None] // 20 == nodes // 20
    linked = np.triu(same & (np.random.default_rng(0).random((40, 40)) < 0.5), 1)
    data = graph(40, np.nonzero(linked))
    _, held_out = hold_out_edges(data, 0.2, 0)
    blocks = np.eye(2)[nodes // 20]
    low, high = held_out.negatives
    between = (low // 20 != high // 20).mean()
    assert link_prediction(blocks, held_out, center=False).auc == pytest.approx(
        between + (1 - between) / 2
    )


def test_file_returns_what_was_written_and_bad_ones_are_refused(tmp_path):
    path = tmp_path / "held_out_edges.npz"
    held_out = HeldOutEdges(np.array([[0, 1], [2, 3]]), np.array([[0], [4]]))
    save_held_out_edges(held_out, path)
    for written, read in zip(held_out, read_held_out_edges(path, 5), strict=True):
        np.testing.assert_array_equal(written, read)
    refused(r"positives: expected nodes in \[0, 3\), got 3", read_held_out_edges, path, 3)
    refused("no file", read_held_out_edges, tmp_path / "none.npz", 5)
    for positives, message in (
        (np.zeros((3, 2), int), r"positives: expected integers \[2, P\], got int64 of \(3, 2\)"),
        (np.zeros((2, 2)), "positives: expected integers"),
        (np.zeros((2, 0), int), "positives: expected at least one pair"),
        (np.array([[0], [-1]]), r"got -1"),
        (np.array([[None], [1]]), "object arrays"),
    ):
        np.savez(path, positives=positives, negatives=held_out.negatives)
        refused(message, read_held_out_edges, path, 5)
    np.savez(path, positives=held_out.positives)
    refused("the key negatives is missing", read_held_out_edges, path, 5)
    path.write_bytes(b"PK\x03\x04 cut")
    refused("not an npz file", read_held_out_edges, path, 5)


def test_links_around_the_mean():
    rng = np.random.default_rng(0)
    embeddings, (_, held_out) = rng.normal(size=(60, 3)), hold_out_edges(random_graph(), 0.3, 0)
    centred = embeddings - embeddings.mean(axis=0)
    found = link_prediction(embeddings + np.array([5, 0, -3]), held_out, center=True)
    assert found.auc == pytest.approx(link_prediction(centred, held_out, center=False).auc)
