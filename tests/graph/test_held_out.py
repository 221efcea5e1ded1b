"""Links leave the graph in both directions; they are compared with pairs that it does not link."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges, without_links

from tests.graph.parts import refused


def graph(num_nodes, edges):
    return make_graph_data(name="g", features=np.eye(num_nodes), edge_index=np.asarray(edges))


def random_graph(num_nodes=60, num_edges=200, seed=0):
    return graph(num_nodes, np.random.default_rng(seed).integers(num_nodes, size=(2, num_edges)))


def as_set(pairs):
    return {tuple(pair) for pair in np.asarray(pairs).T.tolist()}


@pytest.mark.parametrize("enumerated", [0, 10**6])
def test_links_move_and_non_links_are_new(monkeypatch, enumerated):
    module = "graph_barlow_twins.pretrain.graph.held_out"
    monkeypatch.setattr(f"{module}._ENUMERATED_PAIRS", enumerated)
    data = random_graph()
    before = as_set(data.edge_index)
    remaining, (positives, negatives) = hold_out_edges(data, 0.3, 7)
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
    first, again, other = (hold_out_edges(data, 0.3, seed)[1] for seed in (1, 1, 2))
    for index in (0, 1):
        np.testing.assert_array_equal(first[index], again[index])
        assert as_set(first[index]) != as_set(other[index])


@pytest.mark.parametrize("enumerated", [0, 10**6])
def test_non_links_are_uniform(monkeypatch, enumerated):
    module = "graph_barlow_twins.pretrain.graph.held_out"
    monkeypatch.setattr(f"{module}._ENUMERATED_PAIRS", enumerated)
    # A ring of 12: 54 non-links, of which each seed draws 6.
    nodes = np.arange(12)
    data = graph(12, np.stack([nodes, (nodes + 1) % 12]))
    counts = np.zeros((12, 12))
    for seed in range(600):
        _, (_, (low, high)) = hold_out_edges(data, 0.5, seed)
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
    remaining, (positives, negatives) = hold_out_edges(data, 0, 0)
    assert remaining is data
    assert positives.shape == negatives.shape == (2, 0)


def test_nearly_complete_graph_gives_its_few_non_links():
    source, target = np.triu_indices(30, 1)
    data = graph(30, [source[22:], target[22:]])
    _, (positives, negatives) = hold_out_edges(data, 22 / 413, 0)
    assert as_set(negatives) == as_set([source[:22], target[:22]])
    assert positives.shape == (2, 22)
