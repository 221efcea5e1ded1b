"""Links leave the graph before training, in both directions; they are compared with non-links."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation.links import (
    HeldOutEdges,
    hold_out_edges,
    link_prediction,
    link_scores,
    read_held_out_edges,
    save_held_out_edges,
    without_links,
)
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from sklearn.metrics import average_precision_score, roc_auc_score

from tests.graph.parts import refused


def graph(num_nodes, edges):
    return make_graph_data(name="g", features=np.eye(num_nodes), edge_index=np.asarray(edges))


def random_graph(num_nodes=60, num_edges=200, seed=0):
    return graph(num_nodes, np.random.default_rng(seed).integers(num_nodes, size=(2, num_edges)))


def as_set(pairs):
    return {tuple(pair) for pair in np.asarray(pairs).T.tolist()}


@pytest.mark.parametrize("enumerated", [0, 10**6])
def test_links_move_and_non_links_are_new(monkeypatch, enumerated):
    module = "graph_barlow_twins.pretrain.evaluation.links"
    monkeypatch.setattr(f"{module}._ENUMERATED_PAIRS", enumerated)
    data = random_graph()
    before = as_set(data.edge_index)
    remaining, positives, negatives = hold_out_edges(data, 0.3, 7)
    after = as_set(remaining.edge_index)
    links = as_set(positives)
    assert len(links) == positives.shape[1] == round(0.3 * len(before) / 2)
    assert after == before - links - {(v, u) for u, v in links}
    assert links <= before
    assert len(as_set(negatives)) == negatives.shape[1] == len(links)
    assert not as_set(negatives) & before  # of the full graph, not of what remains
    for pairs in (positives, negatives):
        assert (pairs[0] < pairs[1]).all()
    assert as_set(data.edge_index) == before
    assert as_set(without_links(data, positives[::-1]).edge_index) == after


def test_the_seed_decides():
    data = random_graph()
    first, again, other = (hold_out_edges(data, 0.3, seed) for seed in (1, 1, 2))
    for index in (1, 2):
        np.testing.assert_array_equal(first[index], again[index])
        assert as_set(first[index]) != as_set(other[index])


@pytest.mark.parametrize("enumerated", [0, 10**6])
def test_non_links_are_uniform(monkeypatch, enumerated):
    module = "graph_barlow_twins.pretrain.evaluation.links"
    monkeypatch.setattr(f"{module}._ENUMERATED_PAIRS", enumerated)
    # A ring of 12: 54 non-links, of which each seed draws 6.
    nodes = np.arange(12)
    data = graph(12, np.stack([nodes, (nodes + 1) % 12]))
    counts = np.zeros((12, 12))
    for seed in range(600):
        _, _, (low, high) = hold_out_edges(data, 0.5, seed)
        counts[low, high] += 1
    found = counts[np.triu_indices(12, 1)]
    found = found[found > 0]
    assert len(found) == 54
    # Expected 66.7 each, binomial: five standard deviations.
    assert np.abs(found - 600 * 6 / 54).max() < 5 * np.sqrt(600 * 6 / 54 * (1 - 6 / 54))


def test_shares_that_cannot_be_held_out_are_refused():
    data = graph(10, [[0, 1, 2, 3], [1, 2, 3, 4]])
    refused("0.1 of 4 links: .* that takes 0", hold_out_edges, data, 0.1, 0)
    refused("0.95 of 4 links: .* that takes 4", hold_out_edges, data, 0.95, 0)
    complete = graph(5, np.triu_indices(5, 1))
    refused("takes 5 links, but only 0 pairs", hold_out_edges, complete, 0.5, 0)
    for share in (-0.1, 1, np.nan):
        with pytest.raises(ValueError, match=r"share: expected a number in \[0, 1\)"):
            hold_out_edges(data, share, 0)
    remaining, positives, negatives = hold_out_edges(data, 0, 0)
    assert remaining is data
    assert positives.shape == negatives.shape == (2, 0)


def test_nearly_complete_graph_gives_its_few_non_links():
    source, target = np.triu_indices(30, 1)
    data = graph(30, [source[22:], target[22:]])
    _, positives, negatives = hold_out_edges(data, 22 / 413, 0)
    assert as_set(negatives) == as_set([source[:22], target[:22]])
    assert positives.shape == (2, 22)


def test_measures_by_hand():
    # Cosines: links 1 and 0, non-links 0.6 and -1. Of four comparisons the links win three.
    embeddings = np.array([[2.0, 0], [5, 0], [0, 3], [3, 4], [-1, 0]])
    held_out = HeldOutEdges(np.array([[0, 0], [1, 2]]), np.array([[0, 1], [3, 4]]))
    np.testing.assert_allclose(link_scores(embeddings, held_out.positives), [1, 0])
    np.testing.assert_allclose(link_scores(embeddings, held_out.negatives), [0.6, -1])
    found = link_prediction(embeddings, held_out)
    assert found.auc == pytest.approx(3 / 4)
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("block", [4, 2**22])
def test_measures_equal_sklearns(monkeypatch, block):
    monkeypatch.setattr("graph_barlow_twins.pretrain.evaluation.links._BLOCK_ENTRIES", block)
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(60, 3))
    embeddings[0] = 0
    _, *pairs = hold_out_edges(random_graph(), 0.3, 0)
    held_out = HeldOutEdges(*pairs)
    norms = np.linalg.norm(embeddings, axis=1)
    norms[0] = 1
    unit = embeddings / norms[:, None]
    scores = np.concatenate([(unit[low] * unit[high]).sum(1) for low, high in pairs])
    truth = [1] * pairs[0].shape[1] + [0] * pairs[1].shape[1]
    for given in (embeddings, scipy.sparse.csr_matrix(embeddings)):
        found = link_prediction(given, held_out)
        assert found.auc == pytest.approx(roc_auc_score(truth, scores))
        assert found.average_precision == pytest.approx(average_precision_score(truth, scores))


def test_neighbours_score_higher_in_a_graph_of_blocks():
    nodes = np.arange(40)
    same = nodes[:, None] // 20 == nodes // 20
    linked = np.triu(same & (np.random.default_rng(0).random((40, 40)) < 0.5), 1)
    data = graph(40, np.nonzero(linked))
    _, *pairs = hold_out_edges(data, 0.2, 0)
    blocks = np.eye(2)[nodes // 20]
    held_out = HeldOutEdges(*pairs)
    between = (pairs[1][0] // 20 != pairs[1][1] // 20).mean()
    assert link_prediction(blocks, held_out).auc == pytest.approx(between + (1 - between) / 2)


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
