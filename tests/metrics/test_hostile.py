"""No metric can stop a run: whatever the matrix holds, the result is in its range, or NaN."""

import graph_barlow_twins.reference as reference  # before TensorFlow: it selects Keras 2
import graph_barlow_twins.tfgnn_task as tfgnn_task
import numpy as np
import pytest
import tensorflow as tf
from graph_barlow_twins.kernels.metrics import spectrum_graph
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics.measures import MODES, measures, measuring

SLACK = 1e-5
SPECIAL = (0.0, 1.0, -1.0, 3.5, np.nan, np.inf, -np.inf, 1e38, -1e38, 1e-38, 1e-44)
SPECIAL_FLOAT64 = (*SPECIAL, 1e300, -1e300, 1.7e308, 1e-300, 5e-324)


@st.composite
def matrices(draw):
    """Two views and weights or None: mostly ordinary, mostly awkward, or all the same."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    rows, columns = draw(st.integers(0, 7)), draw(st.integers(1, 7))
    special = SPECIAL if dtype == np.float32 else SPECIAL_FLOAT64
    kind = draw(st.sampled_from(["few special", "special", "one value", "duplicates", "scaled"]))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    views = rng.normal(size=(2, rows, columns)).astype(dtype)
    if kind == "few special" and rows:
        views[:, draw(st.integers(0, rows - 1)), 0] = draw(st.sampled_from(special))
    elif kind == "special":
        views = rng.choice(np.array(special, dtype), size=views.shape)
    elif kind == "one value":
        views[:] = draw(st.sampled_from(special))
    elif kind == "duplicates" and rows:
        views = views[:, rng.integers(0, rows, size=rows)]
        views[:, :, -1] = views[:, :, 0]
    elif kind == "scaled":
        with np.errstate(over="ignore"):
            views *= dtype(draw(st.sampled_from([x for x in special if 0 < x < np.inf])))
    weights = draw(st.sampled_from([None, "padding", "zeros"]))
    if weights is not None:
        weights = (rng.integers(0, 2, size=rows) * (weights == "padding")).astype(dtype)
    return views, weights


def assert_in_range(found, views, weights):
    _, rows, columns = views.shape
    rows = rows if weights is None else np.count_nonzero(weights)
    cap = min(rows, columns)
    ranges = {
        "rankme": (1, cap),
        "rankme_cap": (cap, cap),
        "numerical_rank": (0, cap),
        "pseudo_condition_number": (0, np.inf),
        "coherence": (1, rows / max(cap, 1)),
        "self_clustering": (-1 / max(columns - 1, 1), 1),
        "centred": (-1 / max(columns - 1, 1), 1),
        "uniformity": (-8, 0),
        "alignment": (0, 4),
        "correlation_diagonal": (-1, 1),
        "correlation_off_diagonal": (0, 1),
    }
    used = views if weights is None else views[:, weights > 0]
    bad = not used[0].size or not np.isfinite(used).all()
    for name, value in found.items():
        low, high = ranges[name]
        if bad and (name in ("alignment",) or "correlation" in name or not used[0].size):
            assert np.isnan(value), name
        if not np.isfinite(used[0]).all():
            assert np.isnan(value), name
        elif used.size and np.abs(used[used != 0]).max(initial=0) < 1e15:
            assert bad or not np.isnan(value), name
        if not np.isnan(value):
            slack = SLACK * max(1.0, cap)
            assert low - slack <= value <= high + slack, (name, value)


def cases(count):
    return settings(max_examples=count, derandomize=True, deadline=None, database=None)


@pytest.mark.slow  # a wide sweep
@cases(15)
@given(matrices())
def test_any_matrix(case):
    check_any_matrix(*case)


@pytest.mark.slow
@cases(200)
@given(matrices())
def test_many_matrices(case):
    check_any_matrix(*case)


def check_any_matrix(views, weights):
    tensors = [tf.constant(view) for view in views]
    given = () if weights is None else (weights,)
    found = measuring("graph", views.dtype.name, len(given))(*tensors, *given)
    found = {name: float(value) for name, value in found.items()}
    assert_in_range(found, views, weights)
    size = np.abs(views[np.isfinite(views) & (views != 0)])
    if size.size and size.max() < 1e-20 and size.min() < np.finfo(views.dtype).tiny:
        return  # TensorFlow's threads take subnormal numbers for zeros, the main one does not
    metric = tfgnn_task.AllSvdMetrics()
    metric.update_state(None, tensors[0], sample_weight=weights)
    for name, value in metric.result().items():
        np.testing.assert_allclose(value, found[name], rtol=1e-6)


@cases(100)
@given(matrices())
def test_any_matrix_in_the_reference(case):
    views, weights = case
    with np.errstate(all="ignore"):
        found = {n: float(x) for n, x in measures(reference, *views, weights).items()}
    assert_in_range(found, views, weights)


@cases(30)
@given(matrices())
def test_any_matrix_in_plain_ops(case):
    """The decomposition where no host can be called: never an error, always in order."""
    (matrix, _), weights = case
    found = spectrum_graph.spectrum(tf.constant(matrix), weights)
    sigma = found.singular_values.numpy()
    used = matrix if weights is None else matrix[weights > 0]
    if not used.size or not np.isfinite(used).all():
        assert np.isnan(sigma).all()
        assert np.isnan(found.largest_leverage)
        return
    assert (sigma >= 0).all()
    assert (np.diff(sigma) <= 0).all()
    assert 0 <= found.largest_leverage <= 1 + SLACK


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("mode", MODES)
def test_where_there_is_nothing_to_measure(mode, shape):
    nothing = tf.zeros(shape, tf.float64)
    for name, value in measuring(mode)(nothing, nothing).items():
        assert np.isnan(value), name
    for name, value in measures(reference, np.zeros(shape), np.zeros(shape)).items():
        assert np.isnan(value), name


@pytest.mark.parametrize("scale", [1e300, 1e-300])
@pytest.mark.parametrize("name", ["rankme", "numerical_rank", "coherence", "self_clustering"])
def test_huge_and_tiny_values_measure_as_others(name, scale):
    """Squares that overflow or vanish do not show."""
    matrix = np.random.default_rng(0).normal(size=(9, 4))
    for module in (tfgnn_task, reference):
        actual = float(getattr(module, name)(tf.constant(scale * matrix)))
        np.testing.assert_allclose(actual, getattr(reference, name)(matrix), rtol=1e-9)
