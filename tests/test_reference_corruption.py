"""reference/corruption.py keeps rows, means, columns and edges as it says."""

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
