"""The synthetic large graph is what its script says."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.graph.datasets import load_dataset

from bench.block_graph import block_graph, main

NODES, EDGES, BLOCKS = 4000, 40_000, 10


@pytest.fixture(scope="module")
def graph():
    return block_graph(NODES, EDGES, blocks=BLOCKS, features=16, within=0.3, signal=2.0, seed=1)


def test_sizes_and_form(graph):
    source, target = graph["edge_index"].astype(np.int64)
    assert graph["features"].shape == (NODES, 16)
    assert graph["features"].dtype == np.float32
    assert graph["edge_index"].shape == (2, EDGES)
    assert (source < target).all()
    assert source.min() >= 0
    assert target.max() < NODES
    assert len(np.unique(source * NODES + target)) == EDGES
    assert set(graph["labels"]) == set(range(BLOCKS))


def test_share_of_edges_inside_blocks(graph):
    inside = np.diff(graph["labels"][graph["edge_index"]], axis=0) == 0
    # An edge of the rest hits one block with both ends by chance, in one case of ten or so.
    expected = 0.3 + 0.7 / BLOCKS
    assert abs(inside.mean() - expected) < 0.03


def test_degrees_have_a_heavy_tail(graph):
    degrees = np.bincount(graph["edge_index"].ravel(), minlength=NODES)
    assert degrees.max() > 8 * degrees.mean()
    assert np.median(degrees) < 0.75 * degrees.mean()


def test_blocks_have_orthogonal_means_in_unit_noise(graph):
    features, labels = graph["features"], graph["labels"]
    means = np.stack([features[labels == block].mean(axis=0) for block in range(BLOCKS)])
    # A mean of 400 nodes is off by 0.05 per coordinate.
    np.testing.assert_allclose(means @ means.T, 4 * np.eye(BLOCKS), atol=0.7)
    assert abs((features - means[labels]).std() - 1) < 0.02


def test_node_numbers_do_not_tell_the_block(graph):
    neighbours = graph["labels"][1:] == graph["labels"][:-1]
    assert abs(neighbours.mean() - 1 / BLOCKS) < 0.03


def test_seeds():
    options = {"blocks": 3, "features": 4}
    first, again, other = (block_graph(200, 400, seed=seed, **options) for seed in (5, 5, 6))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["edge_index"], other["edge_index"])


@pytest.mark.parametrize("name", ["g.npz", "g"])
def test_files_are_data_sets(tmp_path, name):
    options = ["--nodes", "200", "--edges", "500", "--blocks", "4", "--features", "8"]
    assert main([*options, "--output", str(tmp_path / name)]) == 0
    kind = "npz" if name.endswith(".npz") else "npy"
    data = load_dataset(f"{kind}:{tmp_path / name}")
    assert (data.num_nodes, data.num_edges, data.num_classes) == (200, 1000, 4)


def test_impossible_graphs_are_refused(capsys):
    with pytest.raises(ValueError, match="at most half of all pairs of 10 nodes, got 30"):
        block_graph(10, 30)
    with pytest.raises(ValueError, match="at most 4, as many as features, got 5"):
        block_graph(100, 30, blocks=5, features=4)
    with pytest.raises(SystemExit):
        main(["--nodes", "10", "--edges", "30", "--output", "g"])
    assert "half of all pairs" in capsys.readouterr().err
