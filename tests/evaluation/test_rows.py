"""Rows get length 1 whatever their scale; ordinary ones as scikit-learn's, to the last bit."""

import numpy as np
import pytest
import scipy.sparse
from graph_barlow_twins.pretrain.evaluation.rows import unit_rows
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
