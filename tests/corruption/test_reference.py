"""reference/corruption/features.py keeps rows, means, columns and edges as it says."""

import numpy as np
import pytest
from graph_barlow_twins import reference


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
def test_shuffle_moves_no_more_rows_than_its_rate(rate):
    value = np.arange(30)
    shuffled = reference.shuffle_rows(value, rate, key=2)
    np.testing.assert_array_equal(np.sort(shuffled), value)
    moved = np.count_nonzero(shuffled != value)
    assert (moved > 0) == (rate > 0)
    assert moved <= round(rate * 30)


def test_shuffle_keeps_ragged_rows_whole():
    value = reference.Ragged(np.arange(6), np.array([0, 1, 3, 6, 6]))
    shuffled = reference.shuffle_rows(value, 1.0, key=4)
    rows = [
        shuffled.values[start:stop].tolist()
        for start, stop in zip(shuffled.row_splits[:-1], shuffled.row_splits[1:], strict=True)
    ]
    assert sorted(rows) == [[], [0], [1, 2], [3, 4, 5]]
    assert rows != [[0], [1, 2], [3, 4, 5], []]


def test_dropout_keeps_the_mean():
    value = np.ones((1000, 100), np.float32)
    dropped = reference.dropout(value, 0.25, key=9)
    assert set(np.unique(dropped)) == {np.float32(0), np.float32(4 / 3)}
    np.testing.assert_allclose(dropped.mean(), 1.0, atol=0.01)


def test_masks_whole_columns():
    value = np.ones((5, 1000), np.float32)
    masked = reference.mask_columns(value, 0.25, key=9)
    assert np.all(masked == masked[0])
    np.testing.assert_allclose(masked.mean(), 0.75, atol=0.05)


def test_dropped_nan_is_zero():
    value = np.full((3, 2), np.nan)
    assert not np.any(reference.dropout(value, 1.0, key=0))
    assert not np.any(reference.mask_columns(value, 1.0, key=0))


def test_drop_edges_keeps_columns_together():
    edges = np.arange(1000)
    source, target, features, sizes = reference.drop_edges(
        edges, edges + 1000, 0.3, 5, features={"id": edges * 2}, sizes=np.array([400, 0, 600])
    )
    np.testing.assert_array_equal(target, source + 1000)
    np.testing.assert_array_equal(features["id"], source * 2)
    assert np.all(np.diff(source) > 0)
    assert sizes.tolist() == [np.sum(source < 400), 0, np.sum(source >= 400)]
    assert abs(len(source) - 700) < 75


def test_integers_have_no_dropout():
    for operation in (reference.dropout, reference.mask_columns):
        with pytest.raises(TypeError, match="floating dtype"):
            operation(np.arange(3), 0.5, 0)


PADDED = {
    "source": np.array([0, 1, 2, 1, 3, 4, 4]),
    "target": np.array([1, 0, 1, 2, 3, 4, 4]),
    "sizes": np.array([4, 1, 2]),  # the last component is padding, its only node is number 4
}


def test_dropped_edges_move_into_the_padding():
    features = {
        "number": np.arange(1.0, 8),
        "name": np.array([b"a", b"b", b"c", b"d", b"e", b"", b""], object),
        "list": reference.Ragged(np.arange(1, 8), np.array([0, 2, 3, 3, 5, 7, 7, 7])),
    }
    key = next(  # edges 1 and 4 are dropped
        key
        for key in range(1000)
        if reference.dropped_rows(key, 7, 0.5)[:5].tolist() == [False, True, False, False, True]
    )
    source, target, features, sizes = reference.drop_edges(
        PADDED["source"], PADDED["target"], 0.5, key, features=features, sizes=PADDED["sizes"],
        padding=(2, 4, 4),
    )  # fmt: skip
    assert source.tolist() == [0, 2, 1, 4, 4, 4, 4]
    assert target.tolist() == [1, 1, 2, 4, 4, 4, 4]
    assert sizes.tolist() == [3, 0, 4]
    assert features["number"].tolist() == [1, 3, 4, 0, 0, 6, 7]
    assert features["name"].tolist() == [b"a", b"c", b"d", b"", b"", b"", b""]
    assert features["list"].row_splits.tolist() == [0, 2, 2, 4, 4, 4, 4, 4]
    assert features["list"].values.tolist() == [1, 2, 4, 5]


@pytest.mark.parametrize("padding", [(3, 4, 4), (2, None, 4), (2, 4, None)])
def test_without_a_place_to_move_to_every_edge_is_kept(padding):
    source, target, _, sizes = reference.drop_edges(
        PADDED["source"], PADDED["target"], 1.0, 0, sizes=PADDED["sizes"], padding=padding
    )
    np.testing.assert_array_equal(source, PADDED["source"])
    np.testing.assert_array_equal(target, PADDED["target"])
    np.testing.assert_array_equal(sizes, PADDED["sizes"])


def test_undirected_pairs_share_the_draw_of_the_first_edge():
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 15, (2, 400))
    _, _, features, _ = reference.drop_edges(
        source, target, 0.4, 3, features={"n": np.arange(400)}, undirected=True
    )
    drawn = reference.bernoulli(3, 400, 0.4)
    pairs = [frozenset(pair) for pair in zip(source, target, strict=True)]
    expected = [i for i in range(400) if not drawn[pairs.index(pairs[i])]]
    assert features["n"].tolist() == expected


def test_drop_nodes_by_hand():
    key = next(
        key
        for key in range(1000)
        if reference.dropped_rows(key, 6, 0.5).tolist() == [True, False, True, False, True, False]
    )
    source, target, features, sizes, edges, edge_sizes = reference.drop_nodes(
        np.array([0, 1, 1, 0, 3, 3, 5]),
        np.array([1, 0, 2, 0, 5, 4, 3]),
        0.5,
        key,
        sizes=np.array([3, 3]),
        edge_sizes=np.array([4, 3]),
        protected=np.array([True, False, False, True, False, False]),  # the roots
        features={"x": np.arange(6) * 10},
    )
    assert features["x"].tolist() == [0, 10, 30, 50]
    assert sizes.tolist() == [2, 2]
    assert edges.tolist() == [0, 1, 3, 4, 6]
    assert edge_sizes.tolist() == [3, 2]
    assert source.tolist() == [0, 1, 0, 2, 3]
    assert target.tolist() == [1, 0, 0, 3, 2]


def test_drop_nodes_by_id_follows_the_ids():
    ids = np.array([8, 3, 9, 1])
    order = np.array([2, 0, 3, 1])
    none = np.zeros(0, int)
    common = {"sizes": np.array([4]), "edge_sizes": np.array([0])}
    kept = [
        reference.drop_nodes(none, none, 0.5, 6, ids=i, features={"id": i}, **common)[2]["id"]
        for i in (ids, ids[order])
    ]
    assert set(kept[0]) == set(kept[1])
    assert 0 < len(kept[0]) < 4


@pytest.mark.parametrize("function", ["shuffle_rows", "dropout", "mask_columns"])
def test_rates_are_shares(function):
    for rate in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match="rate"):
            getattr(reference, function)(np.ones((3, 2), np.float32), rate, key=1)
