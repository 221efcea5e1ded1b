"""Damaged graphs: as much goes as is said, and the probes are asked about the damaged nodes."""

import numpy as np
import pytest
from graph_barlow_twins.pretrain.evaluation.robustness import (
    DAMAGES,
    Damage,
    damaged,
    damages_of,
    robustness,
)
from graph_barlow_twins.pretrain.graph.data import LabelledNodes, make_graph_data

from tests.graph.relational import NODES, packages

LABELS = np.arange(NODES) % 3


@pytest.mark.parametrize("sparse", [True, False])
def test_what_goes(sparse):
    data = packages(sparse=sparse)
    left = damaged(data, Damage("some", links=0.7), seed=0)
    assert left.num_edges == pytest.approx(0.3 * data.num_edges, abs=0.15 * data.num_edges)
    pairs = {tuple(pair) for pair in left.edge_index.T}
    assert {pair[::-1] for pair in pairs} == pairs
    for one, before in zip(left.relations, data.relations, strict=True):
        found = {tuple(pair) for pair in one.edge_index.T}
        everything = {tuple(pair) for pair in before.edge_index.T}
        assert 0 < len(found) < len(everything)
        assert found <= everything
        if one.between_nodes:  # what is gone in one place is gone in all
            assert found == everything & pairs
    dense = data.feature_rows(slice(None))
    np.testing.assert_array_equal(left.feature_rows(slice(None)), dense)

    columns = damaged(data, Damage("columns", columns=0.5), seed=0).feature_rows(slice(None))
    whole = [np.array_equal(columns[:, c], dense[:, c]) for c in range(dense.shape[1])]
    assert 0.3 < np.mean(whole) < 0.7
    assert not columns[:, ~np.array(whole)].any()

    entries = damaged(data, Damage("entries", entries=0.8), seed=0).feature_rows(slice(None))
    assert entries.sum() == pytest.approx(0.2 * dense.sum(), rel=0.4)
    assert ((entries == 0) | (entries == dense)).all()
    again = damaged(data, Damage("entries", entries=0.8), seed=0).feature_rows(slice(None))
    np.testing.assert_array_equal(entries, again)


def test_a_relation_to_something_else_may_be_unknown():
    data = packages()
    *_, last = damages_of(data)
    assert last == Damage("belongs unknown", relation="belongs")
    left = damaged(data, last, seed=0)
    np.testing.assert_array_equal(left.edge_index, data.edge_index)
    for one, before in zip(left.relations, data.relations, strict=True):
        kept = one.edge_index.shape[1]
        assert kept == (0 if one.name == "belongs" else before.edge_index.shape[1])


def test_probes_are_fitted_on_the_graph_as_it_is_and_asked_about_the_damaged_one():
    data = packages(labels=LABELS)
    clean = np.eye(3, dtype=np.float32)[LABELS]

    def turned(graph):
        return np.eye(3, dtype=np.float32)[(LABELS + 1) % 3]

    def same(graph):
        counts = [len(one.edge_index[0]) for one in graph.relations]
        assert 0 in counts or graph.num_edges < data.num_edges
        return clean

    encoders = {"same": [same], "turned": [turned, same]}
    embeddings = {"same": [clean], "turned": [clean, clean]}
    found = robustness(encoders, embeddings, data, seeds=2, split="random")
    assert list(found) == [one.name for one in DAMAGES] + ["belongs unknown"]
    for by_name in found.values():
        assert set(by_name["same"].measures) == {"linear_probe", "knn_probe"}
        for probe in ("linear_probe", "knn_probe"):
            assert by_name["same"].measures[probe].values == (1.0, 1.0)
            assert by_name["turned"].measures[probe].values == (0.0, 0.0, 1.0, 1.0)


def test_other_labels_than_the_graphs():
    data = packages()
    clean = np.eye(3, dtype=np.float32)[LABELS]
    nodes = LabelledNodes("other", NODES, LABELS, ("a", "b", "c"))
    found = robustness(
        {"same": [lambda graph: clean]}, {"same": [clean]}, data, nodes=nodes, seeds=2
    )
    for by_name in found.values():
        assert set(by_name["same"].measures["linear_probe"].values) == {1.0}


def test_relations_may_have_links_that_the_graph_has_not():
    rng = np.random.default_rng(0)
    links = rng.integers(0, 40, (2, 100))
    data = make_graph_data(
        name="g",
        features=rng.random((40, 3)),
        edge_index=links[:, :10],
        relations={"edge_index_a": links, "edge_index_b": links[::-1]},
    )
    left = damaged(data, Damage("some", links=0.5), seed=0)
    pairs = [{frozenset(pair) for pair in one.edge_index.T.tolist()} for one in left.relations]
    assert pairs[0] == pairs[1]
    before = {frozenset(pair) for pair in data.relations[0].edge_index.T.tolist()}
    assert 0.3 * len(before) < len(pairs[0]) < 0.7 * len(before)
    everywhere = {frozenset(pair) for pair in data.edge_index.T.tolist()}
    assert {frozenset(pair) for pair in left.edge_index.T.tolist()} == everywhere & pairs[0]
