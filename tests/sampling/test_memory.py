"""Subgraphs in memory are those of loops over dictionaries, in every batch."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.sampling.draws import draw, id_words, operation_key
from graph_barlow_twins.pretrain.sampling.memory import MemorySampler
from graph_barlow_twins.pretrain.sampling.network import read_network
from graph_barlow_twins.pretrain.sampling.plan import plan_by_fan_out

from tests.cluster.by_loops import assert_same, awkward_flights, subgraphs
from tests.schema.flights import write


@pytest.fixture(scope="module")
def flown(tmp_path_factory):
    """Folder, tables, network and plan."""
    folder = tmp_path_factory.mktemp("network")
    sets = awkward_flights()
    write(folder, sets)
    network = read_network(folder, "flight", "label")
    return folder, sets, network, plan_by_fan_out(network.kinds, "flight", (3, 2))


def content(network, found, place):
    """Of one of the subgraphs, by TF-GNN's keys."""
    content = {}

    def part(sizes):
        start = sum(sizes[:place])
        return slice(start, start + sizes[place])

    for name, one in network.node_sets.items():
        nodes = found.nodes[name][part(found.node_sizes[name])]
        content[f"nodes/{name}.#size"] = [len(nodes)]
        content[f"nodes/{name}.#id"] = one.ids[nodes].tolist()
        for key, feature in one.features.items():
            rows = feature.take(nodes)
            content[f"nodes/{name}.{key}"] = rows.values.ravel().tolist()
            if rows.lengths is not None:
                content[f"nodes/{name}.{key}.d1"] = rows.lengths.tolist()
    for name, ends in found.edges.items():
        source, target = ends[:, part(found.edge_sizes[name])]
        content[f"edges/{name}.#size"] = [len(source)]
        content[f"edges/{name}.#source"] = source.tolist()
        content[f"edges/{name}.#target"] = target.tolist()
    return content


def test_subgraphs_are_those_of_loops(flown):
    folder, sets, network, plan = flown
    expected = subgraphs(folder, sets, plan, seed=7)
    ids = network.node_sets["flight"].ids
    roots = np.random.default_rng(0).permutation(len(ids))
    found = MemorySampler(network, plan, 7)(roots)
    for place, root in enumerate(roots):
        assert_same(content(network, found, place), expected[ids[root]])


def test_batches_and_visits(flown):
    _, _, network, plan = flown
    sampler = MemorySampler(network, plan, 0)
    roots = np.array([5, 3, 5, 30])
    mixed = sampler(roots, np.array([0, 1, 1, 0]))
    for place, (root, visit) in enumerate(zip(roots, [0, 1, 1, 0], strict=True)):
        alone = content(network, sampler(np.array([root]), visit), 0)
        assert_same(content(network, mixed, place), alone)
    every = np.arange(40)
    first, second = sampler(every, 0), sampler(every, 1)
    sizes = [sum(map(len, (s.nodes["airport"], s.nodes["flight"]))) for s in (first, second)]
    assert sizes[0] != sizes[1]  # another visit draws others


def test_draws_are_uniform_and_different():
    nodes = id_words(map(str, range(20_000)))
    degrees = np.full(len(nodes), 7)
    positions, is_drawn = draw(operation_key(1, "hop"), nodes[:1], nodes, degrees, 3)
    assert is_drawn.all()
    assert (np.sort(positions)[:, 1:] != np.sort(positions)[:, :-1]).all()
    share = np.bincount(positions.ravel(), minlength=7) / len(nodes)
    np.testing.assert_allclose(share, 3 / 7, atol=0.015)


def test_few_neighbours_all_come():
    words = id_words(["a", "b", "c"])
    positions, is_drawn = draw(5, words, words, np.array([2, 0, 9]), 4)
    assert positions[0, :2].tolist() == [0, 1]
    assert is_drawn.sum(axis=1).tolist() == [2, 0, 4]
