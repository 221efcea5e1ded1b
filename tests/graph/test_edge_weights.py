"""Weights of edges: what a file may say, and what stays of them."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.errors import InputError
from graph_barlow_twins.pretrain.evaluation.robustness import DAMAGES, damaged
from graph_barlow_twins.pretrain.graph.data import make_graph_data
from graph_barlow_twins.pretrain.graph.held_out import hold_out_edges
from graph_barlow_twins.pretrain.graph.npy import load_npy_folder
from graph_barlow_twins.pretrain.graph.npz import load_npz

FEATURES = {"features": np.eye(4, dtype=np.float32)}
# A loop, a link given twice, one given in both directions, one of weight 0.
EDGES = np.array([[0, 1, 1, 2, 2, 0], [0, 2, 2, 1, 3, 1]])
WEIGHTS = np.array([9, 2, 4, 1, 6, 0])


def dense(data):
    return data.adjacency.matrix().toarray()


def expected(*links):
    result = np.zeros((4, 4))
    for u, v, weight in links:
        result[u, v] = result[v, u] = weight
    return result / result[result > 0].mean()


@pytest.mark.parametrize("dtype", [np.int32, np.float16, np.float64])
def test_in_proportion_and_the_largest_of_a_link(tmp_path, dtype):
    arrays = FEATURES | {"edge_index": EDGES, "edge_weight": WEIGHTS.astype(dtype)}
    np.savez(tmp_path / "g.npz", **arrays)
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
    for data in (load_npz(tmp_path / "g.npz"), load_npy_folder(tmp_path)):
        assert data.edge_weight.dtype == np.float32
        np.testing.assert_allclose(dense(data), expected((1, 2, 4), (2, 3, 6)), rtol=1e-6)
        assert np.mean(data.edge_weight) == pytest.approx(1)
        np.testing.assert_allclose(data.adjacency.strengths, dense(data).sum(axis=1), rtol=1e-6)


def test_any_unit_and_the_digest():
    graphs = [
        make_graph_data(name="g", **FEATURES, edge_index=EDGES, edge_weight=weights)
        for weights in (WEIGHTS, 1000.0 * WEIGHTS, WEIGHTS + 1.0, None, np.ones(6))
    ]
    first, scaled, other, without, ones = (one.digest() for one in graphs)
    assert first == scaled
    assert len({first, other, without, ones}) == 4
    np.testing.assert_array_equal(dense(graphs[3]), dense(graphs[4]))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(5), r"edge_weight: expected numbers of shape \(6,\), got float64 of \(5,\)"),
        (np.array(list("abcdef")), "expected numbers"),
        (np.array([1, 1, -0.5, 1, 1, -2]), r"at least 0, got -0.5 of edge 2 \(2 such edges\)"),
        (np.array([1, np.nan, 1, 1, 1, 1]), r"finite weights of at least 0, got nan of edge 1"),
        (np.array([1, np.inf, 1, 1, 1, 1]), "got inf"),
        (np.full(6, 1e300), "got 1e\\+300"),
    ],
)
def test_refusals(weights, message):
    with pytest.raises(InputError, match=message):
        make_graph_data(name="g", **FEATURES, edge_index=EDGES, edge_weight=weights)


def test_weights_without_edges():
    with pytest.raises(InputError, match="edge_weight: there is no edge_index"):
        make_graph_data(
            name="g", **FEATURES, relations={"edge_index_a": EDGES}, edge_weight=WEIGHTS
        )
    with pytest.raises(InputError, match="edge_weight_b: there is no edge_index_b"):
        make_graph_data(
            name="g", **FEATURES, relations={"edge_index_a": EDGES, "edge_weight_b": WEIGHTS}
        )


def test_all_links_of_weight_zero():
    with pytest.warns(UserWarning, match="no edges"):
        data = make_graph_data(name="g", **FEATURES, edge_index=EDGES, edge_weight=np.zeros(6))
    assert data.num_edges == 0


def test_of_relations():
    named = make_graph_data(
        name="g",
        **FEATURES,
        relations={
            "edge_index_a": EDGES,
            "edge_weight_a": WEIGHTS,
            "edge_index_b": EDGES,
            "edge_index_in": np.array([[0, 0, 1], [1, 1, 0]]),
            "num_targets_in": 2,
            "edge_weight_in": np.array([1.0, 3.0, 1.0]),
        },
    )
    a, b, inside = named.relations
    np.testing.assert_allclose(a.edge_weight, np.array([4, 1, 6]) * 3 / 11, rtol=1e-6)
    assert b.edge_weight is None
    np.testing.assert_allclose(inside.edge_weight, [1.5, 0.5])
    # Merged, the largest of the links that two relations have: ones, where there are no weights.
    assert named.edge_weight is not None
    assert named.edge_index.shape == (2, 6)
    types = np.array([0, 1, 0, 1, 1, 1])
    typed = make_graph_data(
        name="g",
        **FEATURES,
        edge_index=EDGES,
        edge_weight=WEIGHTS,
        relations={"edge_type": types},
    )
    weights = {one.name: one.edge_weight for one in typed.relations}
    np.testing.assert_allclose(weights["type 0"], [1])
    np.testing.assert_allclose(weights["type 1"], np.array([2, 1, 6]) / 3, rtol=1e-6)


def test_what_is_left_keeps_its_weight():
    rng = np.random.default_rng(0)
    data = make_graph_data(
        name="g",
        features=rng.random((30, 4)),
        edge_index=rng.integers(0, 30, (2, 120)),
        edge_weight=rng.random(120) + 0.1,
    )
    before = dense(data)
    held_out, _ = hold_out_edges(data, 0.3, seed=1)
    for graph in (held_out, damaged(data, DAMAGES[0], seed=1)):
        after = dense(graph)
        assert 0 < (after > 0).sum() < (before > 0).sum()
        np.testing.assert_array_equal(after, np.where(after > 0, before, 0))
        np.testing.assert_array_equal(after, after.T)


@pytest.mark.parametrize("unit", [1e-50, 1e-300, 1e-320, 1e14])
def test_weights_of_any_unit(unit):
    rng = np.random.default_rng(0)
    weights = rng.random(6) + 0.5
    plain, scaled = (
        make_graph_data(
            name="g",
            **FEATURES,
            edge_index=EDGES,
            edge_weight=weights * one,
            relations={
                "edge_index_in": EDGES,
                "num_targets_in": 4,
                "edge_weight_in": weights * one,
            },
        )
        for one in (1.0, unit)
    )
    rtol = 1e-2 if unit < 1e-310 else 1e-6  # subnormal numbers have few digits
    np.testing.assert_allclose(scaled.edge_weight, plain.edge_weight, rtol=rtol)
    first, second = (data.relations[0].edge_weight for data in (plain, scaled))
    np.testing.assert_allclose(first, second, rtol=rtol)


def test_next_to_no_weight_is_no_link():
    weights = [1, 1e-13, 1e-13, 1e-14, 1, 1]
    data = make_graph_data(name="g", **FEATURES, edge_index=EDGES, edge_weight=weights)
    np.testing.assert_allclose(dense(data), expected((0, 1, 1), (2, 3, 1)))


def test_the_digest_knows_whose_weights_they_are():
    def digest(**relations):
        links = {"edge_index_a": EDGES, "edge_index_b": EDGES}
        return make_graph_data(name="g", **FEATURES, relations=links | relations).digest()

    found = {digest(), digest(edge_weight_a=WEIGHTS), digest(edge_weight_b=WEIGHTS)}
    assert len(found | {digest(num_targets_a=np.array(4))}) == 4
