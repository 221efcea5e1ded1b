"""Rows get length 1 whatever their scale, around their mean; ordinary ones as scikit-learn's."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation.rows import Directions, unit_rows
from sklearn.preprocessing import normalize

FORMS = (np.asarray, scipy.sparse.csr_matrix)


def some_rows(dtype):
    rows = np.random.default_rng(0).normal(size=(40, 7)).astype(dtype)
    rows[np.abs(rows) < 0.3] = 0
    rows[3] = 0
    return rows


def dense(rows):
    return rows.toarray() if scipy.sparse.issparse(rows) else rows


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ordinary_rows_are_scikit_learns(form, dtype):
    rows = form(some_rows(dtype))
    found = unit_rows(rows)
    assert found.dtype == dtype
    np.testing.assert_array_equal(dense(found), dense(normalize(rows)))
    np.testing.assert_array_equal(dense(rows), some_rows(dtype))  # a copy


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scale", [1e-37, 1e-9, 1e15])
def test_short_and_long_rows_get_length_1(form, scale):
    rows = some_rows(np.float32)
    found = dense(unit_rows(form(rows * np.float32(scale))))
    np.testing.assert_allclose(found, dense(unit_rows(rows)), rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(found[3], 0)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16])
def test_other_numbers_become_float64(dtype):
    found = unit_rows(some_rows(np.float32).astype(dtype))
    assert found.dtype == np.float64
    lengths = np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(lengths[lengths > 0], 1, rtol=1e-12)


def test_no_rows_are_no_rows():
    assert unit_rows(np.zeros((0, 4), np.float32)).shape == (0, 4)


SOME = np.array([3, 0, 39, 3, 17])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block", [7, 1 << 14])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_around_their_mean(form, dtype, block, monkeypatch):
    monkeypatch.setattr("graph_barlow_twins.pretrain.evaluation.rows.directions._BLOCK_ROWS", block)
    rows = some_rows(dtype) + dtype(0.5)
    found = Directions(form(rows))[SOME]
    assert found.dtype == dtype
    expected = normalize(rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(found, expected[SOME], rtol=1e-6 if dtype == np.float32 else 1e-12)
    uncentred = Directions(form(rows), center=False)[SOME]
    np.testing.assert_array_equal(dense(uncentred), dense(unit_rows(form(rows)[SOME])))


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e307])
def test_the_scale_does_not_count_around_the_mean(scale):
    rows = some_rows(np.float64)
    found = Directions(rows * scale)[SOME]
    np.testing.assert_allclose(found, Directions(rows)[SOME], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e5, 0.0])
def test_what_all_rows_share_leaves_nothing(value):
    rows = np.full((50, 3), value)
    np.testing.assert_array_equal(Directions(rows)[SOME], 0)
    rows[:, 0] = np.arange(50) % 2
    np.testing.assert_array_equal(abs(Directions(rows)[SOME]), [[1, 0, 0]] * len(SOME))


def test_directions_of_nothing():
    assert Directions(np.zeros((4, 0)))[np.arange(2)].shape == (2, 0)
    assert Directions(np.ones((4, 3)))[np.arange(0)].shape == (0, 3)
